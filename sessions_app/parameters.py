"""Query parameters as the API's calls declare them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from sessions_app.calls import Parameter
from sessions_app.core import strict
from sessions_app.core.errors import InvalidField

LARGEST = 2**62
PAGE, LARGEST_PAGE = 50, 500
SEARCH = 512
STALEST = 60
"""Seconds that what is answered may be old, where the caller takes that."""

_FULLEST = 1_000_000
_DECIMAL = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,32})?(?:[eE][-+]?[0-9]{1,3})?")
_LIKE_A_NUMBER = re.compile(r"[-+0-9.eE]{0,24}")


def text(most: int, description: str, *, many: bool = False) -> Parameter:
    """Free text; `many` lets it come more than once."""
    schema: dict[str, Any] = {"type": "string", "maxLength": most}
    if not many:
        return Parameter(strict.text(most), schema, description)
    return Parameter(
        strict.many(strict.text(most)), {"type": "array", "items": schema}, description
    )


def integer(least: int, most: int, description: str) -> Parameter:
    """A whole number within both ends."""
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Parameter(strict.integer(least, most), schema, description)


def choice(description: str, *names: str) -> Parameter:
    """One of the names."""
    return Parameter(strict.choice(*names), {"type": "string", "enum": list(names)}, description)


def boolean(description: str) -> Parameter:
    """true or false."""
    return Parameter(strict.boolean(), {"type": "boolean"}, description)


def instant(description: str) -> Parameter:
    """A point in time, read as microseconds."""
    return Parameter(strict.instant(), {"type": "string", "format": "date-time"}, description)


def level(description: str) -> Parameter:
    """How full, as a share: 0.6 is 60 %. Read as millionths."""

    def read(text: str) -> int:
        if _DECIMAL.fullmatch(text) is None or not 0 <= Decimal(text) <= _FULLEST:
            raise InvalidField(f"Send a number from 0 to {_FULLEST}, such as 0.6.")
        return int(Decimal(text) * 1_000_000)

    schema = {"type": "number", "minimum": 0, "maximum": _FULLEST}
    return Parameter(strict.Reader(read), schema, description)


def max_stale(description: str) -> Parameter:
    """How many seconds old what is answered may be."""
    return integer(0, STALEST, description)


def cursor() -> Parameter:
    """A page's `next`, checked by the listing that signed it."""
    return Parameter(strict.text(4_096), {"type": "string"}, "The `next` of the page before.")


def place_or_cursor(description: str) -> Parameter:
    """A number in the log, or a page's `next`: read as int or str."""
    number = strict.integer(0, LARGEST)
    signed = strict.text(4_096)

    def read(text: str) -> int | str:
        found: int | str = (number if _LIKE_A_NUMBER.fullmatch(text) else signed).read(text)
        return found

    schema = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": LARGEST}, {"type": "string"}]}
    return Parameter(strict.Reader(read), schema, description)


def limit() -> Parameter:
    """How many a page holds."""
    return integer(1, LARGEST_PAGE, f"How many to answer with, {PAGE} when left out.")
