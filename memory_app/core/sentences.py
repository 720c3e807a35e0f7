"""A message as the rules of retention see it: its language, its sentences and what they say."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from memory_app.core.cues import (
    END,
    MARKS,
    QUESTION,
    Cue,
    Language,
    language,
    lowered,
    matches,
    pieces,
)

SEEN = 4_000
"""Characters of a message that the rules look at. What is longer is never discarded."""
SHORT = 1_000
"""Up to so many characters a text is remembered as read: much is said again, and what one fold read
the next one reads too."""

LIGHT = (
    Cue.THANKS
    | Cue.GREETING
    | Cue.CLOSING
    | Cue.MORE
    | Cue.DONE
    | Cue.AFFIRM
    | Cue.NEGATE
    | Cue.DECISION
)
"""Cues whose words carry nothing beyond the cue."""
_RIVALS = (
    Cue.ASKING | Cue.REQUEST | Cue.OFFER | Cue.OUTCOME | Cue.READBACK | Cue.ALTERNATIVE | Cue.MORE
)
"""Cues of which only the longest phrase counts: "can you tell me" is a question, "can you find
me" is a request."""

_KANA = re.compile("[\u3040-\u30ff]")
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_DIGIT = re.compile(r"\d")
_ENDS = frozenset((END, QUESTION))
_NO_WORDS: frozenset[str] = frozenset()

ALPHABETIC = ("en", "de", "es", "fr")
"""Languages told apart by their words; the others are by their script."""
NOUNS_LIKE_NAMES = ("de",)
"""Languages that write every noun with a capital letter, so that it tells no name."""

_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.\w|https?://\S")
_CANDIDATE = re.compile(
    r"(?<![\w.,:/$€£¥-])[#+]?(?=[A-Za-z_-]{0,39}[0-9])[A-Za-z0-9][A-Za-z0-9_-]{1,39}(?![\w%])"
)
_PHONE = re.compile(r"(?<![\w.,])\(?\+?\d{2,4}\)?[-. /]\d{2,4}(?:[-. /]\d{2,4}){1,3}(?!\w)")
_DATE = re.compile(r"(?:19|20)\d\d\D|\d{1,2}\D\d{1,2}\D(?:(?:19|20)\d\d|\d\d)$")
_AMOUNT = re.compile(r"\d+[A-Za-z]{1,4}$")
LONG_NUMBER = 6
"""Digits in a row from which on a number is taken for an identifier."""
LONG_WORD = 12
"""Characters from which on a word with digits in it is, whatever its case: a UUID, a hash."""


class Value(NamedTuple):
    """A number, date, time or name in a text: `kind`, the words, and what it belongs to: the noun
    that a number counts, the word that leads to a name ("to", "from")."""

    kind: str
    text: str
    subject: str


class Sentence(NamedTuple):
    """`cues` are its Cue bits, `opening` those of its first word; `light` says that every word of
    it is known and carries nothing."""

    cues: int
    opening: int
    question: bool
    light: bool
    values: tuple[Value, ...]


class Reading(NamedTuple):
    """A message as read in `language`, None for one that no file of cues covers.

    `distinct` are its different words, `marks` how many of them are of each kind of MARKS.
    """

    language: str | None
    sentences: tuple[Sentence, ...]
    words: Sequence[str]
    distinct: frozenset[str]
    cues: int
    asks: bool
    light: bool
    identifier: bool
    marks: tuple[int, ...]

    @property
    def values(self) -> tuple[Value, ...]:
        return tuple(value for sentence in self.sentences for value in sentence.values)


NO_MARKS = (0,) * len(MARKS)
NOTHING = Reading(None, (), (), frozenset(), 0, False, False, False, NO_MARKS)


def read(text: str, *, hint: str | None = None) -> Reading:
    """What the first SEEN characters of a text say; `hint` is the language spoken so far."""
    return _read_short(text, hint) if len(text) <= SHORT else _read(text, hint)


def _read(text: str, hint: str | None) -> Reading:
    seen = text[:SEEN]
    written = pieces(seen)
    if not written:
        return NOTHING
    words = lowered(written)
    distinct = frozenset(words) - _ENDS
    spoken = recognise(seen, distinct, hint)
    sentences = tuple(_Told(written, words, spoken).sentences())
    cues = 0
    for sentence in sentences:
        cues |= sentence.cues
    return Reading(
        spoken.name if spoken else None,
        sentences,
        words,
        distinct,
        cues,
        any(sentence.question or sentence.cues & Cue.ASKING for sentence in sentences),
        len(text) <= SEEN and all(sentence.light for sentence in sentences),
        has_identifier(seen),
        _marks(distinct, spoken),
    )


_read_short = lru_cache(maxsize=512)(_read)


def recognise(text: str, distinct: frozenset[str], hint: str | None) -> Language | None:
    """The language whose words cover most of a text; None when no language covers a fifth.

    Where the language spoken so far covers half of it, the others are not tried.
    """
    if not text.isascii():
        if _KANA.search(text):
            return language("ja")
        if _IDEOGRAPH.search(text):
            return language("ja" if hint == "ja" else "zh")
    best, most = None, 0.0
    for name in (hint, *ALPHABETIC) if hint in ALPHABETIC else ALPHABETIC:
        candidate = language(name)
        hits = len(distinct & candidate.words)
        if hits > most:
            best, most = candidate, hits
            if name == hint and hits * 2 > len(distinct):
                break
    return best if most >= 1 and most >= 0.2 * len(distinct) else None


