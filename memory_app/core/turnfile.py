"""The file of a stored turn: what a context was built from, to build it again elsewhere.

    {"format": "holdfast-turn", "version": 1,
     "session": {...}, "at": 14, "ask": {...}, "encoder": "o200k_base", "policy": {...},
     "sent": {"digest", "tokens"},       what the context came to when the file was written
     "log": [...],                       every message and event up to `at`
     "folded": {...} | null,             the summary and the fates that stand at `at`
     "facts": [...],                     what was known, as it stood
     "chosen": {...} | null,             of a kept context: what had been chosen for it
     "others": [...],                    the messages of other sessions that it told again
     "provided": [[name, text], ...],    what context providers had said
     "sha256": "..."}                    over all of the above

It is read strictly: a test that goes on with half a conversation proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from memory_app.core import policy
from sessions_app.core import errors, instants
from sessions_app.core.tokens import ENCODERS

FORMAT = "holdfast-turn"
VERSION = 1
MOST_MESSAGES = 5_000
MOST_BYTES = 8 * 1024 * 1024
"""A file is kept beside tests and read by people."""

Document = dict[str, Any]
Shape = Mapping[str, tuple[type, ...]]

_NUMBER, _TEXT, _FLAG, _LIST, _OBJECT = (int,), (str,), (bool,), (list,), (dict,)
_NONE = (type(None),)
_DOCUMENT: Shape = {
    "format": _TEXT, "version": _NUMBER, "session": _OBJECT, "at": _NUMBER, "ask": _OBJECT,
    "encoder": _TEXT, "policy": _OBJECT, "sent": _OBJECT, "log": _LIST,
    "folded": _OBJECT + _NONE, "facts": _LIST, "chosen": _OBJECT + _NONE, "others": _LIST,
    "provided": _LIST, "sha256": _TEXT,
}  # fmt: skip
_WITHIN: Mapping[str, Shape] = {
    "session": {"id": _TEXT, "key": _TEXT + _NONE, "created_at": _TEXT, "has_user": _FLAG},
    "ask": {"tokens": _NUMBER + _NONE, "query": _TEXT + _NONE, "format": _TEXT},
    "policy": {"name": _TEXT, "version": _NUMBER, "rules": _OBJECT},
    "sent": {"digest": _TEXT, "tokens": _NUMBER},
    "folded": {"summary": _OBJECT + _NONE, "runs": _LIST},
    "chosen": {
        "at": _TEXT, "reserved": _NUMBER, "must": _NUMBER, "likely": _FLAG, "facts": _LIST,
        "turns": _LIST,
    },
}  # fmt: skip
_MESSAGE: Shape = {
    "version": _NUMBER, "at": _TEXT, "message": _NUMBER, "role": _TEXT, "form": _TEXT,
    "tokens": _NUMBER, "estimated": _FLAG, "body": _OBJECT + _TEXT + _NONE,
}  # fmt: skip
_EVENT: Shape = {
    "version": _NUMBER, "at": _TEXT, "event": _TEXT, "data": _OBJECT + _TEXT + _NONE,
}  # fmt: skip
_FACT: Shape = {
    "id": _TEXT, "number": _NUMBER, "owner": _NUMBER, "session": _TEXT + _NONE,
    "learnt_in": _TEXT + _NONE, "learnt_by": _TEXT, "text": _TEXT, "category": _TEXT,
    "pinned": _FLAG, "score": (int, float), "trust": _TEXT, "seq": _NUMBER, "seqs": _LIST,
    "tokens": _NUMBER, "since": _NUMBER, "revision": _NUMBER, "created_at": _TEXT, "key": _TEXT,
    "subject": _TEXT, "relation": _TEXT, "object": _TEXT, "valid_at": _TEXT + _NONE,
    "invalid_at": _TEXT + _NONE, "confirmed_at": _TEXT + _NONE,
}  # fmt: skip
_OTHER: Shape = {"older": _FLAG, "messages": _LIST}


class UnusableTurn(ValueError):
    """A file is no stored turn that this release can build; its text says what to do."""


def written(document: Mapping[str, Any]) -> bytes:
    """The file of a document without its sum: indented, so that a change of it can be read. Raises
    TooLong where it would be too large to keep beside a test."""
    told = {"format": FORMAT, "version": VERSION, **document}
    text = orjson.dumps({**told, "sha256": _sum(told)}, option=orjson.OPT_INDENT_2) + b"\n"
    if len(text) > MOST_BYTES:
        raise errors.TooLong(
            f"The turn takes {len(text):,} bytes; {MOST_BYTES:,} are the most that a test's file "
            "may have. Take an earlier version of the session."
        )
    return text


def read(data: bytes) -> Document:
    """The document of a file. Raises UnusableTurn."""
    if len(data) > MOST_BYTES:
        raise UnusableTurn(f"It has {len(data):,} bytes; a stored turn has {MOST_BYTES:,} at most.")
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UnusableTurn(f"It is no JSON ({error}). Download it again.") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise UnusableTurn(
            f'It is no stored turn: it must say "format": "{FORMAT}". Download one from the page '
            "of a context."
        )
    _check_version(found.get("version"))
    document = _shaped(found, _DOCUMENT, "")
    if _sum(document) != document["sha256"]:
        raise UnusableTurn(
            "It was changed since it was written: its sha256 does not fit. Download it again; "
            "a stored turn cannot be edited by hand."
        )
    _check_parts(document)
    return document


def _check_version(version: Any) -> None:
    if isinstance(version, int) and not isinstance(version, bool) and version > VERSION:
        raise UnusableTurn(
            f"It was written by a newer Holdfast: its version is {version}, this one reads "
            f"{VERSION}. Upgrade Holdfast here."
        )
    if version != VERSION:
        raise UnusableTurn(f'Its "version" is not {VERSION}. Download it again.')


def _sum(document: Mapping[str, Any]) -> str:
    """In hex, over all but the sum itself, whatever the blanks between."""
    told = {name: value for name, value in document.items() if name != "sha256"}
    return sha256(orjson.dumps(told)).hexdigest()


def _check_parts(document: Document) -> None:
    for name, shape in _WITHIN.items():
        if document[name] is not None:
            _shaped(document[name], shape, f"{name}.")
    for place, entry in enumerate(document["log"]):
        _check_entry(entry, f"log[{place}].")
    for place, fact in enumerate(document["facts"]):
        _check_times(_shaped(fact, _FACT, f"facts[{place}]."), f"facts[{place}].")
    for place, other in enumerate(document["others"]):
        for entry in _shaped(other, _OTHER, f"others[{place}].")["messages"]:
            _check_entry(entry, f"others[{place}].messages.")
    if len(document["log"]) != document["at"]:
        raise UnusableTurn('Its "log" does not end at the version "at". Download it again.')
    if document["encoder"] not in ENCODERS:
        raise UnusableTurn(f"It counts by {document['encoder']!r}, which is no encoder here.")
    _check_rules(document["policy"]["rules"])


def _check_rules(rules: Mapping[str, Any]) -> None:
    try:
        policy.read(rules)
    except errors.InvalidRequest as error:
        raise UnusableTurn(f"Its policy is none: {error}") from None


def _check_entry(entry: Any, place: str) -> None:
    said = isinstance(entry, dict) and "message" in entry
    _check_times(_shaped(entry, _MESSAGE if said else _EVENT, place), place)


def _check_times(found: Mapping[str, Any], place: str) -> None:
    for name, value in found.items():
        if (name == "at" or name.endswith("_at")) and value is not None:
            try:
                instants.parse(value)
            except ValueError:
                raise UnusableTurn(f"Its `{place}{name}` is no time. Download it again.") from None


def _shaped(value: Any, shape: Shape, place: str) -> Document:
    """The object, which has just these fields, each of its type. Raises UnusableTurn."""
    where = place.rstrip(".") or "it"
    if not isinstance(value, dict):
        raise UnusableTurn(f"`{where}` is no object. Download it again.")
    missing = [name for name in shape if name not in value]
    if missing:
        raise UnusableTurn(f"The field `{place}{missing[0]}` is missing. Download it again.")
    for name, found in value.items():
        types = shape.get(name)
        if types is None:
            raise UnusableTurn(f"There is no field `{place}{name}` in version {VERSION}.")
        if not isinstance(found, types) or (isinstance(found, bool) and bool not in types):
            raise UnusableTurn(f"The field `{place}{name}` has the wrong type. Download it again.")
    return value


# -- what is sent, as one text ---------------------------------------------------------------------

_NAMES = frozenset(
    ("role", "type", "id", "call_id", "tool_call_id", "tool_use_id", "status", "cache_control")
)
"""Fields of a provider's form that say nothing to a reader."""


def text_of(system: Any, tools: Sequence[Any], messages: Sequence[Any]) -> str:
    """All that is sent, as one text: every text in it, in order, each on lines of its own."""
    return "\n".join(_texts([system, *messages, *tools]))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for name, one in value.items() if name not in _NAMES for text in _texts(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in _texts(one)]
    return [] if value is None else [orjson.dumps(value).decode()]
