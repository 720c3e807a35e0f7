"""What phrases of a language say: cues for the rules of retention, one file of data a language.

A phrase is written in small letters without commas. `(a|b|)` stands for one of its branches, `^`
for the beginning of a sentence, `*` for any one word, `#` for a number in digits; a line may go on
within a bracket. A file adds what it has: a language without a kind of cue is judged by others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import product
from typing import Any

LANGUAGES = ("en", "de", "es", "fr", "zh", "ja")


class Cue:
    """What a phrase says, a bit each. The names in the languages' files are these in small letters.

    Plain numbers: operators of an IntFlag took a third of the time of judging.
    """

    PREFERENCE = 1 << 0
    CONSTRAINT = 1 << 1
    DECISION = 1 << 2
    REQUEST = 1 << 3
    PROMISE = 1 << 4
    CORRECTION = 1 << 5
    IDENTIFIER = 1 << 6
    AFFIRM = 1 << 7
    NEGATE = 1 << 8
    NEGATION = 1 << 9
    ALTERNATIVE = 1 << 10
    ASKING = 1 << 11
    OFFER = 1 << 12
    READBACK = 1 << 13
    OUTCOME = 1 << 14
    THANKS = 1 << 15
    GREETING = 1 << 16
    CLOSING = 1 << 17
    MORE = 1 << 18
    DONE = 1 << 19


MARKS = ("time", "past", "self", "you", "number")
"""Kinds of words that only raise or lower a score."""

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(
    rf"[^\W\d_{_CJK}]+(?:'[^\W\d_{_CJK}]+)*\d*"
    rf"|\d(?:[\d.,:/-]*\d)?(?:[^\W\d_{_CJK}]+)?|[?.]|[{_CJK}]"
)
"""A word, a number with its unit, one Chinese or Japanese character, or the end of a sentence."""
_ASCII_TOKEN = re.compile(
    r"[A-Za-z]+(?:'[A-Za-z]+)*[0-9]*|[0-9](?:[0-9.,:/-]*[0-9])?(?:[A-Za-z]+)?|[?.]"
)
"""The same where a text has no other letters: twice as fast."""
_ALIKE = str.maketrans(
    {"!": ".", "\n": ".", "\u3002": ".", "\uff01": ".", "\uff1f": "?", "\u2019": "'"}
)
END = "."
QUESTION = "?"

Node = dict[str, Any]
"""A step of a phrase: the next words, and under MASK what a phrase that ends here says."""
MASK = ""


@dataclass(frozen=True, slots=True)
class Language:
    """The cues of a language.

    `common` are words that tell it apart and carry nothing; `light` are words that may stand
    beside thanks and farewells without making them matter. `words` are all that it knows: its
    share in a text says whether the text is in this language. `marks` are sets of words by kind.
    """

    name: str
    phrases: Node
    light: frozenset[str]
    words: frozenset[str]
    marks: Mapping[str, frozenset[str]]


def pieces(text: str) -> list[str]:
    """The words of a text as they are written; sentences end with END or QUESTION."""
    if text.isascii():
        return _ASCII_TOKEN.findall(text.replace("!", ".").replace("\n", "."))
    return _TOKEN.findall(text.translate(_ALIKE))


def lowered(words: Sequence[str]) -> list[str]:
    """Words in small letters. All at once, since this is done for every word ever said."""
    return "\n".join(words).lower().split("\n") if words else []


@cache
def language(name: str) -> Language:
    """The cues of one of LANGUAGES."""
    data = import_module(f"{__name__}.{name}")
    light = frozenset(lowered(pieces(data.COMMON + data.LIGHT)))
    phrases: Node = {}
    marks: dict[str, frozenset[str]] = {}
    known: set[str] = set(light)
    for kind, lines in data.PHRASES.items():
        spelt = [words for line in _lines(lines) for words in spellings(line)]
        known.update(word for words in spelt for word in words)
        if kind in MARKS:
            marks[kind] = frozenset("".join(words) for words in spelt)
        else:
            for words in spelt:
                _plant(phrases, words, getattr(Cue, kind.upper()))
    return Language(name, phrases, light, frozenset(known - {"^", "*", "#", QUESTION, END}), marks)


def _lines(block: str) -> list[str]:
    """The phrases of a kind; one goes on in the next line within a bracket."""
    whole = _WITHIN.sub(lambda found: _BREAK.sub("", found.group()), block)
    return [line.strip() for line in whole.strip().splitlines()]


def _plant(root: Node, words: Iterable[str], cue: int) -> None:
    node = root
    for word in words:
        node = node.setdefault(word, {})
    node[MASK] = node.get(MASK, 0) | cue


_BRANCHES = re.compile(r"\(([^)]*)\)")
_SIGNS = re.compile(r"([\^*#])")
_WITHIN = re.compile(r"\([^)]*\)")
_BREAK = re.compile(r"\n\s*")


def spellings(line: str) -> Iterator[list[str]]:
    """Every phrase that a line of a language's file stands for, as words."""
    parts = _BRANCHES.split(line)
    branches = [part.split("|") if place % 2 else [part] for place, part in enumerate(parts)]
    for chosen in product(*branches):
        words = _words("".join(chosen))
        if words:
            yield words


def _words(phrase: str) -> list[str]:
    found: list[str] = []
    for part in _SIGNS.split(phrase):
        found.extend([part] if _SIGNS.fullmatch(part) else lowered(pieces(part)))
    return found


def matches(words: Sequence[str], root: Node) -> list[tuple[int, int, int]]:
    """Every phrase in a text: what it says, its first word, and the word behind it.

    Walks the phrases word by word, so its time grows with the text alone: there is no expression
    that could backtrack.
    """
    found: list[tuple[int, int, int]] = []
    anchored = root.get("^", {})
    begins = True
    for start, word in enumerate(words):
        if begins and word in anchored:
            _walk(words, start, anchored, found)
        begins = word in (END, QUESTION)
        node = root.get(word)
        if node is not None and (MASK in node or _goes_on(node, words, start + 1)):
            _walk(words, start, root, found)
    return found


def _goes_on(node: Node, words: Sequence[str], place: int) -> bool:
    """Whether a phrase may go on with the word at `place`. Nearly every word begins some phrase,
    and of few is there more."""
    return "*" in node or "#" in node or (place < len(words) and words[place] in node)


def _walk(words: Sequence[str], start: int, node: Node, found: list[tuple[int, int, int]]) -> None:
    """Adds the phrases that begin at `start`; another path is kept only where a sign allows one."""
    others: list[tuple[int, Node]] = []
    place, size = start, len(words)
    while True:
        if MASK in node:
            found.append((node[MASK], start, place))
        following = None
        if place < size:
            word = words[place]
            following = node.get(word)
            if "*" in node and word not in (END, QUESTION):
                others.append((place + 1, node["*"]))
            if "#" in node and word[0].isdigit():
                others.append((place + 1, node["#"]))
        if following is not None:
            node = following
            place += 1
        elif others:
            place, node = others.pop()
        else:
            return
