"""What a session is called where it has no title: the first words of its user."""

from __future__ import annotations

import re
from collections.abc import Sequence

import orjson
from django.db.models.functions import Substr

from sessions_app.core.packing import HEAD, WORDS, beginning
from sessions_app.models import Message
from sessions_app.store.base import Snapshot
from sessions_app.store.database import Database

from . import amounts

_FIRST = 5
_WORDS = 96
# Of a pair of surrogates both halves or none: an imported body may be written in escapes.
_ESCAPE = r"\\u(?:d[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|(?!d[89a-f])[0-9a-f]{4})"
_SAID = re.compile(rf'"(?:content|text)":"((?:[^"\\]|\\["\\/bfnrt]|{_ESCAPE})*)')


def titles(alias: str, sessions: Sequence[Snapshot]) -> dict[int, str]:
    """A title for each session by its number, with at most one query for all of them."""
    words = _words(alias, [session.number for session in sessions if not session.title])
    return {
        session.number: session.title
        or words.get(session.number)
        or session.key
        or "Nothing said yet"
        for session in sessions
    }


def _words(alias: str, numbers: Sequence[int]) -> dict[int, str]:
    """Only the beginning of a body is read: a first message may be a megabyte."""
    if not numbers:
        return {}
    asked = Message.objects.using(alias).filter(
        session_id__in=numbers, seq__lte=_FIRST, role="user"
    )
    with Database(alias).reading():
        rows = asked.order_by("-seq").values_list("session_id", Substr("body", 1, HEAD + WORDS))
        return {number: first_words(beginning(body, WORDS)) for number, body in rows}


def first_words(body: str) -> str:
    """The first words in a message's JSON, which may be cut off anywhere."""
    match = _SAID.search(body)
    return amounts.cut(orjson.loads(f'"{match[1]}"'), _WORDS) if match else ""
