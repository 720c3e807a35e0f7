"""Short ways to say something, to look for it, and to see what the index really has."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from sessions_app import clock, listing
from sessions_app.core.appending import Prepared
from sessions_app.store import fulltext
from sessions_app.store.base import Store
from sessions_app.store.durable import DurableStore


def saying(text: str, role: str = "user") -> Prepared:
    """A message with just this text."""
    return body({"content": text}, role)


def body(fields: dict[str, Any], role: str = "user", form: int = 0) -> Prepared:
    """A message with these fields."""
    return Prepared(role, form, orjson.dumps(fields).decode(), 10, estimated=False)


def told(store: Store, project: int, session: UUID, *texts: str) -> UUID:
    """The session, after these messages."""
    store.append(project, session, [saying(text) for text in texts])
    return session


def found(project: int, text: str, **asked: Any) -> list[UUID]:
    """The sessions that a search lists."""
    rows, _ = listing.page("default", project, {"q": text, **asked}, clock.now_us())
    return [row.id for row in rows]


VOCABULARY = """
    CREATE VIRTUAL TABLE IF NOT EXISTS temp.holdfast_vocabulary
    USING fts5vocab('main', 'holdfast_search', 'instance')
"""


def entries(store: DurableStore, session: UUID | int) -> list[tuple[int, str]]:
    """Every (seq, word) that the index has of a session, as often as it has it."""
    number = session if isinstance(session, int) else number_of(store, session)
    if store.db.is_sqlite:
        store.db.run(VOCABULARY)
        rows = store.db.rows("SELECT doc, term FROM temp.holdfast_vocabulary")
    else:
        rows = store.db.rows("SELECT id, unnest(tsvector_to_array(words)) FROM holdfast_search")
    places = [(fulltext.place(document), word) for document, word in rows]
    return sorted((seq, word) for (owner, seq), word in places if owner == number)


def number_of(store: DurableStore, session: UUID) -> int:
    rows = store.db.rows("SELECT number FROM holdfast_session WHERE id = ?", (session.hex,))
    return int(rows[0][0])
