"""What a number, a name or a negation belongs to: the words around it, as far as its clause goes,
and what these stand under.

A sentence with one number is all about it. In one with several each has its own clause, so that
"budget 12 May, project 3 June" cannot stand for the same with the dates swapped. Above a clause
stand the label before a colon, the key that opens an object of JSON, and the id of the record.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from memory_app.core import marks, tongues
from memory_app.core.marks import Mark, Sentence, stems, unspaced

_SILENT = frozenset(("number", "date", "negation", "promise"))
"""Kinds whose words say nothing of what another mark belongs to."""
_AHEAD = frozenset(("negation", "promise"))
"""Kinds that belong to what follows them."""

_MOST = 3
"""Words of a subject, beside what stands above it."""
_RUN = 4
"""Characters of a subject in a script without blanks, on either side."""

Above = tuple[str, ...]


class Level:
    """An object of JSON that is open: the key before it, and the first id in it, or else those of
    the object around it. `own` says that the id is its own."""

    __slots__ = ("heading", "own", "record")

    def __init__(self, heading: str = "", record: str = "") -> None:
        self.heading = heading
        self.record = record
        self.own = False


def scopes(text: str) -> Iterator[Scope]:
    """The sentences of a text with what their marks belong to."""
    levels = [Level()]
    for sentence in marks.read(text):
        yield Scope(sentence, levels)


class Scope:
    """The words of a sentence that count for its marks. `levels` are the objects of JSON that are
    open where it begins; they are brought up to its end."""

    def __init__(self, sentence: Sentence, levels: list[Level]) -> None:
        self.sentence = sentence
        self._words: list[tuple[str, ...]] = []
        self._telling: list[int] = []
        self._above: list[Above] = []
        self._reaches: list[tuple[int, int]] = []
        self._counts: Counter[str] = Counter()
        self._subjects: dict[tuple[str, int], str] = {}
        self._around: dict[tuple[str, int], frozenset[str]] = {}
        if '":' in sentence.text or (len(levels) > 1 and "}" in sentence.text):
            self._above = list(self._of_json(levels))

    @property
    def words(self) -> list[tuple[str, ...]]:
        """The stems of each token, none where it is a figure itself."""
        if not self._words:
            found = [stems(token) for token in self.sentence.tokens]
            for mark in self.sentence.marks:
                if mark.kind in _SILENT:
                    for at in range(mark.first, mark.last):
                        found[at] = ()
            # In this order: a scope that is remembered may be read from several threads.
            self._telling = [at for at, words in enumerate(found) if words]
            self._words = found
        return self._words

    @property
    def above(self) -> list[Above]:
        if not self._above:
            self._above = list(self._of_prose())
        return self._above

    @property
    def _ids(self) -> set[int]:
        return {mark.first for mark in self.sentence.marks if mark.kind == "id"}

    def _of_json(self, levels: list[Level]) -> Iterator[Above]:
        tokens, ids = self.sentence.tokens, self._ids
        for at, word in enumerate(tokens):
            if word in "{[":
                keyed = tokens[max(0, at - 2) : at] == ['"', ":"]
                heading = tokens[at - 3] if keyed and at > 2 else levels[-1].heading
                levels.append(Level(heading, levels[-1].record))
            elif word in "}]":
                levels.pop()
                levels[:] = levels or [Level()]
            level = levels[-1]
            yield tuple(one for one in (level.record, level.heading) if one and stems(one))
            if at in ids and not level.own:
                level.record, level.own = word, True

    def _of_prose(self) -> Iterator[Above]:
        tokens, clauses = self.sentence.tokens, self.sentence.clauses
        record = told = ""
        heading: Above = ()
        ids = self._ids
        for at, word in enumerate(tokens):
            if at and clauses[at] != clauses[at - 1]:
                record = told or record
            if word in ";；":
                heading = ()
            elif word in ":：" and at:
                heading = tuple(one for one in tokens[max(0, at - 3) : at] if stems(one))
                heading = tuple(one for one in heading if not unspaced(one))
            if at in ids:
                told = word
            here = record if told == record else ""
            yield (here, *heading) if here else heading

    def reach(self, kind: str, at: int) -> tuple[int, int]:
        """The tokens that count for a mark of this kind at `at`: its clause, or the sentence when
        it is the only one. For a name it is always the sentence, as it depends on what is around
        which capitals are names; for a negation it is always the clause."""
        if kind == "name" or (kind not in _AHEAD and self._count(kind) < 2):
            return 0, len(self.words)
        return self.clause(at)

    def _count(self, kind: str) -> int:
        if not self._counts:
            self._counts = Counter(mark.kind for mark in self.sentence.marks)
        return self._counts[kind]

    def clause(self, at: int) -> tuple[int, int]:
        """The tokens of the clause at `at`; without any word that counts, those of its neighbours
        too up to the one that has any, before it or else behind it."""
        if not self._reaches:
            self._reaches = list(self._clauses())
        clauses = self.sentence.clauses
        return self._reaches[clauses[at] - clauses[0]]

    def _clauses(self) -> Iterator[tuple[int, int]]:
        clauses = self.sentence.clauses
        starts = [at for at, number in enumerate(clauses) if not at or number != clauses[at - 1]]
        ends = [*starts[1:], len(clauses)]
        telling = [any(self.words[start:end]) for start, end in zip(starts, ends, strict=True)]
        before: int | None = None
        for place in range(len(starts)):
            before = place if telling[place] else before
            if before is None:
                behind = telling.index(True) if True in telling else len(telling) - 1
                yield 0, ends[behind]
            else:
                yield starts[before], ends[place]

    def around(self, kind: str, at: int) -> frozenset[str]:
        """The words that a mark of this kind at `at` may be said to belong to."""
        if (kind, at) not in self._around:
            first, last = self.reach(kind, at)
            found = {word for words in self.words[first:last] for word in words}
            found.update(word for token in self.above[at] for word in stems(token))
            self._around[kind, at] = frozenset(found)
        return self._around[kind, at]

    def subject(self, mark: Mark) -> str:
        """The nearest of those words, as they stand; "" when there is none."""
        key = (mark.kind, mark.first)
        if key not in self._subjects:
            tokens = self.sentence.tokens
            places = sorted(self._nearest(mark))
            own = {tokens[at] for at in (*places, *range(mark.first, mark.last))}
            # Without a word of its own a mark would be nothing once its record is not beside it.
            above = [word for word in self.above[mark.first] if places and word not in own]
            near = [self._shown(at, mark) for at in places]
            self._subjects[key] = " ".join([*above, *near])
        return self._subjects[key]

    def _nearest(self, mark: Mark) -> list[int]:
        free = self._free(mark, *self.clause(mark.first))
        if mark.kind in _AHEAD:
            ahead = [at for at in free if at >= mark.last]
            if ahead or self.sentence.low[mark.first] in tongues.ONLY_AHEAD:
                return ahead[:_MOST]
            return free[-_MOST:]
        free = free or self._free(mark, *self.reach(mark.kind, mark.first))
        free.sort(key=lambda at: mark.first - at if at < mark.first else at - mark.last + 1)
        return free[:_MOST]

    def _free(self, mark: Mark, first: int, last: int) -> list[int]:
        """The tokens of a range that count and are not the mark's own."""
        near = self._telling[bisect_left(self._telling, first) : bisect_left(self._telling, last)]
        return [at for at in near if not mark.first <= at < mark.last]

    def _shown(self, at: int, mark: Mark) -> str:
        token = self.sentence.tokens[at]
        if len(token) <= _RUN or not unspaced(token):
            return token
        part = token[-_RUN:] if at < mark.first else token[:_RUN]
        return part if stems(part) else token


@lru_cache(maxsize=65_536)
def subject_stems(subject: str) -> frozenset[str]:
    """The words of a subject as they are compared: of "basic_economy" it is the whole."""
    found: set[str] = set()
    for token in subject.split():
        words = stems(token)
        found.update(words if unspaced(token) else words[:1])
    return frozenset(found)
