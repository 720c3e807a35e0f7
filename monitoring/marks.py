"""Where a text holds what is looked for: the words of a question, or all of it to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sessions_app.core import words
from sessions_app.core.words import Piece

_RUN = re.compile(r"[^\W_]+")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a question, to be asked for many a word of a text: those that are whole words,
    those that may go on, and how long these are."""

    whole: frozenset[str]
    beginnings: frozenset[str]
    lengths: frozenset[int]

    def may_be_in(self, text: str) -> bool:
        """Whether it is worth to look at each word of the text."""
        plain = words.folded(text)
        return any(word in plain for word in (*self.whole, *self.beginnings))

    def has(self, word: str) -> bool:
        return word in self.whole or any(word[:size] in self.beginnings for size in self.lengths)


def first(text: str, wanted: str) -> int | None:
    """The place of the first hit; None without one."""
    return next((start for start, _ in _spans(text, wanted)), None)


def pieces(text: str, wanted: str) -> list[Piece]:
    """The text in pieces, each with whether it is a hit; together they are the text."""
    found: list[Piece] = []
    end = 0
    for start, stop in _spans(text, wanted):
        found += [Piece(text[end:start], hit=False), Piece(text[start:stop], hit=True)]
        end = stop
    found.append(Piece(text[end:], hit=False))
    return [piece for piece in found if piece.text]


def _spans(text: str, wanted: str) -> Iterator[Span]:
    """In their order, none over another. Where a text has none of the words it may still hold the
    question to the letter, such as one of punctuation."""
    if not wanted:
        return
    asked = _asked(wanted)
    any_word = False
    for run in _RUN.finditer(text) if asked.may_be_in(text) else ():
        for span in _in_run(run, asked, wanted):
            any_word = True
            yield span
    if not any_word:
        yield from (hit.span() for hit in _literal(wanted).finditer(text))


def _in_run(run: re.Match[str], asked: Asked, wanted: str) -> Iterator[Span]:
    """The run where it is a word of the question; else, in scripts that put no blanks between
    words, the places of those words in it."""
    plain = words.folded(run[0])
    if asked.has(plain[: words.LONGEST]):
        yield run.span()
    elif not plain.isascii() and len(plain) == len(run[0]):
        for hit in _runs(wanted).finditer(plain):
            yield run.start() + hit.start(), run.start() + hit.end()


@lru_cache(maxsize=16)
def _asked(wanted: str) -> Asked:
    terms = words.query(wanted).terms
    beginnings = frozenset(term.text for term in terms if term.prefix)
    whole = frozenset(term.text for term in terms if not term.prefix)
    return Asked(whole, beginnings, frozenset(map(len, beginnings)))


@lru_cache(maxsize=16)
def _literal(wanted: str) -> re.Pattern[str]:
    return re.compile(re.escape(wanted), re.IGNORECASE)


@lru_cache(maxsize=16)
def _runs(wanted: str) -> re.Pattern[str]:
    """The question's runs of other scripts, as they stand in it."""
    foreign = [run for run in _RUN.findall(words.folded(wanted)) if not run.isascii()]
    return re.compile("|".join(map(re.escape, foreign)) or r"(?!)")
