"""Which facts a context tells: those of the session and of its user, the best first or those that a
question asks for, as many as there is room for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from memory_app import facts as remembered
from memory_app import factsearch, keeping, known, links, relations
from memory_app.contextsummary import Told
from memory_app.core import blocks, factrank
from memory_app.core.assembly import NearMiss
from memory_app.known import Known
from memory_app.links import Reads
from memory_app.models import Fact
from sessions_app import clock
from sessions_app.core import words
from sessions_app.core.held import Held, Name, Stamp
from sessions_app.core.replay import in_ranges
from sessions_app.store.base import InEpoch, Snapshot
from sessions_app.store.reading import Reader

NEAR_MISSES = 3
AGED = 20
"""Tokens of the day that an old preference is told with."""
DAY_US = 86_400_000_000
MOST_FACTS = 200
"""Facts that are looked at for one context, best first."""
MOST_RANKED = 50
"""Facts that one question ranks; to index a fact takes 0.06 ms."""
Remembered = Fact | Known
"""A fact as it was at some time, or as it is now."""


def of_user(
    store: Reader, session: Snapshot, query: str | None, until: int | None = None
) -> list[Remembered]:
    """The facts that the session's user reads and that did not come of this session: those that
    always matter and those that have a word of the question. With `until`, in microseconds, as they
    were just before that."""
    if (reads := links.read_in(store, session, until)) is None:
        return []
    asked = asked_words(query or "")
    if until is None:
        return _now(store, session.number, reads, query)
    rows = Fact.everything.using(store.db.alias).of_end_user(reads.user)
    rows = rows.exclude(session_id=session.number).shown()
    held = remembered.before(store, rows.told(), until)
    held += links.theirs_before(store, reads, until)
    return [fact for fact in held if matters(fact) or shared(fact, asked)]


def _now(store: Reader, number: int, reads: Reads, query: str | None) -> list[Remembered]:
    """The best of a user's own facts, then, as far as these leave places, of linked users'; not
    those of the session `number`."""
    at, asked = clock.now_us(), asked_words(query or "")
    wanted = known.Asked(asked if query else None, MOST_FACTS)
    own: list[Remembered] = [*known.of_user(store, reads.user, number, at, wanted)]
    if not reads.linked or len(own) == MOST_FACTS:
        return own
    rows = links.now(store, reads, at).exclude(session_id=number).of_end_users(reads.linked)
    return [*own, *rows.standing(asked).best(MOST_FACTS - len(own))]


def matters(fact: Remembered) -> bool:
    """Whether a fact matters beyond the session it came of, whatever is asked."""
    return must(fact) or (fact.session_id is None and not fact.learnt_by)


def _must_first(found: Sequence[Any]) -> list[Any]:
    return sorted(found, key=lambda fact: (not fact.pinned, not must(fact)))


class Wanted(NamedTuple):
    """Which facts a context takes: of a session as of `version` and `others` of its user, not of
    messages that are `gone` (retracted ranges), not what `said` has to the letter nor what was
    learnt of messages that are `shown`, within `room` tokens. A preference that nobody confirmed
    since `old_us`, in microseconds, is to be asked again. `row` is the session in its epoch."""

    version: int
    room: int
    query: str | None = None
    gone: tuple[tuple[int, int], ...] = ()
    said: str = ""
    others: Sequence[Remembered] = ()
    shown: Container[int] = frozenset()
    old_us: int = 0
    row: InEpoch | None = None


def facts(
    store: Reader, session: Snapshot, wanted: Wanted
) -> tuple[Told | None, tuple[NearMiss, ...]]:
    """The facts that must be there, then those that say most, or most of what is asked; as many as
    fit, and the first of the others."""
    if wanted.room <= 0 or not (session.facts or wanted.others):
        return None, ()
    own = _found(store, session, wanted) if session.facts else []
    new = [fact for fact in own if not in_ranges(fact.seq, wanted.gone)] if wanted.gone else own
    others = [fact for fact in wanted.others if not _is_shown(fact, session, wanted)]
    found = [*others, *new]
    found = about(found, wanted.query) if wanted.query else _must_first(found)
    chosen: list[Remembered] = []
    used = keeping.block_tokens(blocks.block("facts", []))
    texts: set[str] = set()
    missed: list[Remembered] = []
    for fact in found:
        if fact.text in texts or _says(wanted.said, fact.text):
            continue
        texts.add(fact.text)
        if used + fact.tokens > wanted.room:
            missed.append(fact)
            continue
        chosen.append(fact)
        used += fact.tokens
    told, over = _roomed(chosen, session.number, wanted)
    missed = [*over, *missed]
    used = told.tokens if told else keeping.block_tokens(blocks.block("facts", []))
    return told, tuple(_missed(fact, session, wanted.room - used) for fact in missed[:NEAR_MISSES])


MOST_HELD = 32 * 1024 * 1024
"""Octets of facts that a process holds."""
ROW = 1_000
"""About the octets of a fact without its texts."""
_held = Held[list[Known]](MOST_HELD)


def forget() -> None:
    """Empties this process's memory of facts: what was erased must not live on there."""
    _held.clear()
    _says.cache_clear()


