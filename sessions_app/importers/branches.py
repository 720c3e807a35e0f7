"""A transcript as a tree: records linked to their parents, read back as branches.

The records of one answer of the model, and the results of the tools it called, are one knot:
parallel results hang on different records of the answer and would look like branches otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

Place = tuple[str, int, int]
"""The uuid, line and offset of a record."""


@dataclass(slots=True, eq=False)
class Knot:
    """Records that belong together, in file order; `said` tells whether
    there is a message among them, rather than only a note."""

    parent: Knot | None
    said: bool
    members: list[Place] = field(default_factory=list)
    children: list[Knot] = field(default_factory=list)

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(uuid for uuid, _, _ in self.members)

    @property
    def newest(self) -> int:
        """The line of its last record."""
        return self.members[-1][1]


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """The knots of one branch behind the knot where it parts from another (None: from none)."""

    knots: tuple[Knot, ...]
    parts_at: Knot | None = None
    of: Branch | None = None

    @property
    def first(self) -> str:
        """The uuid that names the branch: it stays the same while the branch grows."""
        return self.knots[0].members[0][0]


class Tree:
    """The knots of one session or sub-agent."""

    def __init__(self) -> None:
        self.roots: list[Knot] = []
        self.last: Knot | None = None
        self._by_uuid: dict[str, Knot] = {}
        self._said: set[str] = set()
        self._through: dict[str, str | None] = {}
        self._by_answer: dict[str, Knot] = {}
        self._by_call: dict[str, Knot] = {}
        # Calls that have a result; a second result of one is another branch.
        self.answered: set[str] = set()

    def knows(self, uuid: str) -> bool:
        return uuid in self._by_uuid or uuid in self._through

    def pass_through(self, uuid: str, parent: str | None) -> None:
        """A record that is no message, but may be another record's parent. One without a parent
        of its own hangs on the knot before: it is no new beginning."""
        if parent is None and self.last is not None:
            parent = self.last.members[-1][0]
        self._through[uuid] = parent

    def knot_of_answer(self, answer: str | None) -> Knot | None:
        """The knot of an answer by the id the provider gave it."""
        return self._by_answer.get(answer) if answer else None

    def knot_of_calls(self, calls: list[str]) -> Knot | None:
        """The knot that made these calls, if none of them has a result yet."""
        if not calls or any(call in self.answered for call in calls):
            return None
        knots = {id(knot): knot for call in calls if (knot := self._by_call.get(call))}
        return next(iter(knots.values())) if len(knots) == 1 else None

    def join(self, knot: Knot, place: Place) -> None:
        knot.members.append(place)
        self._by_uuid[place[0]] = knot
        if knot.said:
            self._said.add(place[0])
        self.last = knot

    def grow(self, parent: Knot | None, place: Place, *, said: bool) -> Knot:
        """A new knot on `parent`, None for a new root."""
        knot = Knot(parent, said)
        (parent.children if parent else self.roots).append(knot)
        self.join(knot, place)
        return knot

    def remember(self, knot: Knot, answer: str | None, calls: list[str]) -> None:
        """What later records may name this knot by."""
        if answer:
            self._by_answer[answer] = knot
        for call in calls:
            self._by_call.setdefault(call, knot)

    def parent_knot(self, parent: str | None) -> Knot | None:
        """The knot a parent uuid leads to. A parent that is not in the file stands for the record
        before; None only where there is none at all, or where the chain really begins anew."""
        seen = set()
        while parent is not None and parent in self._through and parent not in seen:
            seen.add(parent)
            parent = self._through[parent]
        if parent is None:
            return None
        return self._by_uuid.get(parent, self.last)

    def branches(self) -> Iterator[Branch]:
        """The branch of the newest message first, then every other one behind the branch it
        parts from."""
        newest = self._newest_lines()
        if not self.roots:
            return
        root = max(self.roots, key=lambda knot: newest[id(knot)])
        waiting = [self._followed(root, newest)]
        others = [knot for knot in self.roots if knot is not root]
        waiting += [self._followed(knot, newest, None, waiting[0]) for knot in others]
        while waiting:
            branch = waiting.pop(0)
            yield branch
            on_it = {id(knot) for knot in branch.knots}
            for knot in branch.knots:
                aside = (child for child in knot.children if id(child) not in on_it)
                waiting += [self._followed(child, newest, knot, branch) for child in aside]

    def aside(self, branch: Branch) -> frozenset[str]:
        """The records of all messages that are not on the way to the end of a branch: while the
        file was shorter its session may have had them."""
        way: list[Place] = []
        knot: Knot | None = branch.knots[-1]
        while knot is not None:
            way += knot.members
            knot = knot.parent
        return frozenset(self._said.difference([uuid for uuid, _, _ in way]))

    def _followed(
        self,
        knot: Knot,
        newest: dict[int, int],
        parts_at: Knot | None = None,
        of: Branch | None = None,
    ) -> Branch:
        knots = [knot]
        while knot.children:
            knot = max(knot.children, key=lambda child: newest[id(child)])
            knots.append(knot)
        return Branch(tuple(knots), parts_at, of)

    def _newest_lines(self) -> dict[int, int]:
        """For each knot the line of the newest message in or below it; notes count a little, so
        that they go with the messages."""
        newest: dict[int, int] = {}
        for knot in reversed(list(self._walked())):
            own = knot.newest if knot.said else 0
            newest[id(knot)] = max([own, *(newest[id(child)] for child in knot.children)])
        return newest

    def _walked(self) -> Iterator[Knot]:
        waiting = list(self.roots)
        while waiting:
            knot = waiting.pop()
            yield knot
            waiting += knot.children
