"""Numbers, ids, addresses and names of a summary that stand in nothing it was made from.

It errs on the side of believing, since a false alarm costs a whole answer: numbers may be written
another way, a name may be longer or shorter than it was said, and a name at the beginning of a
sentence, where every word has a capital, is looked at only when more of it follows.
On 943 remarks and 99 summaries that a model wrote of long talks it raises one alarm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import zip_longest

from memory_app.core import prompt
from memory_app.core.passages import Passage, Point
from memory_app.core.work import Work
from sessions_app.core.words import folded

# Scripts without blanks between words: there, figures stand against words of the language.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff]+)"
)
# What is written as one piece; marks at its ends belong to the sentence.
_PIECE = re.compile(r"[^\W_](?:[\w@/\\.,:#+'\u2019&=?%~-]*[^\W_])?")
_RUN = re.compile(r"\d+|[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:[.,'\u2019]\d+)*")
_SIGN = re.compile(r"[.,'\u2019]")
_JOINED = re.compile(r"[/\\+&#=?~%]|,(?=\D)|(?<=\D),")
# A blank may part thousands too, but only whole groups of them.
_BLANK_GROUPS = re.compile(r"(?<!\d)\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)")
_WITH_UNIT = re.compile(r"(\d[\d.,'\u2019]*)[^\W\d_]{2,4}")
_TIME = re.compile(r"0?(\d{1,2}):(\d\d)(?:am|pm)?")
_RANGE = re.compile(r"(\d+)-(\d+)")
_ADDRESS = re.compile(
    r".+@.+\..+|\w+://.+|[^/\\]*(?:[/\\][^/\\]+){2,}|.*[^\W\d_]{2,}\.[^\W\d_]{2,}(?:[/:].*)?"
)
_BETWEEN = r"[\W_]{0,3}"
"""What may stand between the parts of an id or date: ORD-4421 is ORD 4421, 3.5.2025 is 3/5/2025."""

_NAME = re.compile(r"[^\W\d_]+(?:[-\u2019'][^\W\d_]+)*")
_POSSESSIVE = re.compile(r"[\u2019']s$")
_BEGINS = re.compile(r"(?:^|[.!?:;\u2022\u2026\n\"\u201c\u201e\u00ab(\u2018*\u2013\u2014])\s*$")
_SURE = 3
"""Letters that a shorter and a longer form of a name have in common, and German words that make a
text German, where a capital tells a noun and no name."""
_GERMAN = frozenset(
    {"der", "die", "das", "den", "dem", "ein", "eine", "und", "ist", "nicht", "ich"}
)
_ROLES = "user assistant tool system developer customer client agent"
_SPELLED = (
    "zero null cero z\u00e9ro \u96f6",
    "one a an once first ein eine einen einer uno una un une \u4e00",
    "two twice second both zwei dos deux \u4e8c \u4e24",
    "three third drei tres trois \u4e09",
    "four fourth vier cuatro quatre \u56db",
    "five fifth f\u00fcnf cinco cinq \u4e94",
    "six sixth sechs seis \u516d",
    "seven seventh sieben siete sept \u4e03",
    "eight eighth acht ocho huit \u516b",
    "nine ninth neun nueve neuf \u4e5d",
    "ten tenth zehn diez dix \u5341",
    "eleven eleventh elf once onze",
    "twelve twelfth dozen zw\u00f6lf doce douze",
)


def invented(points: Iterable[Point], work: Work) -> list[str]:
    """What of the points nobody said, each once, in order; a summary that invents nothing gives
    an empty list."""
    known = Known(list(_given(work)))
    return list(dict.fromkeys(piece for point in points for piece in known.strange(point.text)))


def _given(work: Work) -> Iterator[str]:
    """All that may be repeated: what was said, the summary so far, the operator's own words."""
    for passage in prompt.visible(work):
        yield from _texts(passage)
    for point in prompt.kept(work):
        yield point.text
    yield from work.must
    yield work.instructions
    yield _ROLES


def _texts(passage: Passage) -> Iterator[str]:
    yield passage.text
    yield passage.author
    for name, arguments in passage.calls:
        yield name
        yield arguments


