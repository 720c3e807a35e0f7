"""Which messages of a log another program's own context holds: there, altered, absent, foreign.

Messages are compared by their atoms (a text, a call, a result), because forms of providers merge
and split messages and keep these. The cost is linear: an equal atom is found by its value, and an
unequal one is compared with the few that stand at its place only.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple

import orjson

from memory_app.core import blocks
from sessions_app.core.forms import FORMS, otel

NEAR = 8
"""Messages on each side of a gap that one which equals none is compared with."""
ALIKE = 0.5
"""From this likeness on, 0..1, a text is another one altered."""
SHORT = 200
"""Characters up to which texts are compared by characters, and not by words."""
LEAST_CUT = 20
"""Characters from which on the beginning of a text is that text cut."""
EXCERPT = 80
_INSTRUCTION = re.compile(r"<system>\n(.*)\n</system>", re.DOTALL)
"""How a message of the system is written for a provider that takes none between others."""


class Atom(NamedTuple):
    """One thing a message says: its side (user, assistant, tool), its kind, and its text; a call's
    text are its name and arguments. `id` ties a call and its result, and makes none different."""

    side: str
    kind: str
    text: str
    id: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self[:3]


@dataclass(frozen=True, order=True)
class Altered:
    """A message that was sent other than it was said, with the stretch in which both differ."""

    index: int
    seq: int
    said: str
    sent: str


@dataclass(frozen=True, order=True)
class Foreign:
    """What was sent and never said: the place of its message among those sent, and its text."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Alignment:
    """`there`: (place among those sent, seq) of what was sent as it was said. `ours` are the places
    of the system text and of blocks that contexts add. `seqs` are all that was sent of the log."""

    there: tuple[tuple[int, int], ...]
    altered: tuple[Altered, ...]
    foreign: tuple[Foreign, ...]
    ours: tuple[int, ...]
    seqs: frozenset[int]


def atoms(role: str, form: str, body: dict[str, Any]) -> list[Atom]:
    """What a message says. Thoughts are left out: providers take them back or not."""
    side = role if role in ("assistant", "tool") else "user"
    found = (_atom(side, part) for part in FORMS[form].parts(role, body))
    return [atom for atom in found if atom is not None and atom.text.strip()]


def _atom(side: str, part: Mapping[str, Any]) -> Atom | None:
    kind = part["type"]
    if kind == "text":
        text: str = part["content"]
        inner = _INSTRUCTION.fullmatch(text) if side == "user" else None
        return Atom(side, "text", inner[1] if inner else text)
    if kind == "tool_call":
        shown = otel.public(dict(part))
        said = orjson.dumps([shown["name"], shown["arguments"]], option=orjson.OPT_SORT_KEYS)
        return Atom(side, "call", said.decode(), str(part["id"]))
    if kind == "tool_call_response":
        return Atom("tool", "result", otel.response_text(part["response"]), str(part["id"]))
    if kind == "reasoning":
        return None
    return Atom(side, kind, orjson.dumps(part, option=orjson.OPT_SORT_KEYS).decode())


def align(
    sent: Sequence[Sequence[Atom]],
    said: Sequence[tuple[int, Sequence[Atom]]],
    *,
    ours: Collection[str] = (),
) -> Alignment:
    """How messages that were sent stand to those of the log, (seq, atoms) in order; `ours` are
    texts that no message said and a context may hold, such as the system text."""
    mine = {text.strip() for text in ours}
    given = [(index, atom) for index, message in enumerate(sent) for atom in message]
    log = [(seq, atom) for seq, message in said for atom in message]
    places = _matched(given, log)
    added = {at for at, place in enumerate(places) if place is None and _added(given[at][1], mine)}
    near = _near(given, log, places, added)
    altered = [_altered(given[at], log[place]) for at, place in near.items()]
    there = {
        (index, log[place][0])
        for (index, _), place in zip(given, places, strict=True)
        if place is not None
    }
    altered += _partly(log, places, near, there)
    changed = {(one.index, one.seq) for one in altered}
    lost = [at for at, place in enumerate(places) if place is None and at not in near]
    return Alignment(
        there=tuple(sorted(there - changed)),
        altered=tuple(sorted(altered)),
        foreign=tuple(
            Foreign(given[at][0], _cut(given[at][1].text)) for at in lost if at not in added
        ),
        ours=tuple(sorted({given[at][0] for at in added})),
        seqs=frozenset(seq for _, seq in there | changed),
    )


Placed = Sequence[tuple[int, Atom]]


