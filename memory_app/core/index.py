"""The turns of one user, held so that a question is compared with all of them at once.

Made to grow: what is known of all turns together (how many hold a term, how long they are) is
counted when it is asked for, so a new turn costs only itself. Not made for two threads at once.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from memory_app.core.cues import LANGUAGES, language
from memory_app.core.speakers import Speakers
from memory_app.core.terms import PREFIX, beginning, terms

Vector = np.ndarray[Any, np.dtype[np.floating[Any]]]
"""A number for each turn, or for each dimension."""
Matrix = np.ndarray[Any, np.dtype[np.floating[Any]]]
"""A row for each term of a question, a column for each turn."""
Places = np.ndarray[Any, np.dtype[np.intp]]

SEEN = 20_000
"""Characters of a turn that it is found by."""

_ASKS = re.compile(r"[?\uff1f\u061f\u037e]")
_DIGITS = re.compile(r"\d+")
_NAME = re.compile(r"(?<=[^\W\d_]\s)[^\W\d_a-z]\w+")
_DAY = 86_400_000_000
"""Microseconds."""


class Turn(NamedTuple):
    """A message that may be shown again.

    `session` tells its session from the user's others, `at` is in microseconds since the epoch,
    `worth`, 0..1, is what retention says of it when nobody has asked yet. `vector` has length one;
    None where there is no embedder.
    """

    session: int
    seq: int
    author: str
    role: str
    text: str
    at: int
    worth: float = 0.0
    vector: Vector | None = None


class Said(NamedTuple):
    """What is counted of each turn, as one number a turn.

    `sizes` are terms, `asks` is 1 where something is asked, `users` where the role is user;
    `selves`, `yous`, `times` and `numbers` count different words of that kind, `names` those with
    a capital within a sentence.
    """

    sizes: Vector
    worths: Vector
    asks: Vector
    selves: Vector
    yous: Vector
    times: Vector
    numbers: Vector
    names: Vector
    users: Vector


_WORTH = Said._fields.index("worths")


class _Places(NamedTuple):
    """Of each turn the numbers of its session, its day and its speaker, and the places of turns
    near it; the names of speakers by number."""

    session: Places
    day: Places
    speaker: Places
    names: list[frozenset[str]]
    before: Places
    behind: Places
    answered: Places


class Matches(NamedTuple):
    """How often each turn has each of some terms, and how rare these are."""

    terms: list[str]
    counts: Matrix
    rarity: Vector


class Near(NamedTuple):
    """Turns and their cosines with a question, by place: all of the `embedded` ones, that is those
    with a vector, or where it is not `whole` the nearest of them."""

    places: Places
    cosines: Vector
    embedded: int
    whole: bool = True


class Index:
    """Turns in the order they were added; a turn's place is its number in that order.

    The words of `hidden` places count for nothing: a question that was said is no answer to itself.
    """

    def __init__(self, turns: Iterable[Turn] = ()) -> None:
        self.turns: list[Turn] = []
        self.sessions: dict[int, int] = {}
        self.days: dict[int, int] = {}
        self._held: dict[str, tuple[array[int], array[int]]] = {}
        self._begun: dict[str, tuple[array[int], array[int]]] = {}
        self._pairs: defaultdict[tuple[str, str], array[int]] = defaultdict(lambda: array("i"))
        self._speakers = Speakers()
        self._groups = (array("i"), array("i"), array("i"))
        self._counted = array("f")
        self._newest: dict[int, int] = {}
        self._said: Said | None = None
        self._places: _Places | None = None
        self._given: dict[int, Vector] = {}
        self.forget_vectors()
        self.hidden: Sequence[int] = ()
        self.add(turns)

    def __len__(self) -> int:
        return len(self.turns)

    def add(self, turns: Iterable[Turn]) -> None:
        """Takes in new turns, those of a session in order."""
        for turn in turns:
            self._add(turn)
        self._said, self._places = None, None

    def _add(self, turn: Turn) -> None:
        place = len(self.turns)
        found = terms(turn.text[:SEEN])
        _note(self._held, Counter(found), place)
        _note(self._begun, Counter(beginning(word) for word in found if len(word) >= PREFIX), place)
        for pair in set(pairwise(found)):
            self._pairs[pair].append(place)
        session = self.sessions.setdefault(turn.session, len(self.sessions))
        self._speakers.add(turn.author, turn.role, turn.text[:SEEN])
        ids = (
            session,
            self.days.setdefault(turn.at // _DAY, len(self.days)),
            self._newest.get(session, -1),
        )
        for group, number in zip(self._groups, ids, strict=True):
            group.append(number)
        self._newest[session] = place
        self._counted.extend(_counts(turn, found))
        if turn.vector is not None:
            self._given[place] = turn.vector
        self.turns.append(turn)

    def value(self, worths: Mapping[int, float]) -> None:
        """Gives turns, by their places, another worth: what is said next may change it."""
        for place, worth in worths.items():
            self._counted[place * len(Said._fields) + _WORTH] = worth
        self._said = None

    # -- what is known of every turn --------------------------------------------------------------

    @property
    def said(self) -> Said:
        if self._said is None:
            table = np.array(self._counted, np.float32).reshape(-1, len(Said._fields))
            self._said = Said(*np.ascontiguousarray(table.T))
        return self._said

    @property
    def session_of(self) -> Places:
        return self._packed().session

    @property
    def day_of(self) -> Places:
        return self._packed().day

    @property
    def speaker_of(self) -> Places:
        return self._packed().speaker

    @property
    def names(self) -> list[frozenset[str]]:
        """The terms that each speaker is called by; none for one without a name."""
        return self._packed().names

    @property
    def speakers(self) -> frozenset[str]:
        """The terms that any speaker is called by."""
        return frozenset().union(*self.names)

    @property
    def before(self) -> Places:
        """The place of the turn before in its session; the number of turns where there is none."""
        return self._packed().before

    @property
    def behind(self) -> Places:
        """The place of the turn after in its session; the number of turns where there is none."""
        return self._packed().behind

    @property
    def answered(self) -> Places:
        """`before` where somebody else speaks there; the number of turns where not."""
        return self._packed().answered

    def _packed(self) -> _Places:
        if self._places is None:
            session, day, before = (np.array(group, np.intp) for group in self._groups)
            speaker, names = self._speakers.found()
            none = len(self.turns)
            behind = np.full(none, none, np.intp)
            led = np.flatnonzero(before >= 0)
            behind[before[led]] = led
            other = (before >= 0) & (speaker[before] != speaker)
            before = np.where(before < 0, none, before)
            answered = np.where(other, before, none)
            self._places = _Places(session, day, speaker, names, before, behind, answered)
        return self._places

    def give(self, vectors: Mapping[int, Vector]) -> None:
        """Gives turns, by their places, vectors of length one, all of as many numbers."""
        self._given |= vectors

    def forget_vectors(self) -> None:
        """As if no turn had one: those of another model have nothing to say to these."""
        self._given = {}
        self._vectors = np.zeros((0, 0), np.float32)
        self._has = np.zeros(0, np.bool_)

    @property
    def has_vector(self) -> Places:
        """The places of turns with a vector."""
        self._take_given()
        return np.flatnonzero(self._has)

    @property
    def vector_bytes(self) -> int:
        """What the vectors take in memory that were compared before."""
        return self._vectors.nbytes

    @property
    def vectors(self) -> Matrix | None:
        """A row for each turn, zeros where it has none; None when no turn has one."""
        self._take_given()
        return self._vectors if self._has.any() else None

    def near(self, vector: Vector) -> Near | None:
        """How near turns are by the vectors they were given; None when none was."""
        if self.vectors is None:
            return None
        places = self.has_vector
        return Near(places, (self.vectors @ vector.astype(np.float32))[places], len(places))

    def _take_given(self) -> None:
        known, wanted = len(self._has), len(self.turns)
        width = len(next(iter(self._given.values()))) if self._given else self._vectors.shape[1]
        if known < wanted or self._vectors.shape[1] != width:
            rows = np.zeros((wanted, width), np.float32)
            rows[:known, : self._vectors.shape[1]] = self._vectors
            self._vectors, self._has = rows, np.append(self._has, np.zeros(wanted - known, bool))
        if self._given:
            places = list(self._given)
            self._vectors[places] = np.stack(list(self._given.values()))
            self._has[places] = True
            self._given = {}

    # -- what a question asks for -----------------------------------------------------------------

    def frequency(self, word: str) -> int:
        """How many turns hold a term."""
        held = self._held.get(word)
        return len(held[0]) if held else 0

    def matches(self, words: Sequence[str]) -> Matches:
        """Where these terms stand."""
        counts = self._rows(self._held, words)
        return Matches(list(words), counts, rarity(counts))

    def beginnings(self, words: Sequence[str]) -> Matches:
        """Where terms stand that begin like these, by their beginnings."""
        begun = [beginning(word) for word in words]
        counts = self._rows(self._begun, begun)
        return Matches(begun, counts, rarity(counts))

    def pairs(self, pairs: Iterable[tuple[str, str]]) -> Vector:
        """Of each turn, how rare the neighbouring terms are that it shares, summed."""
        total = np.zeros(len(self.turns), np.float32)
        for pair in pairs:
            if pair in self._pairs:
                places = np.array(self._pairs[pair], np.intp)
                total[places] += np.log(1 + len(self.turns) / len(places))
        total[list(self.hidden)] = 0
        return total

    def _rows(self, held: dict[str, tuple[array[int], array[int]]], words: Sequence[str]) -> Matrix:
        rows = np.zeros((len(words), len(self.turns)), np.float32)
        for row, word in zip(rows, words, strict=True):
            if word in held:
                places, counts = held[word]
                row[np.array(places, np.intp)] = counts
        rows[:, list(self.hidden)] = 0
        return rows


def _note(held: dict[str, tuple[array[int], array[int]]], found: Counter[str], place: int) -> None:
    for word, count in found.items():
        places, counts = held.setdefault(word, (array("i"), array("i")))
        places.append(place)
        counts.append(count)


def _counts(turn: Turn, found: Sequence[str]) -> tuple[float, ...]:
    """The numbers of one turn, in the order of Said."""
    distinct = frozenset(found)
    selves, yous, times, numbers = (len(distinct & MARKED[kind]) for kind in _KINDS)
    return (
        len(found),
        turn.worth,
        _ASKS.search(turn.text[:SEEN]) is not None,
        selves,
        yous,
        times,
        numbers + len(_DIGITS.findall(turn.text[:SEEN])),
        len({name for name in _NAME.findall(turn.text[:SEEN]) if name[0].isupper()}),
        turn.role == "user",
    )


def rarity(counts: Matrix) -> Vector:
    """The inverse document frequency of each row's term."""
    documents = counts.shape[1]
    held = np.count_nonzero(counts, axis=1)
    return np.asarray(np.log(1 + (documents - held + 0.5) / (held + 0.5)), np.float32)


def moved(rows: Matrix, places: Places) -> Matrix:
    """The columns of other turns; zeros where there is no such turn."""
    # A place behind the last is taken for the last one, and then for nothing.
    found: Matrix = rows.take(places, axis=-1, mode="clip")
    found[..., places == rows.shape[-1]] = 0
    return found


@lru_cache(maxsize=4096)
def day_terms(day: int) -> frozenset[str]:
    """How a day since the epoch may be named in a question."""
    when = datetime.fromtimestamp(day * 86_400, UTC)
    return frozenset(terms(f"{when.day} {when:%B} {when.year} {when:%A}"))


def _marked(kind: str) -> frozenset[str]:
    """The terms of one kind in the languages whose words stand alone."""
    known = (language(name).marks.get(kind, frozenset()) for name in LANGUAGES)
    words = [word for marks in known for word in marks]
    return frozenset(found[0] for word in words if len(found := terms(word)) == 1)


_KINDS = ("self", "you", "time", "number")
MARKED = {kind: _marked(kind) for kind in _KINDS}
