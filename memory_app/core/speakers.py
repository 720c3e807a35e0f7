"""Who speaks in which turn, and by what names a question may call them.

Mostly the author of a turn says it. Without one, a text may begin with a label ("Ann: ..."), and
who is called by name ("thanks, Ann!") is whoever is spoken to. Both hold only where they come
again: "Note: ..." is no person, and a name in one letter is not the user's.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from memory_app.core.passages import SPOKEN
from memory_app.core.terms import terms
from sessions_app.core import words

_LEAST = 3
_SHARE = 0.05
"""Of all turns, those that a label must lead."""
_SURE = 0.8
"""Of the turns that call a name, those that must be of one role."""
_LABEL = re.compile(r"\s*([^\W\d_][\w'-]{0,23}(?: [^\W\d_][\w'-]{0,23})?)[:\uff1a]\s*(?=\S)")
_GREETED = re.compile(
    r"\b(?:hey|hi|hello|thanks|thank you|wow|bye|dear|hallo|danke|liebe[r]?|hola|gracias|querid[oa]"
    r"|bonjour|salut|merci|chère?),? ([^\W\d_]\w+)",
    re.IGNORECASE,
)
_CALLED = re.compile(r"[^\W\d_], ([^\W\d_]\w+)[!.?]")

_CALLS = """
    there all everyone everybody guys again god sir madam yes no yeah i it you we this that what
    how so for team man dude buddy friend bro congrats congratulations
"""
_NO_NAMES = frozenset(_CALLS.split())
"""What is called like a name and is none."""

Places = np.ndarray[Any, np.dtype[np.intp]]


class Speakers:
    """The speakers of turns, by number: an author, a label, or a role that nobody is named for."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._own = array("i")
        self._label = array("i")
        self._called: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def add(self, author: str, role: str, text: str) -> None:
        """Takes in who says the next turn."""
        own = self._number("author", author) if author else self._number("role", role)
        found = None if author else _LABEL.match(text)
        named = found is not None and _is_capital(found[1])
        self._own.append(own)
        self._label.append(self._number("label", found[1]) if found and named else -1)
        if not author:
            for name in set(_calls(text)):
                self._called[name][own] += 1

    def _number(self, kind: str, name: str) -> int:
        return self._numbers.setdefault((kind, name), len(self._numbers))

    def found(self) -> tuple[Places, list[frozenset[str]]]:
        """The number of each turn's speaker, and the names of each number as terms."""
        own, label = np.array(self._own, np.intp), np.array(self._label, np.intp)
        often = np.bincount(label[label >= 0], minlength=len(self._numbers))
        least = max(_LEAST, _SHARE * len(own))
        led = label >= 0
        led[led] = often[label[led]] >= least
        names = [
            frozenset(terms(name))
            if kind == "author" or (kind == "label" and often[number] >= least)
            else frozenset[str]()
            for (kind, name), number in self._numbers.items()
        ]
        for name, number in self._spoken_to():
            names[number] |= {name}
        return np.where(led, label, own), names

    def _spoken_to(self) -> Iterator[tuple[str, int]]:
        """Names with the one role that they are called by the other."""
        roles = [self._numbers.get(("role", role), -1) for role in SPOKEN]
        if -1 in roles:
            return
        for name, by in self._called.items():
            caller, times = by.most_common(1)[0]
            if times >= _LEAST and times >= _SURE * by.total() and caller in roles:
                yield name, roles[1 - roles.index(caller)]


def _calls(text: str) -> Iterator[str]:
    for form in (_GREETED, _CALLED):
        for name in form.findall(text):
            if _is_capital(name) and words.folded(name) not in _NO_NAMES:
                yield from terms(name)


def _is_capital(word: str) -> bool:
    return word[0].isupper()
