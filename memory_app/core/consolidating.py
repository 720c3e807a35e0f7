"""Which facts of a user can go: decisions by rule over plain values, without a database.

Three rules: facts that say the same become one (DUPLICATE), what was true until a time that is past
is retired (ENDED), and so is what nobody ever used and little speaks for (UNPROVEN). What a person
said of a fact stands above all of them: one that a person edited, put back, pinned or wrote down is
never touched, and neither is a correction or a preference with a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from memory_app.core import pacing
from memory_app.core.facts import EDITOR, MOST_SOURCES, Source
from memory_app.core.relations import thing
from sessions_app.core import words

DUPLICATE, ENDED, UNPROVEN = "duplicate", "ended", "unproven"
REASONS: Mapping[str, str] = {
    DUPLICATE: "duplicate: Two facts say the same.",
    ENDED: "ended: It was true until a time that is past.",
    UNPROVEN: "unproven: A tool or an import told it, with low confidence, and in 90 days it was"
    " never used.",
}
MOST_TRUSTED_FIRST = ("user", "model", "tool", "import")
UNTRUSTED = ("tool", "import")
SURE = 0.5
"""The confidence from which on a fact stays whoever told it."""
AGE_US = 90 * 86_400_000_000

# Marks that only separate; between digits they are part of a number, and others (+ - # ? %) mean
# something.
_SEPARATING = re.compile(
    r"""[\s;!"'`\u2018-\u201f\u00ab\u00bb\u3001\u3002()\[\]]+|(?<!\d)[.,:]+|[.,:]+(?!\d)"""
)


class Known(NamedTuple):
    """An active fact of a user: `session` is the number of the one it is of, if any, `names` are
    its key, subject, relation and object. `used` says that a recorded context had it, `edited` that
    a person made a revision of it."""

    fact: int
    text: str
    created_us: int
    trust: str
    session: int | None = None
    category: str = ""
    names: tuple[str, str, str, str] = ("", "", "", "")
    confidence: float = 1.0
    pinned: bool = False
    used: bool = False
    edited: bool = False
    sources: tuple[Source, ...] = ()
    valid_us: int | None = None
    invalid_us: int | None = None


class Intent(NamedTuple):
    """A fact that is to be retired by a rule, or merged `into` another one."""

    fact: int
    rule: str
    into: int | None = None


def decide(facts: Iterable[Known], *, now: int, most: int) -> list[Intent]:
    """What is to be done about the active facts of one user, `most` of it at most. No fact is in
    two intents, but one may be what several are merged into."""
    free = [fact for fact in facts if not is_left_alone(fact)]
    free.sort(key=lambda fact: fact.fact)
    found = [Intent(fact.fact, ENDED) for fact in free if _is_ended(fact, now)]
    found += [
        Intent(fact.fact, UNPROVEN)
        for fact in free
        if not _is_ended(fact, now) and _is_unproven(fact, now)
    ]
    gone = {intent.fact for intent in found}
    found += _duplicates(fact for fact in free if fact.fact not in gone and _has_begun(fact, now))
    return found[:most]


def is_left_alone(fact: Known) -> bool:
    """Whether no rule may touch it."""
    preference = fact.category == "preference" and bool(fact.names[0])
    theirs = fact.pinned or fact.edited or fact.trust == EDITOR
    return theirs or preference or fact.category == "correction"


def _is_ended(fact: Known, now: int) -> bool:
    return fact.invalid_us is not None and fact.invalid_us <= now


def _has_begun(fact: Known, now: int) -> bool:
    return fact.valid_us is None or fact.valid_us <= now


def _is_unproven(fact: Known, now: int) -> bool:
    doubtful = fact.confidence < SURE and fact.trust in UNTRUSTED
    return doubtful and not fact.used and fact.created_us < now - AGE_US


def _duplicates(facts: Iterable[Known]) -> Iterator[Intent]:
    groups: dict[tuple[object, ...], list[Known]] = {}
    for fact in facts:
        pacing.step()
        groups.setdefault(_meaning(fact), []).append(fact)
    for group in groups.values():
        if len(group) > 1:
            yield from _merged(group)


def _meaning(fact: Known) -> tuple[object, ...]:
    """What two facts have in common that say the same."""
    key, *names = fact.names
    return said(fact.text), key, *map(thing, names), fact.invalid_us


def said(text: str) -> str:
    """The words of a text without case, accents and the marks that only separate."""
    return " ".join(_SEPARATING.sub(" ", words.folded(text)).split()) or text


def _merged(group: Sequence[Known]) -> Iterator[Intent]:
    """Each fact into the most trusted, then oldest one that every context shows which shows it:
    one of no session, or of the same. Where that would have too many sources, into the next."""
    standing: list[tuple[Known, list[Source]]] = []
    for fact in sorted(group, key=_worth):
        for other, sources in standing:
            more = [source for source in fact.sources if source not in sources]
            if other.session in (None, fact.session) and len(sources) + len(more) <= MOST_SOURCES:
                sources += more
                yield Intent(fact.fact, DUPLICATE, other.fact)
                break
        else:
            standing.append((fact, list(fact.sources)))


def _worth(fact: Known) -> tuple[int, int, int]:
    known = fact.trust in MOST_TRUSTED_FIRST
    trust = MOST_TRUSTED_FIRST.index(fact.trust) if known else len(MOST_TRUSTED_FIRST)
    return trust, fact.created_us, fact.fact
