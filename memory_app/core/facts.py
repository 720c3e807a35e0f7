"""What becomes of a fact: decisions over plain values, without a database.

The values of a fact are a mapping of the fields in REVISED: texts, numbers, and ids as text. A
revision keeps what it changed as {field: [before, after]}, so the values of any earlier revision
are found by going back from the present ones, and a fact that was never edited has no revision
stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sessions_app.core.errors import InvalidField

REVISED = (
    "text", "category", "key", "subject", "relation", "object", "status", "pinned", "trust",
    "sources", "valid_us", "invalid_us", "superseded_by", "metadata", "confirmed_us",
)  # fmt: skip
EDITOR = "editor"
ACTIVE, SUPERSEDED, RETIRED = "active", "superseded", "retired"
TRUST = {"user": "user", "tool": "tool"}
"""Whose word a fact is, by the role of a message it comes from; any other role is the model's."""
LEAST_TRUSTED_FIRST = ("tool", "model", "user")
MOST_SOURCES = 50

Values = Mapping[str, Any]
Changes = dict[str, list[Any]]
Source = dict[str, Any]


def changes(now: Values, wanted: Values) -> Changes:
    """What of `wanted` is new, as [before, after]."""
    return {name: [now[name], value] for name, value in wanted.items() if now[name] != value}


def undone(now: Values, later: Iterable[Changes]) -> dict[str, Any]:
    """The values before some revisions, which are given newest first."""
    values = dict(now)
    for change in later:
        values |= {name: before for name, (before, _) in change.items()}
    return values


def retired(now: Values, at: int) -> Values:
    """A fact that no longer holds from `at` on."""
    ended = at if now["invalid_us"] is None else now["invalid_us"]
    return {"status": RETIRED, "invalid_us": ended}


def superseded(now: Values, by: str, at: int) -> Values:
    """A fact in whose place another one stands."""
    ended = at if now["invalid_us"] is None else min(at, now["invalid_us"])
    if now["valid_us"] is not None:
        ended = max(ended, now["valid_us"])
    return {"status": SUPERSEDED, "invalid_us": ended, "superseded_by": by}


def edited(now: Values, wanted: Values) -> Values:
    """New values by a person, whose word other text then is. Raises InvalidField for a fact that
    would end before it begins."""
    after = {**now, **wanted}
    check_validity(after["valid_us"], after["invalid_us"])
    return wanted if after["text"] == now["text"] else {**wanted, "trust": EDITOR}


def check_validity(begin: int | None, end: int | None) -> None:
    """Raises InvalidField unless a fact begins before it ends."""
    if begin is not None and end is not None and end < begin:
        raise InvalidField("`invalid_at` comes before `valid_at`.", param="invalid_at")


def united(ours: Sequence[Source], theirs: Sequence[Source]) -> list[Source]:
    """All sources, each once, ours first. Raises InvalidField for more than a fact may have."""
    found = [*ours, *(source for source in theirs if source not in ours)]
    if len(found) > MOST_SOURCES:
        raise InvalidField(
            f"Together they have more than {MOST_SOURCES} sources. Retire one instead.",
            param="into",
        )
    return found


def check_no_circle(
    fact: str, by: str, next_of: Callable[[str], str | None], *, param: str = "into"
) -> None:
    """Raises InvalidField if `by` is `fact`, or what stands in its place leads back to it."""
    seen = set[str]()
    at: str | None = by
    while at is not None and at not in seen:
        if at == fact:
            raise InvalidField(
                "That fact is this one, or was superseded by it: neither would be left.",
                param=param,
            )
        seen.add(at)
        at = next_of(at)


def trust_of(roles: Iterable[str]) -> str:
    """Whose word a fact from messages of these roles is: of all the one to trust least; without
    messages it is that of who wrote the fact down."""
    found = {TRUST.get(role, "model") for role in roles}
    return next((trust for trust in LEAST_TRUSTED_FIRST if trust in found), EDITOR)


def first_seq(sources: Sequence[Source], session: str | None) -> int:
    """The first message of a session that a fact comes from; 0 for none."""
    return min([source["seq"] for source in sources if source["session"] == session], default=0)