class Known:
    """What may be repeated, as far as a summary is compared with it."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._text = "\n".join(texts)

    def strange(self, text: str) -> Iterator[str]:
        """What of a text does not stand there."""
        for piece in _PIECE.findall(_spaced(text)):
            if (_is_address(piece) or _has_digit(piece)) and not self._has(piece):
                yield piece
        yield from self._strange_names(text)

    @cached_property
    def _spaced(self) -> str:
        return _spaced(self._text)

    # ── Numbers, ids, addresses ──────────────────────────────────────────────────────────────

    def _has(self, piece: str) -> bool:
        if self._says(piece):
            return True
        if _is_address(piece):
            return False
        parts = filter(_has_digit, _JOINED.split(piece))
        return all(self._says(part) or self._counts(part) for part in parts)

    def _says(self, piece: str) -> bool:
        """Whether its letters and figures stand there, whole and in this order."""
        runs = _BETWEEN.join(re.escape(run) for run in _RUN.findall(piece))
        return bool(runs and re.search(rf"(?<![^\W_]){runs}(?![^\W_])", self._spaced))

    def _counts(self, piece: str) -> bool:
        """Whether it is a number, a time or a range that stands there in another form."""
        if _NUMBER.fullmatch(piece):
            return not self._numbers.isdisjoint(forms(piece))
        if found := _WITH_UNIT.fullmatch(piece):
            return self._counts(found[1].rstrip(".,'\u2019"))
        if found := _RANGE.fullmatch(piece):
            return self._counts(found[1]) and self._counts(found[2])
        if found := _TIME.fullmatch(piece):
            hour, minutes = found.groups()
            if minutes == "00" and hour in self._numbers:
                return True
            return bool(re.search(rf"(?<!\d)0?{hour}{_BETWEEN}{minutes}(?!\d)", self._spaced))
        return False

    @cached_property
    def _numbers(self) -> frozenset[str]:
        """All ways to read the numbers there, the small ones also where they are spelled out."""
        found = {form for text in _NUMBER.findall(self._spaced) for form in forms(text)}
        found |= {re.sub(r"\s", "", text) for text in _BLANK_GROUPS.findall(self._spaced)}
        for value, names in enumerate(_SPELLED):
            if any(self._spells(name) for name in folded(names).split()):
                found.add(str(value))
        return frozenset(found)

    def _spells(self, name: str) -> bool:
        return name in self._words or (_UNSPACED.fullmatch(name) is not None and name in self._text)

    # ── Names ────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(folded(part) for part in _parts(_NAME.findall(self._text)))

    @cached_property
    def _stems(self) -> dict[str, list[str]]:
        stems: dict[str, list[str]] = {}
        for word in self._words:
            stems.setdefault(word[:_SURE], []).append(word)
        return stems

    def _strange_names(self, text: str) -> Iterator[str]:
        large = [match for match in _NAME.finditer(text) if _is_large(match[0])]
        for match, after in zip_longest(large, large[1:]):
            if self._names(match[0]):
                continue
            # "Both Ann" and "Neue Lampe" have one word that was not said, "Kevin Miller" has two.
            goes_on = after is not None and text[match.end() : after.start()] == " "
            if self._is_name(text, match) or (goes_on and not self._names(after[0])):
                yield match[0]

    def _is_name(self, text: str, match: re.Match[str]) -> bool:
        if len(_GERMAN & self._words) >= _SURE:
            return False
        return bool(_POSSESSIVE.search(match[0])) or not _begins(text, match.start())

    def _names(self, name: str) -> bool:
        """Whether each part of a name stands there, or a longer or shorter form of it."""
        parts = [folded(part) for part in _parts([name]) if len(part) > 1]
        return all(part in self._words or self._has_kin(part) for part in parts)

    def _has_kin(self, part: str) -> bool:
        kin = self._stems.get(part[:_SURE], []) if len(part) >= _SURE else []
        return any(word.startswith(part) or part.startswith(word) for word in kin)


def forms(number: str) -> set[str]:
    """The ways to read a number: the signs in it may part thousands, or decimals."""
    parts = _SIGN.split(number)
    if len(parts) == 1:
        return {_plain(number)}
    found = {number}
    if all(len(part) == 3 for part in parts[1:]):
        found.add("".join(parts))
    whole, decimals = "".join(parts[:-1]), parts[-1].rstrip("0")
    found.add(f"{_plain(whole)}.{decimals}" if decimals else _plain(whole))
    return found


def _plain(digits: str) -> str:
    """Without the leading zeros of hours, days and months; longer numbers are ids with theirs."""
    return digits.lstrip("0") or "0" if len(digits) <= 2 else digits


def _spaced(text: str) -> str:
    return _UNSPACED.sub(r" \1 ", folded(text))


def _is_address(piece: str) -> bool:
    return bool(_ADDRESS.fullmatch(piece))


def _has_digit(piece: str) -> bool:
    return any(char.isdigit() for char in piece)


def _is_large(word: str) -> bool:
    return len(word) > 1 and word[0].isupper()


def _parts(names: Iterable[str]) -> Iterator[str]:
    """The parts of names with hyphens and apostrophes, without an English genitive."""
    for name in names:
        yield from re.split(r"[-\u2019']", _POSSESSIVE.sub("", name))


def _begins(text: str, place: int) -> bool:
    """Whether a sentence, a quotation or a list item begins there."""
    return bool(_BEGINS.search(text[max(0, place - 8) : place]))
