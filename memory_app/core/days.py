"""The days that a text speaks of: "in May 2023", "on 7 May", "last week", "2023-05-07", "昨天"."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from memory_app.core.tongues import (
    BEFORE_MONTHS,
    DAYS,
    MONTHS,
    RELATIVE,
    UNSPACED_DATES,
    UNSURE_MONTHS,
)

_EPOCH = date(1970, 1, 1)
_WORD = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d+|[^\W\d_]+(?:'[^\W\d_]+)?")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_HAN = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(?:(\d{1,2})[日号號])?")
_UNSPACED = re.compile("|".join(sorted(UNSPACED_DATES, key=len, reverse=True)))
_YEAR = re.compile(r"(?:19|20)\d\d")
_ORDINAL = frozenset(("st", "nd", "rd", "th", "of", "de"))
_LAST = frozenset(("last", "past", "previous", "letzte", "letzten", "letzter", "letztes"))
_AFTER = frozenset(("pasada", "pasado", "dernier", "dernière"))
"""What stands before and behind a week, a month or a year that is over."""
_UNITS = {
    "day": 1, "days": 1, "tag": 1, "tage": 1, "tagen": 1, "día": 1, "días": 1, "jour": 1,
    "jours": 1, "week": 7, "weeks": 7, "weekend": 7, "woche": 7, "wochen": 7, "semana": 7,
    "semanas": 7, "semaine": 7, "semaines": 7, "month": 30, "months": 30, "monat": 30,
    "monate": 30, "monaten": 30, "mes": 30, "meses": 30, "mois": 30, "year": 365, "years": 365,
    "jahr": 365, "jahre": 365, "jahren": 365, "año": 365, "años": 365, "an": 365, "ans": 365,
}  # fmt: skip
_NUMBERS = {
    word: number
    for number, line in enumerate(("a an one", "two", "three", "four", "five", "six"), 1)
    for word in line.split()
}
_NEAR = {"today": (0, 0), "tonight": (0, 0), "yesterday": (-1, -1), "tomorrow": (1, 1)}


class Span(NamedTuple):
    """Days since the epoch, the last one included."""

    first: int
    last: int


def spans(text: str, *, now: int) -> Iterator[Span]:
    """The days that `text` speaks of; `now` is in microseconds since the epoch.

    A month or a day without a year is the newest one that is not after `now`.
    """
    today = datetime.fromtimestamp(now / 1e6, UTC).date()
    words = _WORD.findall(text.lower())
    for at, word in enumerate(words):
        found = _span(words, at, word, today)
        if found is not None:
            yield found
    for year, month, day in _HAN.findall(text):
        yield from _dated(int(year or 0), int(month), int(day or 0), today)
    for found_ in _UNSPACED.findall(text):
        yield from _relative(UNSPACED_DATES[found_], today)


def words(text: str) -> Iterator[str]:
    """What in a text of scripts without blanks speaks of days."""
    for form in (_HAN, _UNSPACED):
        yield from (found[0] for found in form.finditer(text))


def _span(words: list[str], at: int, word: str, today: date) -> Span | None:
    if word in MONTHS:
        return next(_month(words, at, today), None)
    if match := _ISO.fullmatch(word):
        return next(_dated(int(match[1]), int(match[2]), int(match[3]), today), None)
    if _YEAR.fullmatch(word):
        near = {*words[max(0, at - 3) : at], *words[at + 1 : at + 2]}
        return None if near & MONTHS.keys() else _days(date(int(word), 1, 1), 365)
    if word in _UNITS:
        return _ago(words, at, today)
    if word in RELATIVE:
        return next(_relative(RELATIVE[word], today), None)
    return None


def _month(words: list[str], at: int, today: date) -> Iterator[Span]:
    """The month at a place, with the day and the year beside it."""
    year = day = 0
    before = [word for word in words[max(0, at - 3) : at] if word not in _ORDINAL][-1:]
    after = [word for word in words[at + 1 : at + 5] if word not in _ORDINAL][:2]
    for word in (*before, *after):
        if _YEAR.fullmatch(word):
            year = year or int(word)
        elif word.isdigit() and 1 <= int(word) <= 31:
            day = day or int(word)
    sure = words[at] not in UNSURE_MONTHS or year or day
    if sure or (at and words[at - 1] in BEFORE_MONTHS):
        yield from _dated(year, MONTHS[words[at]], day, today)


def _dated(year: int, month: int, day: int, today: date) -> Iterator[Span]:
    if not 1 <= month <= 12:
        return
    if not year:
        year = today.year - ((month, day) > (today.month, today.day if day else 0))
    if not 1 <= year < 9999:
        return
    size = monthrange(year, month)[1]
    if day <= size:
        yield _days(date(year, month, day or 1), 1 if day else size)


def _ago(words: list[str], at: int, today: date) -> Span | None:
    """ "two weeks ago", "last month", "vor drei Tagen", "hace dos semanas"."""
    size = _UNITS[words[at]]
    before = words[at - 1] if at else ""
    after = words[at + 1] if at + 1 < len(words) else ""
    number = int(before) if before.isdigit() else _NUMBERS.get(before, 0)
    if 0 < number <= 100 and "ago" in words[at + 1 : at + 2]:
        middle = today - timedelta(days=number * size)
        return _days(middle - timedelta(days=size // 2), size // 2 * 2 + 1)
    if before in _LAST or after in _AFTER:
        return _days(today - timedelta(days=2 * size - 1), 2 * size - 1)
    return None


def _relative(name: str, today: date) -> Iterator[Span]:
    if name in _NEAR:
        first, last = _NEAR[name]
        yield _days(today + timedelta(days=first), last - first + 1)
    elif name in ("last week", "last month"):
        size = 7 if name == "last week" else 30
        yield _days(today - timedelta(days=2 * size - 1), 2 * size - 1)
    elif name in DAYS.values():
        back = (today.isoweekday() - int(name.removeprefix("day"))) % 7
        yield _days(today - timedelta(days=back), 1)


def _days(first: date, size: int) -> Span:
    begin = (first - _EPOCH).days
    return Span(begin, begin + size - 1)