# 200 facts are looked for in a long summary, which stays the same for many contexts.
@lru_cache(maxsize=4096)
def _says(text: str, part: str) -> bool:
    return part in text


def _roomed(
    chosen: Sequence[Remembered], number: int, wanted: Wanted
) -> tuple[Told | None, Sequence[Remembered]]:
    """The block of as many of these facts as have room, and the others. Lines take more than their
    facts, so they may be too many; how many fit is found by halving."""

    def tokens(many: int) -> int:
        if not many:
            return 0
        return keeping.block_tokens(_stated(_ordered(chosen[:many], number), number, wanted.old_us))

    many = len(chosen)
    if tokens(many) > wanted.room:
        many = bisect_right(range(many), wanted.room, key=tokens) - 1
    told = stated(chosen[:many], number, wanted.old_us) if many else None
    return told, chosen[many:]


def _missed(fact: Remembered, session: Snapshot, free: int) -> NearMiss:
    seq = _place(fact, session.number)[1]
    return NearMiss(seq, fact.tokens, max(1, fact.tokens - free), "budget", str(fact.id))


def _is_shown(fact: Remembered, session: Snapshot, wanted: Wanted) -> bool:
    """Whether a fact was learnt of a message that the context shows, or that was taken back."""
    if not fact.learnt_by:
        return False
    name = str(session.id)
    here = [one["seq"] for one in orjson.loads(fact.sources) if one["session"] == name]
    if fact.learnt_in_id == session.number and all(in_ranges(seq, wanted.gone) for seq in here):
        return True
    return any(seq in wanted.shown for seq in here)


def _found(store: Reader, session: Snapshot, wanted: Wanted) -> list[Remembered]:
    number, version = session.number, wanted.version
    asked = asked_words(wanted.query or "")
    if version < session.version and remembered.edited_since(store, number, version):
        held = remembered.as_of(store, number, version)
        if wanted.query:
            return [fact for fact in held if must(fact) or shared(fact, asked)]
        return sorted(held, key=lambda fact: (not must(fact), -fact.score, fact.number))[
            :MOST_FACTS
        ]
    if not wanted.query:
        return [*_best(store, session, wanted)]
    return [*known.of_session(store, number, version, known.Asked(asked, MOST_FACTS * 5))]


def _best(store: Reader, session: Snapshot, wanted: Wanted) -> list[Known]:
    """The best facts of a session. Each change of one is an event of it in the same transaction, so
    they are the same until the next event, as long as messages alone are appended."""
    number, version = session.number, wanted.version
    asked = known.Asked(None, MOST_FACTS)
    if (row := wanted.row) is None or version != session.version:
        return known.of_session(store, number, version, asked)
    name, stamp = Name(store.db.alias, session.id), Stamp(row.epoch, row.event)
    held = _held.get(name, stamp)
    if held is None:
        held = known.of_session(store, number, version, asked)
        octets = sum([len(fact.text) + len(fact.sources) + ROW for fact in held])
        _held.put(name, stamp, held, octets)
    return held


def room_for(found: Sequence[Remembered], old_us: int) -> int:
    """About the tokens of a block of these facts; 0 for none."""
    if not found:
        return 0
    aging = sum([AGED for fact in found if aged(fact, old_us) != fact.text])
    tokens = sum([fact.tokens for fact in found]) + aging
    return keeping.block_tokens(blocks.block("facts", [])) + tokens


