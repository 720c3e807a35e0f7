"""Facts as a context takes them: rows of two named statements, only the columns it needs.

A session that was folded has hundreds of facts, and each context reads them anew. As objects of the
model they took 9 ms of the 10 that such a context was built in.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, NamedTuple
from uuid import UUID

from memory_app import statements as sql
from memory_app.models import MOST_WORDS
from sessions_app.store.reading import Reader


class Known(NamedTuple):
    """A fact under the names that it has as a `models.Fact`; `named` is its id as the driver gives
    it. What only a question looks at is empty where none is asked: `words`, `subject`, `relation`,
    `object`."""

    number: int
    named: Any
    session_id: int | None
    seq: int
    text: str
    category: str
    pinned: bool
    score: float
    trust: str
    tokens: int
    key: str
    revision: int
    created_us: int
    valid_us: int | None
    confirmed_us: int | None
    learnt_by: str
    learnt_in_id: int | None
    sources: str
    words: str
    subject: str
    relation: str
    object: str

    @property
    def id(self) -> UUID:
        """The public id."""
        return self.named if isinstance(self.named, UUID) else UUID(self.named)


class Asked(NamedTuple):
    """For which question facts are read: None asks for none, and then its words count nothing."""

    words: Sequence[str] | None
    most: int


def of_session(store: Reader, number: int, version: int, asked: Asked) -> list[Known]:
    """The active facts that came of a session and hold at a version, the best first; with a
    question those that have a word of it, and those that must be there."""
    if asked.words is None:
        return _read(store, sql.KNOWN_OF_SESSION, (number, version, version, asked.most))
    named = _naming(asked.words)
    params = (number, version, version, *named, asked.most)
    return _read(store, sql.known_of_session(len(named)), params)


def of_user(store: Reader, user: int, session: int, now: int, asked: Asked) -> list[Known]:
    """The active facts of a user's row that are true now, in microseconds, and did not come of this
    session, the best first: those that matter whatever is asked, and those with a word of the
    question."""
    named = _naming(asked.words or ())
    asks = asked.words is not None
    statement = sql.known_of_user(len(named), asked=asks, sqlite=store.db.is_sqlite)
    return _read(store, statement, (user, now, now, session, *named, asked.most))


def _naming(words: Sequence[str]) -> list[str]:
    # Words are letters and digits, so nothing in them is a sign of a pattern.
    return [f"% {word}%" for word in words[:MOST_WORDS]]


def _read(store: Reader, statement: str, params: Sequence[Any]) -> list[Known]:
    with store.db.reading():
        rows = store.db.rows(statement, params)
    return list(map(tuple.__new__, repeat(Known), rows))
