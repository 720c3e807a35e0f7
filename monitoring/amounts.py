"""Amounts as people read them: counts with separators, sizes, spans of time, shares."""

from __future__ import annotations

UNKNOWN = "\N{EN DASH}"
_UNITS = ("B", "kB", "MB", "GB")
_SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def count(number: int | None) -> str:
    """18204 as 18,204; a dash for what is not known, which is not the same as 0."""
    return UNKNOWN if number is None else f"{number:,}"


def span_of(first: int, last: int) -> str:
    """The numbers first..last with a dash between, one of them as itself."""
    return count(first) if first == last else f"{count(first)}{UNKNOWN}{count(last)}"


def size(octets: int) -> str:
    """Bytes in the largest unit that gives at least 1."""
    amount, left = float(octets), list(_UNITS)
    while amount >= 1000 and len(left) > 1:
        amount /= 1000
        left.pop(0)
    return f"{amount:,.1f} {left[0]}" if len(left) < len(_UNITS) else f"{octets} B"


def span(seconds: float) -> str:
    """Seconds in the two largest units that they fill, as 2 h 14 min; from five minutes on nobody
    counts the seconds."""
    left = max(0, round(seconds))
    left -= left % 60 if left >= 300 else 0
    for index, (length, unit) in enumerate(_SPANS):
        if left >= length:
            whole, rest = divmod(left, length)
            smaller = _SPANS[index + 1 : index + 2]
            more = [f"{rest // part} {name}" for part, name in smaller if rest >= part]
            return " ".join([f"{whole} {unit}", *more])
    return "0 s"


def lasted(us: int | None) -> str:
    """How long something took, from milliseconds on."""
    if us is None:
        return UNKNOWN
    ms = max(0, us) / 1000
    if ms >= 60_000:
        return span(ms / 1000)
    return f"{ms / 1000:,.1f} s" if ms >= 1000 else f"{ms:,.0f} ms"


def ago(seconds: float) -> str:
    """How long ago, in one unit; what lies ahead, as clocks differ, is `now`."""
    left = int(seconds)
    for length, unit in _SPANS:
        if left >= length:
            return f"{left // length} {unit} ago"
    return "now"


def percent(share: float) -> str:
    """0.714 as 71 %; little is not nothing."""
    if 0 < share < 0.01:
        return "<1 %"
    return f"{share * 100:,.0f} %"


def cut(text: str, most: int) -> str:
    """The beginning of a text on one line, with an ellipsis when there is more."""
    line = " ".join(text[: most * 4].split())
    return line if len(line) <= most and len(text) <= most * 4 else f"{line[: most - 1].rstrip()}…"
