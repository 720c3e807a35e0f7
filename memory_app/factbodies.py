"""The bodies of calls about facts, read strictly: by the API and by the facade alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from memory_app.core.facts import MOST_SOURCES
from memory_app.core.relations import MOST_STEPS
from memory_app.facts import By, Stated
from sessions_app import bodies
from sessions_app.core import errors, fields, instants
from sessions_app.core.errors import InvalidRequest
from sessions_app.core.fields import Field, Fields
from sessions_app.core.forms import checks
from sessions_app.parameters import LARGEST_PAGE, SEARCH

MOST_FACTS = 500
MOST_TEXT = 8_000
MOST_HITS = 50

NAME = fields.text(255, least=1)
CATEGORY = fields.text(64, least=1)
_SEQ, _QUOTE = fields.integer(1, bodies.LARGEST), fields.text(MOST_TEXT, least=1)


def _text(value: Any, place: str) -> str:
    found: str = fields.text(MOST_TEXT, least=1).read(value, place)
    if not found.strip():
        raise checks.invalid(place, "must say something.")
    return found


def _an_id(value: Any, place: str) -> UUID:
    text = checks.a_string(value, place)
    try:
        return UUID(text) if len(text) in (32, 36) else UUID("")
    except ValueError:
        raise checks.invalid(place, "must be an id.") from None


def _instant(value: Any, place: str) -> int:
    try:
        return instants.parse(checks.a_string(value, place))
    except ValueError:
        raise checks.invalid(
            place, "must be an ISO 8601 time with an offset, such as 2026-01-31T12:00:00Z."
        ) from None


def _sources(value: Any, place: str) -> tuple[dict[str, Any], ...]:
    given = checks.a_list(value, place)
    if len(given) > MOST_SOURCES:
        raise errors.TooLong(f"`{place}` has more than {MOST_SOURCES} sources.", param=place)
    found = [_source(source, checks.at(place, at)) for at, source in enumerate(given)]
    for at, source in enumerate(found):
        if source in found[:at]:
            raise checks.invalid(checks.at(place, at), "is named twice.")
    return tuple(found)


def _source(value: Any, place: str) -> dict[str, Any]:
    given = checks.an_object(value, place)
    for name in given:
        if name not in ("session", "seq", "quote"):
            raise errors.UnknownField(param=checks.at(place, name))
    session = _an_id(given.get("session"), checks.at(place, "session"))
    return {
        "session": str(session),
        "seq": _SEQ.read(given.get("seq"), checks.at(place, "seq")),
        "quote": _QUOTE.read(given.get("quote"), checks.at(place, "quote")),
    }


def _metadata(value: Any, place: str) -> str:
    return orjson.dumps(fields.metadata().read(value, place)).decode()


TEXT = Field(_text, {"type": "string", "minLength": 1, "maxLength": MOST_TEXT})
ID = Field(_an_id, {"type": "string", "format": "uuid"})
INSTANT = Field(_instant, {"type": "string", "format": "date-time"})
METADATA = Field(_metadata, {"type": "object"})
_SOURCE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["session", "seq", "quote"],
    "properties": {
        "session": {"type": "string", "format": "uuid"},
        "seq": {"type": "integer", "minimum": 1},
        "quote": {"type": "string", "minLength": 1, "maxLength": MOST_TEXT},
    },
}
SOURCES = Field(_sources, {"type": "array", "items": _SOURCE, "maxItems": MOST_SOURCES})

WHO: Fields = {"editor": NAME, "reason": bodies.REASON}
PREFERRED: Fields = {
    "text": fields.needed(TEXT),
    "subject": NAME,
    "relation": NAME,
    "object": NAME,
    "pinned": fields.boolean(),
    "valid_at": INSTANT,
    "sources": SOURCES,
    "metadata": METADATA,
}
STATED: Fields = {
    "user": bodies.KEY,
    "session": ID,
    "category": CATEGORY,
    "key": NAME,
    **PREFERRED,
}
EDITED: Fields = {
    "text": TEXT,
    "category": CATEGORY,
    **{name: fields.cleared(NAME, "") for name in ("key", "subject", "relation", "object")},
    "valid_at": fields.cleared(INSTANT, None),
    "invalid_at": fields.cleared(INSTANT, None),
    "metadata": fields.cleared(METADATA, "{}"),
    **WHO,
}
SEARCHED: Fields = {
    "user": fields.needed(bodies.KEY),
    "query": fields.needed(fields.text(SEARCH, least=1)),
    "limit": fields.integer(1, MOST_HITS),
    "at": INSTANT,
}
RELATED: Fields = {
    "of": fields.needed(NAME),
    "steps": fields.integer(1, MOST_STEPS),
    "limit": fields.integer(1, LARGEST_PAGE),
    "at": INSTANT,
}
MERGED: Fields = {"into": fields.needed(ID), **WHO}
REVERTED: Fields = {"revision": fields.needed(fields.integer(1, 2**31 - 1)), **WHO}

_COLUMNS = {"valid_at": "valid_us", "invalid_at": "invalid_us"}


def stated(payload: Any) -> list[Stated]:
    """The facts of a body: one, or up to 500 in `facts`. Raises what reading raises."""
    if not isinstance(payload, dict):
        raise errors.InvalidField('Send one fact as an object, or {"facts": [...]}.')
    if "facts" not in payload:
        return [_one(payload, "")]
    for name in payload:
        if name != "facts":
            raise errors.UnknownField(param=name)
    given = checks.a_list(payload["facts"], "facts")
    if not given:
        raise errors.InvalidField("Send at least one fact.", param="facts")
    if len(given) > MOST_FACTS:
        raise errors.TooLong(f"At most {MOST_FACTS} facts in one call.", param="facts")
    return [_one(item, checks.at("facts", at)) for at, item in enumerate(given)]


def _one(payload: Any, place: str) -> Stated:
    try:
        read = fields.read(payload, STATED)
        if ("user" in read) == ("session" in read):
            raise errors.InvalidField(
                "A fact is of a `user` or of a `session`: name one of them.", param="user"
            )
    except InvalidRequest as error:
        if place:
            error.param = checks.at(place, error.param) if error.param else place
        raise
    return Stated(**_renamed(read), place=f"{place}." if place else "")


def preferred(read: Mapping[str, Any], user: str, key: str, category: str) -> Stated:
    """A fact with a key, of a body read by PREFERRED."""
    return Stated(**_renamed(read), user=user, key=key, category=category)


def edited(read: Mapping[str, Any]) -> dict[str, Any]:
    """The new values of a fact, of a body read by EDITED."""
    return _renamed({name: value for name, value in read.items() if name not in WHO})


def _renamed(read: Mapping[str, Any]) -> dict[str, Any]:
    return {_COLUMNS.get(name, name): value for name, value in read.items()}


def by(read: Mapping[str, Any], caller: str) -> By:
    """Who edits, of a body read by WHO; `caller` is who it is otherwise."""
    return By(read.get("editor") or caller, read.get("reason") or "")
