"""What a number, a name or a negation belongs to: the words around it, as far as its clause goes.

A sentence with one number is all about it. In one with several each has its own clause, so that
"budget 12 May, project 3 June" cannot stand for the same with the dates swapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from memory_app.core.marks import Mark, Sentence, stems, unspaced

_SILENT = frozenset(("number", "date", "negation", "promise"))
"""Kinds whose words say nothing of what another mark belongs to."""
_WIDE = frozenset(("name",))
"""Kinds for which the whole sentence counts: which capitals are names depends on what is around."""
_MOST = 3
"""Words of a subject, beside the id of the record it stands in."""
_AHEAD = frozenset(("negation", "promise"))
_RUN = 4
"""Characters of a subject in a script without blanks, on either side."""


class Scope:
    """The words of a sentence that count for its marks."""

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        self.words = self._words()
        self.counts: dict[str, int] = {}
        for mark in sentence.marks:
            self.counts[mark.kind] = self.counts.get(mark.kind, 0) + 1

    def _words(self) -> list[tuple[str, ...]]:
        words = [stems(token) for token in self.sentence.tokens]
        for mark in self.sentence.marks:
            if mark.kind in _SILENT:
                for at in range(mark.first, mark.last):
                    words[at] = ()
        return words

    def reach(self, kind: str, at: int) -> tuple[int, int]:
        """The tokens that count for a mark of this kind at `at`: its clause, or the sentence when
        it is the only one."""
        if kind in _WIDE or self.counts.get(kind, 0) < 2:
            return 0, len(self.words)
        return self.clause(at)

    def clause(self, at: int) -> tuple[int, int]:
        """The tokens of the clause at `at`; without any word that counts, those of its neighbour
        too, the one before if it has any."""
        clauses = self.sentence.clauses
        number = clauses[at]
        first = clauses.index(number)
        last = _end(clauses, number, first)
        start = first
        while start and not any(self.words[start:last]):
            start = clauses.index(clauses[start - 1])
        while last < len(clauses) and not any(self.words[start:last]):
            last = _end(clauses, clauses[last], last)
        return start, last

    def lead(self, first: int, last: int) -> int | None:
        """The token of the id that what stands in `first`..`last` belongs to though it is named
        before, as in "HAT069: leaves 06:00, costs 121"."""
        found = None
        for mark in self.sentence.marks:
            if mark.kind == "id":
                if first <= mark.first < last:
                    return None
                if mark.first < first:
                    found = mark.first
        return found

    def around(self, kind: str, at: int) -> frozenset[str]:
        """The words that a mark of this kind at `at` is said to belong to."""
        first, last = self.reach(kind, at)
        found = {word for words in self.words[first:last] for word in words}
        lead = self.lead(first, last)
        if lead is not None:
            found.update(self.words[lead])
        return frozenset(found)

    def subject(self, mark: Mark) -> str:
        """The nearest of those words, as they stand; "" when there is none."""
        places = list(self._nearest(mark))
        lead = self.lead(*self.reach(mark.kind, mark.first))
        if lead is not None and not mark.first <= lead < mark.last:
            places.append(lead)
        return " ".join(self._shown(at, mark) for at in sorted(set(places)))

    def _nearest(self, mark: Mark) -> Iterator[int]:
        first, last = self.clause(mark.first)
        free = [at for at in range(first, last) if self._counts(at, mark)]
        if not free:
            first, last = self.reach(mark.kind, mark.first)
            free = [at for at in range(first, last) if self._counts(at, mark)]
        if mark.kind in _AHEAD:
            free.sort(key=lambda at: (at < mark.first, abs(at - mark.first)))
        else:
            free.sort(key=lambda at: mark.first - at if at < mark.first else at - mark.last + 1)
        return iter(free[:_MOST])

    def _counts(self, at: int, mark: Mark) -> bool:
        return bool(self.words[at]) and not mark.first <= at < mark.last

    def _shown(self, at: int, mark: Mark) -> str:
        token = self.sentence.tokens[at]
        if len(token) <= _RUN or not unspaced(token):
            return token
        part = token[-_RUN:] if at < mark.first else token[:_RUN]
        return part if stems(part) else token


def _end(clauses: Sequence[int], number: int, start: int) -> int:
    while start < len(clauses) and clauses[start] == number:
        start += 1
    return start


@lru_cache(maxsize=65_536)
def subject_stems(subject: str) -> frozenset[str]:
    """The words of a subject as they are compared."""
    return frozenset(word for token in subject.split() for word in stems(token))


