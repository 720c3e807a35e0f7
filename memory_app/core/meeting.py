"""What becomes of a statement that meets the facts there are: decisions over plain values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

NEW, DUPLICATE, SUPERSEDES, OLDER, QUARANTINED = (
    "new", "duplicate", "supersedes", "older", "quarantined",
)  # fmt: skip
RANK = {"import": 0, "tool": 0, "model": 1, "user": 2, "editor": 3}
"""Whose word stands against whose; what is not named here counts least."""
OPPOSITES = ("likes", "dislikes", "prefers", "does without")
"""Relations of which one and the same thing has one."""


class Statement(NamedTuple):
    """Something held of one user. `about` says what it is about ("" for nothing that could be
    contradicted) and `says` what it says of that, `at` when it was said, in microseconds since the
    epoch, and by which message of a session; `id` is the fact it is."""

    user: str
    about: str
    text: str
    trust: str
    at: tuple[int, int]
    id: str = ""
    says: str = ""


class Meeting(NamedTuple):
    """What becomes of a statement, and the id of the fact that it meets."""

    outcome: str
    fact: str = ""


def about(key: str, relation: str, of: str) -> str:
    """What a statement with this key, relation and object is about."""
    if key:
        return f"key {plain(key)}"
    return f"liking {plain(of)}" if of and relation in OPPOSITES else ""


def meet(said: Statement, standing: Iterable[Statement]) -> Meeting:
    """The outcome of `said` against the active facts. Only facts of the same user count.

    Of two that contradict each other the later one stands if its source is worth no less, and a
    late arrival of as good a source is OLDER. A person decides where the lesser source is the
    later, the better one the earlier, both are of one moment, or several facts are contradicted.
    """
    ours = [fact for fact in standing if fact.user == said.user]
    for fact in ours:
        if _same(fact, said):
            return Meeting(DUPLICATE if _rank(fact) >= _rank(said) else SUPERSEDES, fact.id)
    against = [fact for fact in ours if said.about and fact.about == said.about]
    if not against:
        return Meeting(NEW)
    if len(against) > 1:
        return Meeting(QUARANTINED, against[0].id)
    return Meeting(_contradicted(said, against[0]), against[0].id)


def _contradicted(said: Statement, fact: Statement) -> str:
    if said.at > fact.at and _rank(said) >= _rank(fact):
        return SUPERSEDES
    if said.at < fact.at and _rank(said) <= _rank(fact):
        return OLDER
    return QUARANTINED


def _same(fact: Statement, said: Statement) -> bool:
    if plain(fact.text) == plain(said.text):
        return True
    return bool(said.about and said.says) and (
        (fact.about, plain(fact.says)) == (said.about, plain(said.says))
    )


def plain(text: str) -> str:
    """A text as it is compared: small letters, single blanks, no end."""
    return " ".join(text.casefold().split()).rstrip(".!")


def _rank(statement: Statement) -> int:
    return RANK.get(statement.trust, 0)
