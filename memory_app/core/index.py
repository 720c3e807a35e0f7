"""The turns of one user, held so that a question is compared with all of them at once.

Made to grow: what is known of all turns together (how many hold a term, how long they are) is
counted when it is asked for, so that a new turn costs only itself. Counts of a question's terms are
laid out as rows over turns; BM25 of turns, of turns with the one before, and of whole sessions come
from the same rows.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from memory_app.core.cues import language
from memory_app.core.terms import terms

Row = np.ndarray[Any, np.dtype[np.float32]]
Matrix = np.ndarray[Any, np.dtype[np.float32]]
Places = np.ndarray[Any, np.dtype[np.intp]]
_ASKS = re.compile(r"[?\uff1f\u061f]")
_TELLING = ("en", "de", "es", "fr")


class Turn(NamedTuple):
    session: int
    seq: int
    author: str
    role: str
    text: str
    at: int
    worth: float = 0.0


def _union(kind: str) -> frozenset[str]:
    return frozenset().union(*(language(name).marks.get(kind, frozenset()) for name in _TELLING))

TIMES = frozenset(t for w in _union("time") for t in terms(w))
SELF = frozenset(t for w in _union("self") for t in terms(w)) - {"i", "s"} | {"i"}
YOU = frozenset(t for w in _union("you") for t in terms(w))
NUMBERS = frozenset(t for w in _union("number") for t in terms(w))
PAST = frozenset(t for w in _union("past") for t in terms(w))
_DIGIT = re.compile(r"\d")
_CAP = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")


class Index:
    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.holding: dict[str, tuple[array[int], array[int]]] = {}
        self.bigrams: dict[tuple[str, str], array[int]] = {}
        self.prefixes: dict[str, tuple[array[int], array[int]]] = {}
        self.sessions: dict[int, int] = {}
        self.speakers: dict[tuple[str, ...], int] = {}
        self.days: dict[tuple[str, ...], int] = {}
        self.cols: dict[str, array[float]] = {
            n: array("f") for n in "size session speaker day worth asks times self you numbers past caps first at place".split()
        }
        self.before = -1
        self._packed: dict[str, Row] = {}
        self.vectors: Matrix | None = None

    def add(self, turns: Iterable[Turn]) -> None:
        for turn in turns:
            self._add(turn)
        self._packed = {}

    def _add(self, turn: Turn) -> None:
        n = len(self.turns)
        found = terms(turn.text)
        for word, count in Counter(found).items():
            docs, counts = self.holding.setdefault(word, (array("i"), array("i")))
            docs.append(n)
            counts.append(count)
        for pre, count in Counter(w[:5] for w in found if len(w)>=4).items():
            docs, counts = self.prefixes.setdefault(pre, (array("i"), array("i")))
            docs.append(n)
            counts.append(count)
        for pair in set(zip(found, found[1:], strict=False)):
            self.bigrams.setdefault(pair, array("i")).append(n)
        distinct = set(found)
        c = self.cols
        sess = self.sessions.setdefault(turn.session, len(self.sessions))
        same = n > 0 and self.turns[-1].session == turn.session
        c["place"].append(c["place"][-1]+1 if same else 0)
        c["first"].append(0.0 if same else 1.0)
        c["session"].append(sess)
        c["speaker"].append(self.speakers.setdefault(tuple(terms(turn.author or turn.role)), len(self.speakers)))
        c["day"].append(self.days.setdefault(tuple(date_terms(turn.at)), len(self.days)))
        c["size"].append(len(found))
        c["at"].append(turn.at / 86400e6)
        c["worth"].append(turn.worth)
        c["asks"].append(bool(_ASKS.search(turn.text)))
        c["times"].append(len(distinct & TIMES))
        c["self"].append(len(distinct & SELF))
        c["you"].append(len(distinct & YOU))
        c["past"].append(len(distinct & PAST))
        c["numbers"].append(len(distinct & NUMBERS)+ len(_DIGIT.findall(turn.text)))
        c["caps"].append(len(set(_CAP.findall(turn.text))))
        self.turns.append(turn)

    def col(self, name: str) -> Row:
        if name not in self._packed:
            self._packed[name] = np.array(self.cols[name], np.float32)
        return self._packed[name]

    def counts(self, words: Sequence[str], prefixes: bool=False) -> Matrix:
        rows = np.zeros((len(words), len(self.turns)), np.float32)
        h = self.prefixes if prefixes else self.holding
        for row, word in zip(rows, words, strict=True):
            held = h.get(word)
            if held:
                row[np.frombuffer(held[0], np.int32)] = np.frombuffer(held[1], np.int32)
        return rows


def date_terms(at: int) -> list[str]:
    when = datetime.fromtimestamp(at / 1e6, UTC)
    return terms(f"{when.day} {when:%B} {when.year} {when:%A}")
