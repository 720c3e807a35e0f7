"""Words as the search knows them: the same for a text, a question and the place of a hit.

A word is a run of letters and digits of any script, without accents and without case. Scripts that
put no blanks between words (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese) are cut into
pairs of characters, each with the one that follows and the last one alone, so that any part of a
run is found. Everything else only separates: a question has no operators and is never a pattern.

What is indexed is taken out of the index by the same words, so a change here needs a new index.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

LONGEST = 64
MOST_BYTES = 1_000_000
FAILED = "\u00a7failed"
"""A term that no text and no question gives: it begins with what is neither letter nor digit."""

# Without the digits, marks and signs of these blocks; compatibility forms are folded into them.
_PAIRED = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff"
    "\u0e01-\u0e33\u0e40-\u0e46\u0e81-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1780-\u17b3"
    "\u1000-\u103f\u1050-\u108f"
)
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_WORD = re.compile(r"[^\W_]+")
_ONE_PAIRED = re.compile(f"[{_PAIRED}]")
_LETTER = rf"[^\W_{_PAIRED}]"
_RUN = re.compile(rf"(?P<paired>[{_PAIRED}]+)|{_LETTER}+")
_BLANKS = re.compile(r"\s+")
# Longer than any script has marks in a row; normalising takes the square of such a run.
_MANY_MARKS = re.compile(r"([^\w\s]{64,})")
# They make another letter of a kana rather than another way to write it.
_VOICING = "\u3099\u309a"
_SHORTEST_PREFIX = 2

_STEP, _OVERLAP = 4_096, 256
_SNAP = 24
_LOOKED_FOR = 8
"""Words whose first place is looked for; each may cost a walk through the whole text."""


def folded(text: str) -> str:
    """`text` without accents, case and compatibility forms; separators stay."""
    if text.isascii():
        return text.lower()
    # Once before: to put a long run of marks in order takes the square of its length.
    plain = _without_marks(unicodedata.normalize("NFKD", _without_marks(text)))
    return unicodedata.normalize("NFC", plain.casefold())


def _without_marks(text: str) -> str:
    for mark in filter(_is_mark, set(text)):
        text = text.replace(mark, "")
    return text


@lru_cache(maxsize=16_384)
def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M" and char not in _VOICING


def words(text: str) -> list[str]:
    """The distinct words of `text` in the order they come, up to MOST_BYTES of them."""
    plain = folded(text)
    if plain.isascii():
        found = dict.fromkeys(word[:LONGEST] for word in _ASCII_WORD.findall(plain))
    elif _ONE_PAIRED.search(plain) is None:
        found = dict.fromkeys(word[:LONGEST] for word in _WORD.findall(plain))
    else:
        found = dict.fromkeys(_words(plain))
    # A pair has two characters of at most four bytes for each character of the text.
    return list(found) if len(plain) * 8 <= MOST_BYTES else list(_bounded(found))


def sequence(text: str) -> list[str]:
    """Every word of `text` in the order they come, as often as they do."""
    plain = folded(text)
    if plain.isascii():
        return _ASCII_WORD.findall(plain)
    return list(_words(plain)) if _ONE_PAIRED.search(plain) else _WORD.findall(plain)


def _words(text: str) -> Iterator[str]:
    for run in _RUN.finditer(text):
        if run["paired"]:
            yield from _pairs(run[0])
        else:
            yield run[0][:LONGEST]


def _pairs(run: str) -> Iterator[str]:
    return (run[at : at + 2] for at in range(len(run)))


def _bounded(found: Iterable[str]) -> Iterator[str]:
    left = MOST_BYTES
    for word in found:
        left -= len(word.encode())
        if left < 0:
            return
        yield word


class Term(NamedTuple):
    """A word that must be there; `prefix` when any word that begins with it will do."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for: every term, in any order. Nothing matches a query without terms."""

    terms: tuple[Term, ...]

    def __bool__(self) -> bool:
        return bool(self.terms)


def query(text: str) -> Query:
    """The query of a person's words. A word that the text ends in may go on, from two letters up;
    so may a lone character of a script that is cut into pairs."""
    asked = folded(text)
    terms: dict[Term, None] = {}
    for run in _RUN.finditer(asked):
        if not run["paired"]:
            may_go_on = run.end() == len(asked) and len(run[0]) >= _SHORTEST_PREFIX
            terms[Term(run[0][:LONGEST], may_go_on)] = None
        elif len(run[0]) == 1:
            terms[Term(run[0], prefix=True)] = None
        else:
            terms |= dict.fromkeys(Term(pair) for pair in _pairs(run[0]) if len(pair) == 2)
    return Query(tuple(terms))


# -- where the words stand ---------------------------------------------------------------------


class Piece(NamedTuple):
    """A part of an excerpt, and whether it is one of the words looked for."""

    text: str
    hit: bool


