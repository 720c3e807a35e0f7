"""What one token is, and by what it is found again: numbers by value, times by the minute, dates by
year, month and day, ids, paths and code as they are written."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from memory_app.core.tongues import UNSPACED

LONGEST = 120
"""Characters of the longest id; what is longer is data, not a name of something."""

Key = tuple[str, str]


class Figure(NamedTuple):
    """What a token is. `needs` are the keys that tell it, any of which will do; `gives` are those
    of what it tells: "17:40" gives "5:40" too, but does not need it."""

    kind: str
    needs: tuple[Key, ...]
    gives: tuple[Key, ...]


_PATH = re.compile(
    r"(?:https?|ftp|file|s3|ssh)://.+|www\..+\..+|(?:~|\.{1,2})?/[\w@%+.~-]+(?:/[\w@%+=&?#.~-]*)*"
    r"|[A-Za-z]:\\.+|[\w@.+-]+(?:/[\w@.+-]+)+/[\w@.+-]*|[\w@.+-]+/[\w@.+-]+\.\w{1,5}"
    r"|[\w@+-][\w@.+-]*\.(?:py|js|ts|tsx|jsx|rs|go|c|h|cc|cpp|java|rb|php|sh|sql|md|txt|json|ya?ml"
    r"|toml|ini|cfg|csv|tsv|xml|html?|css|pdf|docx?|xlsx?|pptx?|png|jpe?g|gif|svg|zip|gz|tar|log"
    r"|lock|env|db|bak|ipynb|mp[34]|wav)(?::\d+)*",
    re.ASCII | re.IGNORECASE,
)
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T_](\d{2}):(\d{2})(?::(\d{2}))?\S*)?")
_SHORT = re.compile(r"(\d{1,2})([-/.])(\d{1,2})(?:\2(\d{4}|\d{2}))?\.?")
_HAN_DATE = re.compile(r"(?:(\d{4})年)?(\d{1,2})月(?:(\d{1,2})[日号號])?|(\d{4})年")
_TIME = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?(\+\d)?(am|pm|h|uhr)?z?", re.IGNORECASE
)
_HOUR = re.compile(r"(\d{1,2})(am|pm|h|uhr)", re.IGNORECASE)
_HOUR_MINUTE = re.compile(r"(\d{1,2})h(\d{2})")
_HAN_TIME = re.compile(r"(\d{1,2})[点點时時](?:(\d{1,2})分?|(半))?")
_NUMBER = re.compile(
    r"([-+]?)[$€£¥₹]?(\d[\d.,'’]*)(?:[$€£¥%°kKmMgx×hs]|st|nd|rd|th|er|ème|e|[kmc]?m|[km]?g|ml|[gmkt]b"
    r"|ms|min|mins|hrs?|lbs?|k[mw]h?|mph|ft|yo|[º°ª]c?)?",
    re.IGNORECASE,
)
_ID = re.compile(
    r"#\d[\w-]*|(?=[\w-]*\d)(?=[\w-]*[A-Za-z])\w[\w-]{2,}|[A-Z]\d\b|\d[A-Z]\b"
    r"|\+?\d+(?:-\d+){2,}|\d{3,}-\d{2,}|\(\d{3}\)"
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CODE = re.compile(
    r"[A-Za-z]\w*_\w+|_\w+|[a-z]{2,}[a-z0-9]*[A-Z]\w*|(?:[A-Z][a-z]+){1,4}(?:Error|Exception|Warning)"
    r"|[A-Za-z_][\w.:]*\(\)|--?[a-z][\w-]+|[a-z_]+(?:\.[a-z_]+)*\.[a-z]+_[a-z_]+"
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:([.,'’])\d{3})(?:\1\d{3})*")

SHAPE = re.compile(rf"[^\W{UNSPACED}]")


def digits(text: str) -> tuple[Key, ...]:
    """Keys of a number as written with points, commas or apostrophes. "1.200" may be either."""
    text = text.rstrip(".,'’")
    found = []
    if _THOUSANDS.fullmatch(text):
        found.append(re.sub(r"[.,'’]", "", text))
    whole, mark, part = _split(text)
    plain = re.sub(r"[.,'’]", "", whole)
    if not found or (mark in ".," and text.count(mark) == 1):
        part = part.rstrip("0")
        found.append((plain.lstrip("0") or "0") + (f".{part}" if part else ""))
    return tuple(("number", value) for value in dict.fromkeys(found))


def _split(text: str) -> tuple[str, str, str]:
    """What stands before the last point or comma, it, and what stands behind."""
    at = max(text.rfind("."), text.rfind(","))
    if at < 0 or text.count(text[at]) > 1:
        return text, " ", ""
    return text[:at], text[at], text[at + 1 :]


def number(text: str) -> Figure | None:
    """A number with its currency sign or unit, or None."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    keys = digits(match[2])
    if match[1] == "-":
        keys = tuple((kind, f"-{value}") for kind, value in keys)
    return Figure("number", keys, keys)