def _marks(distinct: frozenset[str], spoken: Language | None) -> tuple[int, ...]:
    if spoken is None:
        return NO_MARKS
    return tuple([len(distinct & spoken.marks[kind]) for kind in MARKS])


def has_identifier(text: str) -> bool:
    """Whether a text holds an address, a phone number, or a word made of letters and digits as
    orders, bookings and accounts are called."""
    if ("@" in text or "://" in text) and _ADDRESS.search(text):
        return True
    if not _DIGIT.search(text):
        return False
    if any(_names_a_thing(found.group()) for found in _CANDIDATE.finditer(text)):
        return True
    return any(not _DATE.match(found.group()) for found in _PHONE.finditer(text))


def _names_a_thing(word: str) -> bool:
    digits = sum(map(str.isdigit, word))
    if word[0] == "#" and digits:
        return True
    plain = word.replace("-", "").lstrip("+")
    if not digits or _DATE.match(word) or _AMOUNT.match(word):
        return False
    if plain.isdigit():
        return len(plain) >= LONG_NUMBER
    if "_" in word or (len(word) >= LONG_WORD and digits * 4 >= len(word)):
        return True
    return word.upper() == word and len(plain) > 4


class _Told:
    """A text while it is read: its words as written and in small letters, and its language.

    `telling` are the places of words that may be a name or a number, so that the many others are
    looked at only once.
    """

    def __init__(
        self, written: Sequence[str], words: Sequence[str], spoken: Language | None
    ) -> None:
        self.written = written
        self.words = words
        self.known = spoken.light if spoken else _NO_WORDS
        self.nouns = spoken is not None and spoken.name in NOUNS_LIKE_NAMES
        self.numbers = numbers = spoken.marks["number"] if spoken else _NO_WORDS
        self.telling = [
            place
            for place, word in enumerate(written)
            if not "a" <= word[0] <= "z" or word in numbers
        ]
        self.covered = bytearray(len(words))
        self.cues: dict[int, int] = {}
        if spoken:
            self._find(matches(words, spoken.phrases))

    def _find(self, found: list[tuple[int, int, int]]) -> None:
        """Notes what each phrase says at its first word, and which words a light one covers."""
        rivals = [place for place in found if place[0] & _RIVALS]
        for place in found:
            says, start, end = place
            if says & _RIVALS and _outdone(place, rivals):
                says &= ~_RIVALS
            self.cues[start] = self.cues.get(start, 0) | says
            if says & LIGHT:
                self.covered[start:end] = b"\1" * (end - start)

    def sentences(self) -> Iterator[Sentence]:
        ends = [place for place, word in enumerate(self.words) if word in _ENDS]
        begin = 0
        for end in (*ends, len(self.words)):
            if end > begin:
                question = end < len(self.words) and self.words[end] == QUESTION
                yield self._sentence(begin, end, question)
            begin = end + 1

    def _sentence(self, begin: int, end: int, question: bool) -> Sentence:
        cues = 0
        for place, says in self.cues.items():
            if begin <= place < end:
                cues |= says
        light = bool(cues & LIGHT) and not cues & Cue.PROMISE and self._is_light(begin, end)
        values = () if light else tuple(self._values(begin, end))
        return Sentence(cues, self.cues.get(begin, 0), question, light, values)

    def _is_light(self, begin: int, end: int) -> bool:
        """Whether each word is part of a light cue or is known to carry nothing."""
        return all(
            self.covered[place]
            or (self.words[place] in self.known and (self.nouns or not self._named(place, begin)))
            for place in range(begin, end)
        )

    def _named(self, place: int, begin: int) -> bool:
        written = self.written[place]
        return place > begin and written[0].isupper() and len(written) > 1 and "'" not in written

    def _values(self, begin: int, end: int) -> Iterator[Value]:
        first = bisect_left(self.telling, begin)
        behind = begin
        for place in self.telling[first : bisect_left(self.telling, end, first)]:
            word = self.words[place]
            if place < behind:
                continue
            if "0" <= word[0] <= "9" or word in self.numbers:
                yield Value("number", word, self._counted(place + 1, end))
            elif self._is_name(place, begin):
                behind = place + 1
                while behind < end and self._is_name(behind, begin):
                    behind += 1
                before = self.words[place - 1]
                subject = before if before in self.known else ""
                yield Value("name", " ".join(self.words[place:behind]), subject)

    def _is_name(self, place: int, begin: int) -> bool:
        return (
            self._named(place, begin)
            and not self.covered[place]
            and self.words[place] not in self.known
            and self.words[place] not in self.numbers
        )

    def _counted(self, place: int, end: int) -> str:
        """The word that a number counts, without its plural."""
        while place < end and self.words[place] in self.known:
            place += 1
        return self.words[place].rstrip("s") if place < end else ""


def _outdone(place: tuple[int, int, int], rivals: list[tuple[int, int, int]]) -> bool:
    """Whether a longer phrase holds this one."""
    _, start, end = place
    return any(
        begin <= start and end <= stop and stop - begin > end - start for _, begin, stop in rivals
    )
