"""Strict checks every provider form shares: the right type, or an error that names the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from sessions_app.core import errors, strict


@dataclass(frozen=True, slots=True)
class Limits:
    """How large one message may be: UTF-8 bytes of text and metadata, levels of metadata,
    characters of a name."""

    text_bytes: int = 1024 * 1024
    metadata_bytes: int = 16 * 1024
    metadata_depth: int = 32
    name_chars: int = 255


DEFAULT = Limits()


def at(path: str, name: str | int) -> str:
    """The dotted path of a field or list entry below `path`."""
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def invalid(param: str, advice: str) -> errors.InvalidField:
    return errors.InvalidField(f"`{param}` {advice}", param=param)


def an_object(value: object, param: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(param, "must be an object.")
    return value


def a_list(value: object, param: str) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(param, "must be a list.")
    return value


def a_string(value: object, param: str) -> str:
    if not isinstance(value, str):
        raise invalid(param, "must be a string.")
    return value


def a_word(value: object, param: str) -> str:
    """A string that is not empty, as ids and names are."""
    if not a_string(value, param):
        raise invalid(param, "must not be empty.")
    return str(value)


def a_name(value: object, param: str, limits: Limits) -> str:
    text = a_string(value, param)
    if len(text) > limits.name_chars:
        raise errors.TooLong(f"`{param}` is over {limits.name_chars} characters.", param=param)
    return text


def strings(found: dict[str, Any], path: str, *names: str) -> None:
    """Each of `names` must be there and be a string."""
    for name in names:
        a_string(found.get(name), at(path, name))


def words(found: dict[str, Any], path: str, *names: str) -> None:
    """Each of `names` must be there and be a string that is not empty."""
    for name in names:
        a_word(found.get(name), at(path, name))


def blocks(value: object, path: str) -> list[dict[str, Any]]:
    """A list of objects that each say their `type`."""
    found = a_list(value, path)
    for index, block in enumerate(found):
        where = at(path, index)
        a_word(an_object(block, where).get("type"), at(where, "type"))
    return found


def metadata(value: object, param: str, limits: Limits) -> None:
    strict.check(value, param, max_depth=limits.metadata_depth)
    if len(orjson.dumps(an_object(value, param))) > limits.metadata_bytes:
        raise errors.TooLong(
            f"`{param}` is over {limits.metadata_bytes} bytes as JSON.", param=param
        )


def known(found: dict[str, Any], fields: frozenset[str], path: str) -> None:
    """Refuse the first field that is not in `fields`."""
    for name in found:
        if name not in fields:
            param = at(path, name)
            raise errors.UnknownField(
                f"`{param}` is not a field of this kind of message. "
                "Remove it; free data belongs in `metadata`.",
                param=param,
            )