def excerpt(text: str, wanted: Query, width: int = 160) -> tuple[Piece, ...]:
    """About `width` characters of `text` around the first place of the longest word of `wanted`,
    in pieces; the beginning when no word is there. Blanks and line ends are one blank each."""
    text = _composed(text)
    place = _place(text, wanted)
    begin, end = _window(text, place, width)
    spans = _spans(text, begin, end, wanted) if place is not None else []
    return tuple(_pieces(text, begin, end, spans))


def literal_excerpt(text: str, wanted: str, width: int = 160) -> tuple[Piece, ...]:
    """The same around the first place of a text to the letter, ignoring case."""
    # Escaped, so it is no pattern.
    places = [found.span() for found in re.finditer(re.escape(wanted), text, re.IGNORECASE)]
    begin, end = _window(text, places[0][0] if places else None, width)
    spans = [(first, min(last, end)) for first, last in places if begin <= first < end]
    return tuple(_pieces(text, begin, end, spans))


def _composed(text: str) -> str:
    """`text` with letters and their marks as one character, very long runs of marks as they are."""
    if text.isascii():
        return text
    parts = _MANY_MARKS.split(text)
    parts[::2] = [unicodedata.normalize("NFC", part) for part in parts[::2]]
    return "".join(parts)


def _place(text: str, wanted: Query) -> int | None:
    longest_first = sorted(wanted.terms, key=lambda term: -len(term.text))
    for term in longest_first[:_LOOKED_FOR]:
        place = _place_of(text, term)
        if place is not None:
            return place
    return None


def _place_of(text: str, term: Term) -> int | None:
    """Looks through `text` a part at a time: folding is fast, knowing the places is not."""
    only = Query((term,))
    for start in range(0, len(text), _STEP):
        part = text[start : start + _STEP + _OVERLAP]
        if term.text not in folded(part):
            continue
        for begin, _ in _found(part, only):
            # A word that the cut went through was whole in the part before.
            if begin or not start:
                return start + begin
    return None


def _found(text: str, wanted: Query) -> Iterator[tuple[int, int]]:
    """From where to where in `text` each word looked for stands; pairs may overlap."""
    plain, places = _placed(text)
    for found in _finder(wanted).finditer(plain):
        begin, end = found.span(1)
        yield places[begin], places[end - 1] + 1


@lru_cache(maxsize=64)
def _finder(wanted: Query) -> re.Pattern[str]:
    """What finds the terms in folded text: made of letters and digits, which mean themselves."""
    return re.compile(rf"(?=({'|'.join(map(_found_by, wanted.terms))}))")


def _found_by(term: Term) -> str:
    if _ONE_PAIRED.match(term.text):
        return term.text
    more = f"{_LETTER}*" if term.prefix or len(term.text) == LONGEST else f"(?!{_LETTER})"
    # The letters are looked at first, being the quickest to rule a place out.
    return f"(?={term.text})(?<!{_LETTER}){term.text}{more}"


def _placed(text: str) -> tuple[str, Sequence[int]]:
    """The folded text, and for each of its characters the place it came from."""
    plain = folded(text)
    if len(plain) == len(text) and all(len(_folded_char(char)) == 1 for char in set(text)):
        return plain, range(len(text))
    shown, places = [], []
    for place, char in enumerate(text):
        letters = _folded_char(char)
        shown.append(letters)
        places += [place] * len(letters)
    return "".join(shown), places


@lru_cache(maxsize=16_384)
def _folded_char(char: str) -> str:
    return folded(char)


def _window(text: str, place: int | None, width: int) -> tuple[int, int]:
    """A part of the text with `place` in its first third, moved to blanks where some are near."""
    begin = max(0, min((place or 0) - width // 3, len(text) - width))
    end = min(len(text), begin + width)
    if begin:
        blank = _BLANKS.search(text, begin, begin + _SNAP)
        begin = blank.end() if blank and blank.end() <= (place or 0) else begin
    if end < len(text):
        blank_at = max(text.rfind(" ", end - _SNAP, end), text.rfind("\n", end - _SNAP, end))
        end = blank_at if blank_at > (place or 0) else end
    return begin, end


def _spans(text: str, begin: int, end: int, wanted: Query) -> list[tuple[int, int]]:
    """The hits between two places, overlapping ones joined. Words are read a little beyond both."""
    start = max(0, begin - _OVERLAP)
    joined: list[tuple[int, int]] = []
    for first, last in _found(text[start : end + _OVERLAP], wanted):
        span = max(start + first, begin), min(start + last, end)
        if span[0] >= span[1]:
            continue
        if joined and span[0] <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(span[1], joined[-1][1])
        else:
            joined.append(span)
    return joined


def _pieces(text: str, begin: int, end: int, spans: Sequence[tuple[int, int]]) -> Iterator[Piece]:
    at = begin
    before = "\u2026" if begin else ""
    for first, last in spans:
        if before or first > at:
            yield Piece(before + _BLANKS.sub(" ", text[at:first]), hit=False)
        yield Piece(_BLANKS.sub(" ", text[first:last]), hit=True)
        at, before = last, ""
    rest = before + _BLANKS.sub(" ", text[at:end]) + ("\u2026" if end < len(text) else "")
    if rest:
        yield Piece(rest, hit=False)
