"""Pages of a log: from a number on, up to a number, around one, either way, and on by cursor."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.conf import settings

from sessions_app.core import cursors
from sessions_app.core.errors import BadCursor, InvalidField
from sessions_app.core.packing import octets_of
from sessions_app.parameters import LARGEST, PAGE
from sessions_app.store.base import PAGE_OCTETS

Row = TypeVar("Row")


def sign(scope: str, values: list[Any]) -> str:
    """A cursor for this scope that only this installation could have written."""
    return cursors.sign(_secret(settings.SECRET_KEY), scope, values)


def read(scope: str, text: str) -> list[Any]:
    """What `sign` was given. Raises BadCursor."""
    return cursors.read(_secret(settings.SECRET_KEY), scope, text)


@lru_cache(maxsize=4)
def _secret(key: str) -> bytes:
    return hashlib.sha256(b"holdfast.cursors\0" + key.encode()).digest()


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a log a page is: numbers after, before or around one, at most `limit`."""

    after: int | None = None
    before: int | None = None
    around: int | None = None
    limit: int = PAGE
    descending: bool = False

    @property
    def backward(self) -> bool:
        """Whether the page is read from its highest number down."""
        return self.before is not None or (
            self.descending and self.after is None and self.around is None
        )


def span(query: Mapping[str, Any], scope: str) -> Span:
    """The part a query asks for. Raises InvalidField for two places at once, and BadCursor."""
    places = {name: query[name] for name in ("after", "before", "around") if name in query}
    base = Span(limit=query.get("limit", PAGE), descending=query.get("order") == "desc")
    if isinstance(places.get("after"), str):
        return _continued(base, read(scope, places["after"]), query.get("order"))
    if len(places) > 1:
        raise InvalidField(
            "Send only one of `after`, `before` and `around`.", param=list(places)[1]
        )
    return replace(base, **places)


def _continued(base: Span, cursor: list[Any], order: str | None) -> Span:
    """A cursor knows its direction and order; what stands beside it may only agree."""
    side, place, descending = cursor
    if order is not None and (order == "desc") != descending:
        raise BadCursor(
            "This cursor belongs to the other `order`. Start again without `after`.",
            param="after",
        )
    return replace(base, descending=descending, **{side: place})


@dataclass(frozen=True, slots=True)
class Log(Generic[Row]):
    """A log to page through: `forward(after, limit)` gives rows upwards, `backward(before, limit)`
    downwards, `number(row)` is what they are counted by, `text(row)` what makes them large.

    Both may give fewer rows where the texts reach PAGE_OCTETS, and then give one more, as the
    store's windows do.
    """

    forward: Callable[[int, int], Sequence[Row]]
    backward: Callable[[int, int], Sequence[Row]]
    number: Callable[[Row], int]
    text: Callable[[Row], str]

    def page(self, asked: Span, scope: str) -> tuple[list[Row], str | None]:
        """The rows of a page in the order asked for, and the cursor of the next. A page ends with
        its `limit` or with the row that reaches PAGE_OCTETS."""
        older: list[Row] = []
        # One row more than the page holds, so that it is known whether there is a next.
        if asked.backward:
            end = LARGEST if asked.before is None else asked.before
            read, side = self.backward(end, asked.limit + 1), "before"
        else:
            after = asked.after or 0
            if asked.around is not None:
                after = asked.around - 1
                older, _ = self._fitting(
                    self.backward(asked.around, asked.limit // 2), PAGE_OCTETS // 2
                )
                older.reverse()
            read, side = self.forward(after, asked.limit + 1 - len(older)), "after"
        room = PAGE_OCTETS // 2 if older else PAGE_OCTETS
        rows, whole = self._fitting(read, room, asked.limit - len(older))
        rows = [*older, *rows]
        following = None if whole else self._next(rows, asked, side, scope)
        turned = asked.descending != asked.backward
        return (rows[::-1] if turned else rows), following

    def _fitting(
        self, read: Sequence[Row], octets: int, limit: int = LARGEST
    ) -> tuple[list[Row], bool]:
        """The first rows, at least one, until they reach `octets`; and whether these are all."""
        fitting: list[Row] = []
        held = 0
        for row in read[:limit]:
            if fitting and held >= octets:
                break
            fitting.append(row)
            held += octets_of(self.text(row))
        return fitting, len(fitting) == len(read)

    def _next(self, rows: list[Row], asked: Span, side: str, scope: str) -> str:
        return sign(scope, [side, self.number(rows[-1]), asked.descending])
