"""Facts as the lists of them show one: what it says, whose word it is, where it was said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from memory_app.core.facts import Source
from memory_app.waiting import Waiting

STATES = ("active", "pinned", "superseded", "retired", "quarantined", "all")
TRUST = {
    "user": "the user",
    "editor": "an editor",
    "import": "imported",
    "model": "the model",
    "tool": "a tool",
}
MOST_SOURCES = 3


@dataclass(frozen=True, slots=True)
class Row:
    """A fact with its sources, the first few and how many more; `word` says whose word it is."""

    fact: Any
    sources: list[Source]
    more: int
    word: str

    @property
    def said_us(self) -> int:
        """When it was said, as far as that is known."""
        return int(self.fact.created_us if self.fact.valid_us is None else self.fact.valid_us)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A quarantined fact beside those it stands against."""

    row: Row
    against: list[Row]

    @property
    def same_words(self) -> bool:
        """Whether one of the others says the same: then the two are merged."""
        text = _plain(self.row.fact.text)
        return any(_plain(other.fact.text) == text for other in self.against)

    @property
    def standing(self) -> list[Row]:
        """Those that hold, and so would give way, or take this one in."""
        return [other for other in self.against if other.fact.status == "active"]


def rows(facts: Iterable[Any]) -> list[Row]:
    """Facts with their uses, as rows."""
    return [row(fact) for fact in facts]


def row(fact: Any) -> Row:
    """One of them."""
    sources: list[Source] = orjson.loads(fact.sources)
    word = TRUST.get(fact.trust, fact.trust)
    return Row(fact, sources[:MOST_SOURCES], max(0, len(sources) - MOST_SOURCES), word)


def conflict(waiting: Waiting) -> Conflict:
    """What waits, as the inbox shows it."""
    return Conflict(row(waiting.fact), rows(waiting.against))


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".!")