def _matched(given: Placed, log: Placed) -> list[int | None]:
    """For each atom that was sent, where in the log it stands; a text that was said more than once
    is taken where the order holds, and as new as can be."""
    where: dict[tuple[str, str, str], list[int]] = {}
    for at, (_, atom) in enumerate(log):
        where.setdefault(atom.key, []).append(at)
    found: list[int | None] = []
    limit = len(log)
    for _, atom in reversed(given):
        free = where.get(atom.key)
        if not free:
            found.append(None)
            continue
        before = bisect_left(free, limit)
        place = free.pop(before - 1)
        if before:
            limit = place
        found.append(place)
    return found[::-1]


def _added(atom: Atom, mine: Collection[str]) -> bool:
    return atom.kind == "text" and (atom.text.strip() in mine or blocks.is_block(atom.text))


def _near(
    given: Placed, log: Placed, places: Sequence[int | None], added: Collection[int]
) -> dict[int, int]:
    """For atoms that equal none: the place of the one that each is an altered form of."""
    taken = {place for place in places if place is not None}
    answers = {atom.id: at for at, (_, atom) in enumerate(log) if atom.kind == "result" and atom.id}
    found: dict[int, int] = {}
    after = len(log)
    before = _befores(places)
    for at in range(len(given) - 1, -1, -1):
        place = places[at]
        if place is not None:
            after = place
            continue
        atom = given[at][1]
        if at in added:
            continue
        known = answers.get(atom.id) if atom.kind == "result" else None
        candidates = [known] if known is not None else _gap(before[at], after)
        best = _best(atom, [one for one in candidates if one not in taken], log, known is not None)
        if best is not None:
            found[at] = after = best
            taken.add(best)
    return found


def _befores(places: Sequence[int | None]) -> list[int]:
    """For each atom the place of the last one before it that has one, else -1."""
    found, last = [], -1
    for place in places:
        found.append(last)
        last = last if place is None else place
    return found


def _gap(before: int, after: int) -> list[int]:
    """The places at both ends of a gap, those at its end first."""
    end = range(after - 1, max(before, after - 1 - NEAR), -1)
    start = range(before + 1, min(after, before + 1 + NEAR))
    return list(dict.fromkeys([*end, *start]))


def _best(atom: Atom, candidates: Iterable[int], log: Placed, sure: bool) -> int | None:
    best, most = None, ALIKE
    for at in candidates:
        other = log[at][1]
        if sure:
            return at
        if (other.side, other.kind) != (atom.side, atom.kind):
            continue
        found = likeness(other.text, atom.text)
        if found > most or (best is None and found == most):
            best, most = at, found
    return best


def likeness(said: str, sent: str) -> float:
    """How much two texts have in common, 0..1; 1 where one is the other cut."""
    short, long = sorted((said.rstrip(" .…"), sent.rstrip(" .…")), key=len)
    if len(short) >= LEAST_CUT and long.startswith(short):
        return 1.0
    if len(long) <= SHORT:
        return SequenceMatcher(None, said, sent, autojunk=False).ratio()
    first, second = Counter(said.split()), Counter(sent.split())
    return 2 * (first & second).total() / max(1, first.total() + second.total())


def _altered(given: tuple[int, Atom], place: tuple[int, Atom]) -> Altered:
    (index, sent), (seq, said) = given, place
    return Altered(index, seq, *difference(said.text, sent.text))


def _partly(
    log: Placed,
    places: Sequence[int | None],
    near: Mapping[int, int],
    there: Collection[tuple[int, int]],
) -> list[Altered]:
    """Messages of which something was sent and something was not."""
    sent = {place for place in (*places, *near.values()) if place is not None}
    index = {seq: index for index, seq in there}
    missing: dict[int, str] = {}
    for at, (seq, atom) in enumerate(log):
        if seq in index and at not in sent:
            missing.setdefault(seq, atom.text)
    return [Altered(index[seq], seq, _cut(text), "") for seq, text in missing.items()]


def difference(said: str, sent: str) -> tuple[str, str]:
    """The stretch in which two texts differ, as it is in each, cut."""
    most = min(len(said), len(sent))
    first = next((at for at in range(most) if said[at] != sent[at]), most)
    last = 0
    while last < most - first and said[-1 - last] == sent[-1 - last]:
        last += 1
    return _cut(said[first : len(said) - last]), _cut(sent[first : len(sent) - last])


def _cut(text: str) -> str:
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def runs(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Pairs (index, seq), which both go up by one, as [index, seq, how many]."""
    found: list[list[int]] = []
    for index, seq in pairs:
        last = found[-1] if found else None
        if last and (index, seq) == (last[0] + last[2], last[1] + last[2]):
            last[2] += 1
        else:
            found.append([index, seq, 1])
    return found
