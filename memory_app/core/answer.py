"""What a model answered, read and tried before anything of it is believed.

An answer is taken only if it is well formed, names messages that it was given, fits, says
something, carries what must survive, and holds no number, id or name that nobody said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from memory_app.core import prompt
from memory_app.core.passages import Passage, Point
from memory_app.core.work import (
    DEGENERATE,
    DROPPED_MUST_KEEP,
    EMPTY,
    INVALID_ANSWER,
    INVENTED,
    TOO_LONG,
    Work,
)
from sessions_app.core import errors, strict
from sessions_app.core.words import folded, words

MAX_DEPTH = 16
MOST_POINTS = 1_000
BETWEEN_POINTS = 2
"""Tokens that setting one point apart from the next may take."""

_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL | re.IGNORECASE)
_LOOP = 8
_LEAST_FOR_LOOPS = 80


class Fault(NamedTuple):
    """Why an answer is not taken: one of the reasons of EngineFailed, and what to tell the model.
    `advice` may quote what was said, so it goes to the model alone."""

    reason: str
    advice: str


def read(text: str, work: Work) -> list[Point] | Fault:
    """The points of an answer, or what is wrong with its form."""
    fenced = _FENCED.fullmatch(text)
    try:
        value = strict.loads((fenced[1] if fenced else text).strip().encode(), limit=MAX_DEPTH)
    except (errors.HoldfastError, UnicodeEncodeError):
        return Fault(INVALID_ANSWER, "it is not one JSON object.")
    found = value.get("points") if isinstance(value, dict) else None
    if not isinstance(found, list) or len(found) > MOST_POINTS:
        return Fault(INVALID_ANSWER, 'it has no list of "points".')
    scores = _scores(work)
    points = [_point(item, scores) for item in found]
    if None in points:
        return Fault(
            INVALID_ANSWER,
            'every point needs a "text" and "sources" that are numbers of messages it was given.',
        )
    return [point for point in points if point and point.text]


def _scores(work: Work) -> dict[int, float]:
    """How much each message that may be named matters; those of the summary as its points do."""
    scores: dict[int, float] = {}
    for point in prompt.kept(work):
        for seq in point.seqs:
            scores[seq] = max(point.score, scores.get(seq, 0.0))
    scores |= {passage.seq: work.scores.get(passage.seq, 0.0) for passage in prompt.visible(work)}
    return scores


def _point(item: Any, scores: dict[int, float]) -> Point | None:
    """A point; None if its form is wrong. One that says nothing needs no sources."""
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        return None
    text = " ".join(item["text"].split())
    sources = item.get("sources")
    if not text:
        return Point("", (), 0.0)
    if not isinstance(sources, list) or not sources:
        return None
    if not all(type(seq) is int and seq in scores for seq in sources):
        return None
    seqs = tuple(sorted(set(sources)))
    return Point(text, seqs, min(1.0, max(0.0, *(scores[seq] for seq in seqs), 0.0)))


def fault(points: Sequence[Point], work: Work, count: Callable[[str], int]) -> Fault | None:
    """The first thing wrong with the points; None if they can be taken. `count` gives tokens."""
    if not points:
        return Fault(EMPTY, "it says nothing.")
    if is_degenerate([point.text for point in points]):
        return Fault(DEGENERATE, "it repeats itself.")
    tokens = sum(count(point.text) + BETWEEN_POINTS for point in points)
    if tokens > work.size:
        return Fault(TOO_LONG, f"it is about {tokens} tokens long and may be {work.size}.")
    if lost := missing(work.must, points):
        lines = prompt.block("must", lost)
        return Fault(DROPPED_MUST_KEEP, f"these texts are missing, word for word:\n{lines}")
    if strange := invented(points, work):
        lines = prompt.block("must", strange[:20])
        return Fault(INVENTED, f"nobody said these; leave them out:\n{lines}")
    return None


def is_degenerate(texts: Sequence[str]) -> bool:
    """Whether texts go round in circles, or hold no letter at all.

    Of all runs of eight characters, ordinary prose of any script repeats well under a third; a
    model that is stuck repeats nearly all.
    """
    whole = folded("\n".join(texts))
    if not any(char.isalnum() for char in whole):
        return True
    if len(texts) > 2 and len({folded(text) for text in texts}) * 2 <= len(texts):
        return True
    runs = len(whole) - _LOOP + 1
    if runs < _LEAST_FOR_LOOPS:
        return False
    return len({whole[start : start + _LOOP] for start in range(runs)}) * 2 < runs


def missing(must: Iterable[str], points: Iterable[Point]) -> list[str]:
    """The texts whose words do not stand together in one point. Order and signs may differ."""
    said = [set(words(point.text)) for point in points]
    return [
        text for text in must if not any(said_words.issuperset(words(text)) for said_words in said)
    ]


# ── What nobody said ─────────────────────────────────────────────────────────────────────────

_NUMBER = re.compile(r"\d+(?:[.,'\u2019\u00a0\u202f]\d+)*")
# A blank may part thousands too, but only whole groups of them.
_BLANK_GROUPS = re.compile(r"(?<!\d)\d{1,3}(?: \d{3})+(?!\d)")
_DIGITS = re.compile(r"\d+")
_PARTS = re.compile(r"[.,'\u2019\u00a0\u202f]")
# Letters and digits of one piece, joined by signs that hold names of things together.
_ID = re.compile(r"[^\W_](?:[\w@/\\.:#+-]*\w)?")
_WITH_UNIT = re.compile(r"[\d.,:'\u2019-]+[^\W\d_]{0,4}")
_ADDRESS = re.compile(
    r"[\w.+-]+@[\w.-]+\w|\w+://\S+\w|[\w.-]*(?:[/\\][\w.-]+){2,}|\w+(?:\.[^\W\d_]{2,})+"
)
_NAME = re.compile(r"[^\W\d_]+(?:[-\u2019'][^\W\d_]+)*")
_BEGINS = re.compile(
    r"(?:^|[.!?:;\u2022\u2026\n]|[\"\u201c\u201e\u00ab(\u2018*]|[\u2013\u2014])\s*$"
)
_NEAR_ENOUGH = 3
# Where so many words inside sentences are written large, that marks nouns rather than names.
_ALL_NOUNS = 0.15
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
    "eleven eleventh elf once onze \u5341\u4e00",
    "twelve twelfth dozen zw\u00f6lf doce douze \u5341\u4e8c",
)


def invented(points: Iterable[Point], work: Work) -> list[str]:
    """Numbers, ids, addresses and names of the points that stand in nothing the model was given.

    It errs on the side of believing: a name at the beginning of a sentence is only looked at when
    more of the name follows, and where all nouns are written large, no single name is.
    """
    known = Known(list(_given(work)))
    found = (part for point in points for part in known.strange(point.text))
    return list(dict.fromkeys(found))


def _given(work: Work) -> Iterator[str]:
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
    """What was given to a model, as far as its answer is compared with it."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    @cached_property
    def text(self) -> str:
        return folded("\n".join(self._texts))

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(folded(found[0]) for found in _NAME.finditer(self.text))

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(word[:_NEAR_ENOUGH] for word in self.words if len(word) >= _NEAR_ENOUGH)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """All ways to read the numbers that were said, and parts of those that are put together."""
        found = {form for text in _NUMBER.findall(self.text) for form in forms(text)}
        found |= {_plain(text) for text in _DIGITS.findall(self.text)}
        found |= {text.replace(" ", "") for text in _BLANK_GROUPS.findall(self.text)}
        for value, spelled in enumerate(_SPELLED):
            if any(self._says(word) for word in folded(spelled).split()):
                found.add(str(value))
        return frozenset(found)

    def _says(self, word: str) -> bool:
        return word in self.words if word.isascii() or len(word) > 2 else word in self.text

    @cached_property
    def nouns_are_large(self) -> bool:
        """Whether this is written like German, where a capital tells no name."""
        inside = [
            found[0][0].isupper()
            for text in self._texts
            for found in _NAME.finditer(text)
            if len(found[0]) > 1 and not _begins(text, found.start())
        ]
        return len(inside) >= 20 and sum(inside) > _ALL_NOUNS * len(inside)

    def strange(self, text: str) -> Iterator[str]:
        """What of a text was not said."""
        yield from (found[0] for found in _ADDRESS.finditer(text) if not self._holds(found[0]))
        for found in _ID.finditer(text):
            piece = found[0]
            if any(char.isdigit() for char in piece) and not self._knows_id(piece):
                yield piece
        yield from self._strange_names(text)

    def _holds(self, piece: str) -> bool:
        return folded(piece).rstrip(".") in self.text

    def _knows_id(self, piece: str) -> bool:
        """Whether an id stands there as it is, or it is a number with a unit that was said."""
        bounded = rf"(?<![^\W_]){re.escape(folded(piece))}(?![^\W_])"
        if re.search(bounded, self.text):
            return True
        if not _WITH_UNIT.fullmatch(piece) and any(char.isalpha() for char in piece):
            return False
        return all(
            not self.numbers.isdisjoint(forms(number)) for number in _NUMBER.findall(folded(piece))
        )

    def _strange_names(self, text: str) -> Iterator[str]:
        found = [match for match in _NAME.finditer(text) if _is_large(match[0])]
        for place, match in enumerate(found):
            if self._knows_name(match[0]):
                continue
            after = found[place + 1] if place + 1 < len(found) else None
            follows = after is not None and text[match.end() : after.start()] == " "
            if follows or (not self.nouns_are_large and self._is_inside(text, match)):
                yield match[0]

    @staticmethod
    def _is_inside(text: str, match: re.Match[str]) -> bool:
        return _possessive(match[0]) != match[0] or not _begins(text, match.start())

    def _knows_name(self, name: str) -> bool:
        """Whether a name was said: itself, its parts, or a longer or shorter form of it."""
        for part in re.split(r"[-\u2019']", folded(_possessive(name))):
            if len(part) < 2 or part in self.words:
                continue
            if part[:_NEAR_ENOUGH] not in self.stems or not self._has_kin(part):
                return False
        return True

    def _has_kin(self, part: str) -> bool:
        return any(
            word.startswith(part) or part.startswith(word)
            for word in self.words
            if len(word) >= _NEAR_ENOUGH
        )


def forms(number: str) -> set[str]:
    """The ways to read a number: signs in it part thousands, decimals, or other numbers."""
    parts = _PARTS.split(number)
    if len(parts) == 1:
        return {_plain(number)}
    found = {number}
    if all(len(part) == 3 for part in parts[1:]):
        found.add("".join(parts))
    whole, decimals = "".join(parts[:-1]), parts[-1].rstrip("0")
    found.add(f"{_plain(whole)}.{decimals}" if decimals else _plain(whole))
    return found


def _plain(digits: str) -> str:
    """Short numbers without leading zeros: hours, days and months are written either way."""
    return digits.lstrip("0") or "0" if len(digits) <= 2 else digits


def _possessive(name: str) -> str:
    return re.sub(r"[\u2019']s$", "", name)


def _is_large(word: str) -> bool:
    return len(word) > 1 and word[0].isupper()


def _begins(text: str, place: int) -> bool:
    """Whether a sentence, a quotation or a list item begins there."""
    return bool(_BEGINS.search(text[max(0, place - 8) : place])) or place == 0
