"""Where the page of a user is: `/users/KEY/`, or `/user/?key=KEY` for a key that no path carries.

A key is anything of up to 255 characters. A browser takes `..` and `.` out of a path however they
are written, proxies make one slash of two, and a line's end is no part of an address; in a query
all of them stay as they are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from django.urls import reverse

from .asked import query


class Address(NamedTuple):
    """The page's path, and what always stands in its query."""

    path: str
    fixed: Mapping[str, str]

    def link(self, texts: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """The page with some values in its query; None takes one away."""
        return f"{self.path}{query({**self.fixed, **(texts or {})}, **changes)}".removesuffix("?")


def of(key: str) -> Address:
    """The address of a user's page."""
    if travels(key):
        return Address(reverse("holdfast_pages:user", args=(key,)), {})
    return Address(reverse("holdfast_pages:user_by_key"), {"key": written(key)})


def travels(key: str) -> bool:
    """Whether a key is the same at the other end of a path."""
    parts = key.split("/")
    return not ("\\" in key or _is_broken(key) or {"", ".", ".."} & set(parts))


def written(key: str) -> str:
    """A key as a field of a form carries it: a browser makes CR LF of each end of a line there."""
    return "".join(quote(one, safe="") if one == "%" or _is_broken(one) else one for one in key)


def read(text: str) -> str:
    """The key that `written` was given."""
    return unquote(text)


def name(key: str) -> str:
    """A key as text that somebody can see and type on one line: one of blanks alone, or with
    control characters, is written out."""
    return ascii(key) if _is_broken(key) or not any(map(_is_seen, key)) else key


def _is_broken(key: str) -> bool:
    return any(unicodedata.category(one) == "Cc" for one in key)


def _is_seen(one: str) -> bool:
    return not (one.isspace() or unicodedata.category(one).startswith("C"))
