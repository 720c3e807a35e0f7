"""What phrases of a language say: cues for the rules of retention, read from one file a language.

A phrase is written in small letters without commas. `(a|b|)` stands for one of its branches, `^`
for the beginning of a sentence, `*` for any one word, `?` for the end of a question. A file adds
what it has: a language without a kind of cue is judged by the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag, auto
from functools import cache
from importlib import import_module
from itertools import product
from typing import Any

LANGUAGES = ("en", "de", "es", "fr", "zh", "ja")


class Cue(IntFlag):
    """What a phrase says. The names in the languages' files are these in small letters."""

    PREFERENCE = auto()
    CONSTRAINT = auto()
    DECISION = auto()
    REQUEST = auto()
    PROMISE = auto()
    CORRECTION = auto()
    IDENTIFIER = auto()
    AFFIRM = auto()
    NEGATE = auto()
    NEGATION = auto()
    ALTERNATIVE = auto()
    ASKING = auto()
    OFFER = auto()
    READBACK = auto()
    OUTCOME = auto()
    THANKS = auto()
    GREETING = auto()
    CLOSING = auto()
    MORE = auto()
    DONE = auto()
    TIME = auto()
    PAST = auto()
    FUTURE = auto()
    SELF = auto()
    PRAISE = auto()


_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
TOKEN = re.compile(
    rf"[{_CJK}]|\d(?:[\d.,:/-]*\d)?(?:[^\W\d_{_CJK}]+)?"
    rf"|[^\W\d_{_CJK}]+(?:['’][^\W\d_{_CJK}]+)*\d*|[?？]|[.!。！\n]+"
)
END = "."
QUESTION = "?"
_ENDS = frozenset(".!。！\n？?")

Node = dict[str, Any]
"""A step of a phrase: the next words, and under MASK what a phrase that ends here says."""
MASK = ""


@dataclass(frozen=True, slots=True)
class Language:
    """The cues of a language. `common` are words that tell it apart and carry nothing; `light`
    are words that may stand beside thanks and farewells without making them matter."""

    name: str
    phrases: Node
    common: frozenset[str]
    light: frozenset[str]


def tokens(text: str) -> list[str]:
    """The words of a text in small letters; ends of sentences are END and QUESTION. Each
    character of Chinese and Japanese is a word."""
    lowered = text.lower().replace("’", "'")
    return [_end(token) if token[0] in _ENDS else token for token in TOKEN.findall(lowered)]


def _end(token: str) -> str:
    return QUESTION if token in "?？" else END


@cache
def language(name: str) -> Language:
    """The cues of one of LANGUAGES."""
    data = import_module(f"{__name__}.{name}")
    return Language(
        name,
        _tree(data.PHRASES),
        frozenset(tokens(data.COMMON)),
        frozenset(tokens(data.LIGHT)),
    )


def _tree(phrases: Mapping[str, str]) -> Node:
    root: Node = {}
    for kind, lines in phrases.items():
        for line in lines.strip().splitlines():
            for words in spellings(line.strip()):
                _plant(root, words, Cue[kind.upper()])
    return root


def _plant(root: Node, words: Iterable[str], cue: Cue) -> None:
    node = root
    for word in words:
        node = node.setdefault(word, {})
    node[MASK] = node.get(MASK, 0) | int(cue)


_BRANCHES = re.compile(r"\(([^)]*)\)")
_MARKS = re.compile(r"[\^*]")


def spellings(line: str) -> Iterator[list[str]]:
    """Every phrase that a line of a language's file stands for, as words."""
    pieces = _BRANCHES.split(line)
    branches = [
        piece.split("|") if place % 2 else [piece] for place, piece in enumerate(pieces)
    ]
    for chosen in product(*branches):
        words = _words("".join(chosen))
        if words:
            yield words


def _words(phrase: str) -> list[str]:
    found: list[str] = []
    for piece in re.split(r"([\^*])", phrase):
        found.extend([piece] if _MARKS.fullmatch(piece) else tokens(piece))
    return found


def matches(words: Sequence[str], root: Node) -> Iterator[tuple[int, int, int]]:
    """Every phrase in a text: what it says, its first word, and the word behind it."""
    anchored = root.get("^", {})
    begins = True
    for start, word in enumerate(words):
        if begins and anchored:
            yield from _walk(words, start, anchored)
        begins = word in (END, QUESTION)
        if word in root:
            yield from _walk(words, start, root)


def _walk(words: Sequence[str], start: int, node: Node) -> Iterator[tuple[int, int, int]]:
    paths = [(start, node)]
    while paths:
        place, node = paths.pop()
        if MASK in node:
            yield node[MASK], start, place
        if place == len(words):
            continue
        word = words[place]
        if word in node:
            paths.append((place + 1, node[word]))
        if "*" in node and word not in (END, QUESTION):
            paths.append((place + 1, node["*"]))
