"""What people and the model said in a session, as passages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

from memory_app import statements as sql
from memory_app.core import passages
from memory_app.core.passages import SPOKEN, Passage
from sessions_app.core.entries import FORM_NAMES
from sessions_app.store import packed
from sessions_app.store.base import PAGE_OCTETS
from sessions_app.store.reading import Reader


def said(store: Reader, number: int, after: int, end: int) -> Iterator[Passage]:
    """The messages of a session after a seq and up to another that say something; not what tools
    gave."""
    with store.db.reading():
        rows = store.db.rows(sql.SAID, (number, max(0, after), end))
    # What is damaged is not found; whoever reads it is told.
    for seq, role, form, tokens, created_us, body in packed.whole_or_blank(store.db, number, rows):
        if body:
            yield passages.passage(
                seq, role, FORM_NAMES[form], orjson.loads(body), tokens=tokens, at=created_us
            )


def these(store: Reader, number: int, seqs: Sequence[int]) -> Iterator[Passage]:
    """The messages of a session with just these seqs, in order, that are still there."""
    for row in store.picked(number, tuple(seqs)):
        if row.body:
            yield passages.passage(
                row.seq,
                row.role,
                FORM_NAMES[row.form],
                orjson.loads(row.body),
                tokens=row.tokens,
                at=row.created_us,
            )


def by_others(store: Reader, number: int, first: int, end: int) -> Iterator[str]:
    """The texts of the messages of a session from a seq on and before another that are not the
    user's, of tools too: newest first, and no more of them than a page."""
    with store.db.reading():
        span = (number, max(1, first), end)
        rows = store.db.rows_within(PAGE_OCTETS, sql.SAID_BY_OTHERS, span)
    for seq, role, form, _, _, body in packed.whole_or_blank(store.db, number, rows):
        if body:
            yield passages.passage(seq, role, FORM_NAMES[form], orjson.loads(body)).text


def speaks(one: Passage) -> bool:
    """Whether a message can be found again by what it says."""
    return one.role in SPOKEN and bool(one.text.strip())