def day(year: int | None, month: int, date: int | None) -> Figure | None:
    """The date, or None when there is no such one."""
    if not 1 <= month <= 12 or (date is not None and not 1 <= date <= 31):
        return None
    if date is None:
        key = ("date", f"{year}-{month:02}" if year else f"-{month:02}")
        return Figure("date", (key,), (key, ("date", f"-{month:02}")))
    short = ("date", f"--{month:02}-{date:02}")
    if year is None:
        return Figure("date", (short,), (short, ("date", f"?{month:02}-{date:02}")))
    full = ("date", f"{year}-{month:02}-{date:02}")
    # "?" is given by a date without a year alone: it is held by one, and not by another year.
    return Figure("date", (full, ("date", f"?{month:02}-{date:02}")), (full, short))


def clock(hour: int, minute: int, half: str = "", sure: bool = False) -> Figure | None:
    """The time of day, or None. `half` is "am", "pm" or nothing; `sure` that it is of 24 hours."""
    if hour > 24 or minute > 59:
        return None
    if half == "pm" and hour < 12:
        hour += 12
    elif half == "am" and hour == 12:
        hour = 0
    loose = ("date", f"~{hour % 12}:{minute:02}")
    exact = ("date", f"@{hour % 24}:{minute:02}")
    if half or sure or hour > 12:
        return Figure("date", (exact,), (exact, loose))
    return Figure("date", (loose,), (loose, exact))


def _iso(match: re.Match[str]) -> Figure | None:
    found = day(int(match[1]), int(match[2]), int(match[3]))
    if found is None or match[4] is None:
        return found
    time = clock(int(match[4]), int(match[5]), sure=True)
    whole = ("date", f"{found.needs[0][1]} {match[4]}:{match[5]}:{match[6] or '00'}")
    given = time.gives if time and match[6] in (None, "00") else ()
    return Figure("date", (whole,), (whole, *found.gives, *given))


def _short(match: re.Match[str]) -> Figure | None:
    """12/05 is the twelfth or the fifth month: then only what is written the same holds it."""
    first, second, year = int(match[1]), int(match[3]), match[4]
    if match[2] == "." and not year and not match[0].endswith("."):
        return None
    if match[2] == "-" and not year:
        return None
    full = int(year) + (2000 if len(year) == 2 else 0) if year else None
    if match[2] == ".":
        return day(full, second, first)
    if first > 12 or second > 12:
        return day(full, *((second, first) if first > 12 else (first, second)))
    key = ("date", f"{first}/{second}/{full or ''}")
    return Figure("date", (key,), (key,)) if first and second else None


def _han(match: re.Match[str]) -> Figure | None:
    if match[4]:
        key = ("number", match[4])
        return Figure("number", (key,), (key,))
    return day(
        int(match[1]) if match[1] else None, int(match[2]), int(match[3]) if match[3] else None
    )


def _time(match: re.Match[str]) -> Figure | None:
    sure = match[1].startswith("0") or match[0].count(":") > 1
    half = (match[5] or "").lower()
    found = clock(int(match[1]), int(match[2]), half.strip("hur"), sure or half in ("h", "uhr"))
    if found is None or (match[3] in (None, "00") and not match[4]):
        return found
    # Seconds and days after are part of it, and what has none does not hold it.
    exact = ("date", f"{found.needs[0][1]}:{match[3] or '00'}{match[4] or ''}")
    return Figure("date", (exact,), (exact,))


def _hour(match: re.Match[str]) -> Figure | None:
    half = match[2].lower()
    return clock(int(match[1]), 0, half.strip("hur"), half in ("h", "uhr"))


def _han_time(match: re.Match[str]) -> Figure | None:
    return clock(int(match[1]), int(match[2] or (30 if match[3] else 0)))


_DATES = (
    (_ISO, _iso),
    (_SHORT, _short),
    (_TIME, _time),
    (_HOUR, _hour),
    (_HOUR_MINUTE, lambda match: clock(int(match[1]), int(match[2]), sure=True)),
    (_HAN_DATE, _han),
    (_HAN_TIME, _han_time),
)


@lru_cache(maxsize=65_536)
def figure(token: str) -> Figure | None:
    """What a token is by its shape alone: a number, date, id, path, code or handle; else None."""
    if len(token) > LONGEST and not _PATH.fullmatch(token):
        return None
    if token[0] == "`":
        inner = token.strip("`").strip()
        return exact("path" if _PATH.fullmatch(inner) else "code", inner) if inner else None
    if token[0].isdigit() or (token[0] in "+-$€£¥₹" and len(token) > 1):
        for pattern, read in _DATES:
            match = pattern.fullmatch(token)
            found = read(match) if match else None
            if found:
                return found
        found = number(token)
        if found:
            return found
    return _written(token)


def _written(token: str) -> Figure | None:
    if token[0] == "@" and len(token) > 2 and token[1].isalpha():
        return exact("name", token.lower())
    if _MAIL.fullmatch(token):
        return exact("id", token)
    if _PATH.fullmatch(token):
        return exact("path", token)
    if _ID.fullmatch(token):
        return exact("id", token)
    if _CODE.fullmatch(token):
        return exact("code", token)
    return None


def exact(kind: str, text: str) -> Figure:
    """What is found only as it is written."""
    key = ("exact", text)
    return Figure(kind, (key,), (key,))
