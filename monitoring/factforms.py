"""The form of a fact: its fields as text, and what somebody typed as the values of an edit.

Only what differs from the revision that the form was made of is an edit. So what a field cannot
show exactly (a time below the second, metadata in another order) stays as it is unless somebody
touches it, and two people who changed different fields change nothing of each other's. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from memory_app.factbodies import EDITED
from sessions_app.core import instants, strict
from sessions_app.core.errors import HoldfastError, InvalidField

from . import revising

Texts = Mapping[str, str]
LINES = ("category", "key", "subject", "relation", "object")
TIMES = {"valid_at": "valid_us", "invalid_at": "invalid_us"}
AREAS = ("text", "metadata")
FIELDS = ("text", *LINES, *TIMES, "metadata")
LABELS: Mapping[str, str] = {
    **{name: revising.LABELS[name] for name in ("text", *LINES, "metadata")},
    **{name: revising.LABELS[column] for name, column in TIMES.items()},
}
_WITHOUT_OFFSET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed, by field; what of it is new, as `facts.editing` takes it after
    `factbodies.edited`; and what is wrong with it, by field."""

    texts: Texts
    wanted: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


def texts(fact: Any) -> dict[str, str]:
    """A fact as its form shows it."""
    return {
        "text": _plain(fact.text),
        **{name: _line(getattr(fact, name)) for name in LINES},
        **{name: _second(getattr(fact, column)) for name, column in TIMES.items()},
        "metadata": _plain(revising.pretty(fact.metadata)),
    }


def sent(form: Texts) -> dict[str, str]:
    """The fields of a form that was sent; a browser sends CR LF for each end of a line."""
    return {name: _plain(form.get(name, "")) for name in (*FIELDS, "reason")}


def read(typed: Texts, shown: Texts) -> Typed:
    """What was typed into a form that had shown this. The value of every changed field is read by
    the rules of the API."""
    found = Typed(typed)
    for name in changed(typed, shown):
        try:
            found.wanted.update(_read(name, typed[name]))
        except HoldfastError as error:
            found.wrong[name] = error.message.replace(f"`{name}` ", "It ", 1)
    return found


def changed(typed: Texts, shown: Texts) -> list[str]:
    """The fields that somebody touched."""
    return [name for name in FIELDS if typed[name] != shown[name]]


def merged(typed: Texts, shown: Texts, now: Texts) -> dict[str, str]:
    """What the form shows after somebody else's edit: what was typed where something was, and how
    it is now everywhere else."""
    ours = changed(typed, shown)
    return {name: typed[name] if name in ours else now[name] for name in FIELDS}


def _read(name: str, text: str) -> dict[str, Any]:
    """The field with its value, as EDITED reads it; nothing stands for what clears it."""
    strict.check(text, name)
    rule = EDITED[name]
    if not text.strip() and name not in ("text", "category"):
        return {name: rule.null}
    if name in TIMES:
        return {name: rule.read(f"{text}Z" if _WITHOUT_OFFSET.fullmatch(text) else text, name)}
    return {name: rule.read(_object(text) if name == "metadata" else text, name)}


def _object(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidField(f"It is not valid JSON: {error}.", param="metadata") from None


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _line(text: str) -> str:
    """A text as a field of one line keeps it."""
    return text.replace("\r", "").replace("\n", "")


def _second(us: int | None) -> str:
    """A time as a browser's field for it shows it: to the second, without an offset."""
    return "" if us is None else instants.render(us)[:19]
