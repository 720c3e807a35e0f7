"""What a value of any shape is taken for: text, an object, a list, a time; nothing where it is
something else."""

from __future__ import annotations

from typing import Any, TypeGuard

from sessions_app.core import instants
from sessions_app.importers.base import MAX_KEY, Record

SHORT = 1024
LAST_SECOND = 4_102_444_800
"""The year 2100: a larger number is no time in seconds."""


def text(value: object) -> str:
    """The value if it is text, else none."""
    return value if isinstance(value, str) else ""


def short(value: object) -> str | None:
    """The value if it is a text of a name's length."""
    return value if isinstance(value, str) and 0 < len(value) <= MAX_KEY else None


def record_of(value: object) -> Record:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def records_of(value: object) -> list[Record]:
    """The objects in a list."""
    return [entry for entry in list_of(value) if isinstance(entry, dict)]


def are_records(value: object) -> TypeGuard[list[Record]]:
    """Whether it is a list of nothing but objects, as tools are."""
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def is_message(value: object) -> TypeGuard[Record]:
    """Whether it is an object that says who speaks."""
    return isinstance(value, dict) and isinstance(value.get("role"), str)


def is_short(value: object) -> bool:
    """Whether it is small enough to stand in the metadata of a session."""
    if isinstance(value, dict | list):
        return False
    return not isinstance(value, str) or len(value.encode()) <= SHORT


def texts(content: object) -> list[str]:
    """The texts of a message's content, which is one or blocks that hold some."""
    if isinstance(content, str):
        return [content]
    return [words for block in records_of(content) if (words := text(block.get("text")))]


def moment(value: object) -> int | None:
    """ISO 8601 with an offset, or seconds since 1970, as microseconds."""
    if isinstance(value, str):
        try:
            return instants.parse(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value * 1_000_000) if 0 < value < LAST_SECOND else None
