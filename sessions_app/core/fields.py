"""The fields a body may have: how each is read strictly, and how it is described to others.

One declaration serves both, so the published document cannot say something else than the check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sessions_app.core import messages, strict
from sessions_app.core.errors import InvalidField, NumberOutOfRange, TooLong, UnknownField
from sessions_app.core.forms import checks

MAX_TAGS = 100
SMALLEST, LARGEST = -(2**63), 2**63 - 1

Read = Callable[[Any, str], Any]
ABSENT: Final = object()


@dataclass(frozen=True)
class Field:
    """One field: `read` takes the value and its place. `null` is what a null stands for: as if it
    was not sent, or a value that clears."""

    read: Read
    schema: Mapping[str, Any]
    required: bool = False
    null: Any = ABSENT


Fields = Mapping[str, Field]


def read(body: object, fields: Fields) -> dict[str, Any]:
    """The fields that were sent, each read; no body is an empty one.

    Raises UnknownField, InvalidField, TooLong and what the fields raise, with `param`.
    """
    given = {} if body is None else body
    if not isinstance(given, dict):
        raise InvalidField("The body must be a JSON object.")
    for name in given:
        if name not in fields:
            raise UnknownField(param=strict.place_of([name]))
    found = {}
    for name, field in fields.items():
        value = given.get(name)
        if value is not None:
            found[name] = field.read(value, name)
        elif field.required:
            raise InvalidField(f"`{name}` is needed.", param=name)
        elif field.null is not ABSENT and name in given:
            found[name] = field.null
    return found


def schema(fields: Fields) -> dict[str, Any]:
    """The JSON schema of a body with these fields."""
    described: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _nullable(field) for name, field in fields.items()},
    }
    required = [name for name, field in fields.items() if field.required]
    return {**described, "required": required} if required else described


def _nullable(field: Field) -> Mapping[str, Any]:
    kind = field.schema.get("type")
    if field.required or not isinstance(kind, str):
        return field.schema
    nullable = {**field.schema, "type": [kind, "null"]}
    if "enum" in nullable:
        nullable["enum"] = [*nullable["enum"], None]
    return nullable


def needed(field: Field) -> Field:
    """The same field, which must be there."""
    return replace(field, required=True)


def cleared(field: Field, value: Any) -> Field:
    """The same field, where null stands for `value`."""
    return replace(field, null=value)


def text(most: int, *, least: int = 0) -> Field:
    """Text of `least` to `most` characters."""

    def read(value: Any, place: str) -> str:
        found = checks.a_string(value, place)
        if len(found) > most:
            raise TooLong(f"`{place}` is over {most} characters. Shorten it.", param=place)
        if len(found) < least:
            raise checks.invalid(place, "must not be empty.")
        return found

    return Field(read, {"type": "string", "minLength": least, "maxLength": most})


def integer(least: int = SMALLEST, most: int = LARGEST) -> Field:
    """A whole number written as one: neither text, true, nor 1.0."""

    def read(value: Any, place: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise checks.invalid(place, "must be a whole number.")
        if not SMALLEST <= value <= LARGEST:
            raise NumberOutOfRange(param=place)
        if not least <= value <= most:
            raise checks.invalid(place, f"must be from {least} to {most}.")
        return value

    return Field(read, {"type": "integer", "minimum": least, "maximum": most})


def boolean() -> Field:
    """true or false."""

    def read(value: Any, place: str) -> bool:
        if not isinstance(value, bool):
            raise checks.invalid(place, "must be true or false.")
        return value

    return Field(read, {"type": "boolean"})


def choice(*names: str) -> Field:
    """One of the names, to the letter."""

    def read(value: Any, place: str) -> str:
        if value not in names or not isinstance(value, str):
            raise checks.invalid(place, f"must be one of {', '.join(names)}.")
        return value

    return Field(read, {"type": "string", "enum": list(names)})


def metadata() -> Field:
    """Free data of bounded size and depth."""

    def read(value: Any, place: str) -> dict[str, Any]:
        checks.metadata(value, place, checks.DEFAULT)
        return dict(value)

    return Field(read, {"type": "object"})


def tags() -> Field:
    """A list of different short texts."""
    each = text(255, least=1)

    def read(value: Any, place: str) -> tuple[str, ...]:
        given = checks.a_list(value, place)
        if len(given) > MAX_TAGS:
            raise TooLong(f"`{place}` has more than {MAX_TAGS} tags.", param=place)
        found = tuple(each.read(tag, checks.at(place, index)) for index, tag in enumerate(given))
        if len(set(found)) != len(found):
            raise checks.invalid(place, "names a tag twice.")
        return found

    shape = {"type": "array", "items": each.schema, "maxItems": MAX_TAGS, "uniqueItems": True}
    return Field(read, shape)


def system() -> Field:
    """A session's system text."""

    def read(value: Any, place: str) -> str:
        found = checks.a_string(value, place)
        messages.check_system(found, path=place)
        return found

    return Field(read, {"type": "string"})


def tools() -> Field:
    """A session's tool definitions, in any provider's form."""

    def read(value: Any, place: str) -> tuple[Any, ...]:
        messages.check_tools(value, path=place)
        return tuple(value)

    return Field(read, {"type": "array", "items": {"type": "object"}})