def stated(chosen: Sequence[Remembered], number: int, old_us: int) -> Told:
    """The block of these facts: what is known of the user from elsewhere, then what came of the
    session itself, in the order of its messages."""
    ordered = _ordered(chosen, number)
    text = _stated(ordered, number, old_us)
    ids = tuple(str(fact.id) for fact in ordered)
    revisions = tuple(fact.revision for fact in ordered)
    return Told("facts", text, keeping.block_tokens(text), facts=ids, revisions=revisions)


def _ordered(chosen: Sequence[Remembered], number: int) -> list[Remembered]:
    return sorted(chosen, key=lambda fact: (*_place(fact, number), fact.number))


def _stated(ordered: Sequence[Remembered], number: int, old_us: int) -> str:
    return blocks.block("facts", [_line(fact, number, old_us) for fact in ordered])


def _place(fact: Remembered, number: int) -> tuple[bool, int]:
    own = fact.session_id == number
    return own, fact.seq if own else 0


def _line(fact: Remembered, number: int, old_us: int) -> str:
    seq = _place(fact, number)[1]
    return f"{fact.text} (message {seq})" if seq else aged(fact, old_us)


def aged(fact: Remembered, old_us: int) -> str:
    """The text of a fact, and of a preference that nobody confirmed since a time its day, so that
    the model asks before it relies on it."""
    said = max(fact.created_us if fact.valid_us is None else fact.valid_us, fact.confirmed_us or 0)
    if not fact.key or said >= old_us:
        return fact.text
    day = datetime.fromtimestamp(said / 1e6, UTC)
    return f"{fact.text} (as of {day.day} {day:%B} {day.year}: ask whether it still holds)"


def old_us(days: int, now: int) -> int:
    """Before when a preference is to be asked again, at a time in microseconds."""
    return now - days * DAY_US


def asked_words(query: str) -> list[str]:
    """The words of a question that say what it is about."""
    return [
        word
        for word in words.words(query)
        if len(word) > 2 or not word.isalpha() or not word.isascii()
    ]


def shared(fact: Remembered, asked: Sequence[str]) -> int:
    """How many of these words a fact has, or words that begin with them."""
    return len(shared_words(fact, asked))


def shared_words(fact: Remembered, asked: Sequence[str]) -> list[str]:
    """Which of these words a fact has, or words that begin with them."""
    return [word for word in asked if f" {word}" in fact.words]


def reason(fact: Remembered, query: str | None) -> str:
    """Why a fact has its place in a context, in words: what puts it before others, else what a
    question has to do with it."""
    if fact.pinned:
        return "pinned"
    if must(fact):
        return "a correction" if fact.category == Fact.CORRECTION else "a preference"
    asked = shared_words(fact, asked_words(query or ""))
    if asked:
        return f"the question says {', '.join(asked)}"
    return "near a thing that the question names" if query else "says most"


def must(fact: Remembered) -> bool:
    """Whether a fact goes before others whatever is asked: pinned, or a preference or correction
    that no tool or import told. `FactQuerySet.must` is the same in SQL."""
    telling = fact.category == Fact.CORRECTION or bool(fact.key)
    return fact.pinned or (telling and fact.trust in Fact.OF_PEOPLE)


def about(facts: Sequence[Any], query: str) -> list[Any]:
    """What must be there first, then those that answer a question best, then those near a thing
    that it names. The ranker looks at those that share most words with it; the others follow by
    what they say."""
    asked = asked_words(query)
    found = sorted(facts, key=lambda one: (-shared(one, asked), -one.score, one.number))
    near = [one for one in found if must(one) or shared(one, asked)][:MOST_RANKED]
    # "last week" is counted from the newest of them: the same at any time.
    documents = factsearch.documented(near)
    now = max((one.at for one in documents.facts), default=0)
    order = [near[place] for place in factrank.order(documents, query, now=now)]
    order += [one for one in found if shared(one, asked)]
    order += _related(found, query)
    return _must_first(list({one.number: one for one in [*order, *found]}.values()))


def _related(found: Sequence[Any], query: str) -> list[Any]:
    """Those near a thing that a question names, the nearest first."""
    by_number = {one.number: one for one in found}
    return [by_number[one.fact] for one in factrank.related(relations.graph(found), query)]
