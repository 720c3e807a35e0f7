"""Which facts hang together: a walk from a thing over the facts that tie it to other things.

A fact with a subject and an object ties these two things, whichever way it reads; one with only a
subject says something of that thing. A thing is what its name says without case, compatibility
forms and surplus blanks. A walk goes out step by step and takes each fact once, at its least number
of steps, so that a circle ends it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from memory_app.core.marks import unspaced
from memory_app.core.terms import telling, terms
from sessions_app.core import words

MOST_STEPS = 2


class Tie(NamedTuple):
    """A fact by its number, and what it ties; an end that it does not have is empty."""

    fact: int
    subject: str
    object: str


class Reached(NamedTuple):
    """A fact, how many `steps` it is away, and the facts walked there, itself the last one."""

    fact: int
    steps: int
    path: tuple[int, ...]

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among others: the nearest first, of equals the newest."""
        return self.steps, -self.fact


class Graph:
    """Things and the facts that tie them, for walks and for questions."""

    def __init__(self, ties: Iterable[Tie]) -> None:
        self._ends: dict[int, tuple[str, ...]] = {}
        self._facts: dict[str, list[int]] = {}
        self._terms: dict[str, tuple[str, ...]] = {}
        for tie in sorted(ties, key=lambda tie: -tie.fact):
            ends = dict.fromkeys((thing(tie.subject), thing(tie.object)))
            ends.pop("", None)
            self._ends[tie.fact] = tuple(ends)
            for end in ends:
                self._facts.setdefault(end, []).append(tie.fact)

    def near(
        self,
        things: Iterable[str],
        *,
        steps: int = MOST_STEPS,
        most: int | None = None,
        widest: int | None = None,
    ) -> list[Reached]:
        """The facts up to `steps` from any of these things (names as `thing` gives them), in the
        order of their `place`, the first `most` of them. What more than `widest` facts tie is not
        walked through, only begun from."""
        found: dict[int, Reached] = {}
        edge: dict[str, tuple[int, ...]] = dict.fromkeys(things, ())
        seen = set(edge)
        for step in range(1, steps + 1):
            new = self._beside(edge, step, found)
            found |= {one.fact: one for one in new}
            if most is not None and len(found) >= most:
                break
            edge = self._onwards(new, seen, widest)
        return list(found.values())[:most]

    def _beside(
        self, edge: Mapping[str, tuple[int, ...]], step: int, found: Mapping[int, Reached]
    ) -> list[Reached]:
        """The facts that tie what the walk has come to and are new, in their order."""
        new: dict[int, Reached] = {}
        for name, path in edge.items():
            for fact in self._facts.get(name, ()):
                if fact not in found and fact not in new:
                    new[fact] = Reached(fact, step, (*path, fact))
        return sorted(new.values(), key=lambda one: one.place)

    def _onwards(
        self, new: Sequence[Reached], seen: set[str], widest: int | None
    ) -> dict[str, tuple[int, ...]]:
        """The things at the far ends of these facts, each with the path there; `seen` grows."""
        edge: dict[str, tuple[int, ...]] = {}
        for one in new:
            for end in self._ends[one.fact]:
                if end not in seen:
                    seen.add(end)
                    if widest is None or len(self._facts[end]) <= widest:
                        edge[end] = one.path
        return edge

    def named(self, question: str) -> list[str]:
        """The things that a question names by all of their words in a row, in its order. A name of
        nothing but words of grammar names nothing."""
        asked = terms(question)
        found: dict[str, int] = {}
        for name in self._spelt_like(question):
            said = self._terms_of(name)
            for at in range(len(asked) - len(said), -1, -1):
                if said and asked[at] == said[0] and tuple(asked[at : at + len(said)]) == said:
                    found[name] = at
        return sorted(found, key=lambda name: (found[name], name))

    def _spelt_like(self, question: str) -> Iterator[str]:
        """The things whose names begin with the two letters that a word of it begins with: few of
        them are then taken apart for one question."""
        for letters in (*dict.fromkeys(word[:2] for word in words.sequence(question)), ""):
            yield from self._by_letters.get(letters, ())

    @cached_property
    def _by_letters(self) -> dict[str, list[str]]:
        """Things by the first letters of their names; what may be folded to others by ""."""
        found: dict[str, list[str]] = {}
        for name in self._facts:
            begun = name[:2] if name[:2].isalnum() else name[0]
            letters = begun if name.isascii() and begun.isalnum() else ""
            found.setdefault(letters, []).append(name)
        return found

    def _terms_of(self, name: str) -> tuple[str, ...]:
        said = self._terms.get(name)
        if said is None:
            said = self._terms[name] = _said(name) if telling(name) else ()
        return said


def thing(name: str) -> str:
    """What two names of one thing have in common; empty for a name that says nothing."""
    if name.isascii():
        return " ".join(name.lower().split())
    # Twice, since a compatibility form may unfold into capitals.
    for _ in range(2):
        name = unicodedata.normalize("NFKC", name.casefold())
    return " ".join(name.split())


def _said(name: str) -> tuple[str, ...]:
    """The terms of a name. Where pairs stand for words, the lone end of a run is another pair in a
    text that goes on."""
    found = terms(name)
    paired = [word for word in found if not (unspaced(word) and len(word) < 2)]
    return tuple(paired or found)
