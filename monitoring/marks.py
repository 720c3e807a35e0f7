"""Where a text holds what is looked for: the words of a question, or all of it to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from sessions_app.core import words
from sessions_app.core.words import Piece, Term

_RUN = re.compile(r"[^\W_]+")
Span = tuple[int, int]


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
    terms = words.query(wanted).terms
    any_word = False
    for run in _RUN.finditer(text) if terms else ():
        for span in _in_run(run, terms, wanted):
            any_word = True
            yield span
    if not any_word:
        yield from (hit.span() for hit in _literal(wanted).finditer(text))


def _in_run(run: re.Match[str], terms: tuple[Term, ...], wanted: str) -> Iterator[Span]:
    """The run where it is a word of the question; else, in scripts that put no blanks between
    words, the places of those words in it."""
    plain = words.folded(run[0])
    word = plain[: words.LONGEST]
    if any(word.startswith(term.text) if term.prefix else word == term.text for term in terms):
        yield run.span()
    elif not plain.isascii() and len(plain) == len(run[0]):
        for hit in _runs(wanted).finditer(plain):
            yield run.start() + hit.start(), run.start() + hit.end()


@lru_cache(maxsize=16)
def _literal(wanted: str) -> re.Pattern[str]:
    return re.compile(re.escape(wanted), re.IGNORECASE)


@lru_cache(maxsize=16)
def _runs(wanted: str) -> re.Pattern[str]:
    """The question's runs of other scripts, as they stand in it."""
    foreign = [run for run in _RUN.findall(words.folded(wanted)) if not run.isascii()]
    return re.compile("|".join(map(re.escape, foreign)) or r"(?!)")
