"""What tools returned and people said, as the values that the next calls are likely to need.

A tool's answer is stored whole and shown as values: JSON taken apart to `path=value`, of which
those come first that people or the assistant spoke of, that earlier calls used, and that name
something; the fields of a record follow what was chosen of it, the newest come before the older.
One line a message, so that a model reads a record as one thing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from memory_app.core.excerpts import PER_TOKEN, excerpt, most
from memory_app.core.flattening import Cell, flatten, taken_apart
from memory_app.core.passages import Passage, Point
from memory_app.core.pieces import Analysis, Piece, analysis, digits, of_cells, of_text
from memory_app.core.records import by_record, named_by_path, parts, safe
from sessions_app.core.words import words

__all__ = [
    "Analysis",
    "Value",
    "analysis",
    "block",
    "excerpt",
    "flatten",
    "ranked",
    "shorten",
    "shown",
]

Count = Callable[[str], int]

MOST_SHORTENED, FIRST = 200_000, 3_000
"""Values of one answer that are looked at when it is shortened alone; so many of the first ones are
weighed, of the others those of records that were mentioned."""
ARGUMENTS = 60
"""Characters of arguments that a result is headed with."""
FEW = 4
"""Times that a value may be returned before it counts as frequent."""
MET = 12
"""Times a value was met beyond which one more makes no difference."""
HIGHEST = 14.0
"""The score of a value that nearly everything speaks for."""
FULL, PROBES = 0.98, 8
"""A block is full enough at this share of its size; so many fillings are tried for it."""

# What speaks for a value, found by trying on real agent runs. What a value is worth by itself
# stands in `pieces`.
USER, ASSISTANT, USED = 4.0, 0.5, 0.5
"""People, the assistant, an earlier call said it."""
COMMON = 0.2
"""The share of these three that a value like `true` or 3 gets."""
LATELY, NEW = 2.0, 1.0
"""It was said just now; it was returned just now."""
WANTED = 2.0
"""Earlier calls had arguments of its name."""
CHOSEN, ROOT = 3.0, 0.75
"""Its record was chosen; what the record is part of was, as a share."""
FREQUENT, STANDS, REPEATED, AGAIN = -1.0, -20.0, -3.0, -1.0
"""It is returned often; it stands behind the block; it stands in the block already, and for each
time it was met then."""
SAID, VALUED, FRESH = 3.5, 1.0, 1.0
"""A sentence of a person; with a number; of new words alone."""


class Value(NamedTuple):
    """A value that a tool returned: where in its message, as written, and how much it matters."""

    path: str
    text: str
    seq: int
    rank: float


# -- what was said and used ----------------------------------------------------------------------


class _Known(NamedTuple):
    """What people and the assistant spoke of and earlier calls used: a word or value with the seq
    of the last message that has it. `keys` are names of arguments, `counts` how often a value was
    returned, `last` is the newest seq."""

    user: dict[str, int]
    assistant: dict[str, int]
    used: dict[str, int]
    keys: frozenset[str]
    counts: Counter[str]
    last: int


def _known(messages: Sequence[Analysis], query: str) -> _Known:
    user: dict[str, int] = {}
    assistant: dict[str, int] = {}
    used: dict[str, int] = {}
    keys: set[str] = set()
    counts: Counter[str] = Counter()
    last = messages[-1].seq if messages else 0
    for message in messages:
        seq = message.seq
        if message.role == "user":
            user.update(dict.fromkeys(message.terms, seq))
        elif message.role == "assistant":
            assistant.update(dict.fromkeys(message.terms, seq))
        else:
            counts.update([piece.text for piece in message.pieces])
        for call in message.calls:
            used.update(dict.fromkeys([piece.text for piece in call.pieces], seq))
            keys.update([piece.key for piece in call.pieces])
    user.update(dict.fromkeys(words(query), last))
    return _Known(user, assistant, used, frozenset(keys), counts, last or 1)


def _said(piece: Piece, index: dict[str, int]) -> int:
    """The last message that has all words of a piece, or a number that an id is called by; 0."""
    least = 0
    for term in piece.terms:
        seq = index.get(term)
        if seq is None:
            break
        least = min(least or seq, seq)
    else:
        return least
    return max([index.get(term, 0) for term in piece.handles], default=0)


# -- lines ---------------------------------------------------------------------------------------


class _Line(NamedTuple):
    """A line of the block: what it is headed with, its messages, and its pieces, of which the
    first ones are the `arguments` of a call."""

    head: str
    role: str
    seqs: tuple[int, ...]
    arguments: int
    pieces: tuple[Piece, ...]


def _lines(messages: Iterable[Analysis]) -> list[_Line]:
    """A line for what was said in a message, one for each call with its answer. Answers come in
    the order of their calls."""
    found: list[_Line] = []
    waiting: list[int] = []
    for message in messages:
        seq, role = message.seq, message.role
        if role == "tool" and waiting:
            at = waiting.pop(0)
            line = found[at]
            pieces = line.pieces + message.pieces
            found[at] = line._replace(seqs=(*line.seqs, seq), pieces=pieces)
            continue
        if message.pieces:
            head = message.author or role if role == "tool" else role
            found.append(_Line(head, role, (seq,), 0, message.pieces))
        if role != "tool":
            waiting = list(range(len(found), len(found) + len(message.calls)))
        found += [
            _Line(call.tool, "tool", (seq,), len(call.pieces), call.pieces)
            for call in message.calls
        ]
    return found


class _Item(NamedTuple):
    """A piece in its line: its score, and its place among the pieces of the line."""

    score: float
    line: int
    place: int
    piece: Piece


SCORE = itemgetter(0)


def _items(lines: Sequence[_Line], known: _Known) -> list[_Item]:
    """All pieces with their scores, in order."""
    found: list[_Item] = []
    marks: dict[str, tuple[float, float]] = {}
    for number, line in enumerate(lines):
        newness = NEW * line.seqs[-1] / known.last
        if line.role == "tool":
            scores = _scores(line, newness, known, marks)
        else:
            weight = newness + SAID * (line.role == "user")
            scores = [weight + _speech(piece, known) for piece in line.pieces]
        found += [
            _Item(score, number, place, piece)
            for place, (score, piece) in enumerate(zip(scores, line.pieces, strict=True))
        ]
    return found


def _speech(piece: Piece, known: _Known) -> float:
    valued = any(map(digits, piece.terms))
    fresh = [t for t in piece.terms if t not in known.user and t not in known.used]
    return VALUED * valued + FRESH * len(fresh) / (len(piece.terms) + 1)


def _scores(
    line: _Line, newness: float, known: _Known, marked: dict[str, tuple[float, float]]
) -> list[float]:
    """How likely each piece of a call and its answer is needed again. `marked` are the marks of
    values met before: the same ones come again and again."""
    chosen: dict[str, float] = {}
    scores: list[float] = []
    for piece in line.pieces:
        text = piece.text
        marks = marked.get(text)
        if marks is None:
            marks = marked[text] = _marks(piece, known)
        own, strength = marks
        if strength > chosen.get(piece.record, 0.0):
            chosen[piece.record] = strength
        scores.append(newness + piece.worth + own + WANTED * (piece.key in known.keys))
    if not chosen:
        return scores
    root = ROOT * chosen.get("", 0.0)
    # Lines of a text are no fields of a record: one that was spoken of says nothing of others.
    return [
        score + CHOSEN * max(chosen.get(piece.record, 0.0), root) if piece.of == 1 else score
        for score, piece in zip(scores, line.pieces, strict=True)
    ]


def _marks(piece: Piece, known: _Known) -> tuple[float, float]:
    """What a value earns by having been said or used, the more the later that was, less what it
    loses by being returned often; and how much that speaks for its record, 0..1."""
    often = known.counts[piece.text]
    frequent = FREQUENT * (often > FEW)
    user, assistant = _said(piece, known.user), _said(piece, known.assistant)
    used = known.used.get(piece.text, 0)
    if not (user or assistant or used):
        return frequent, 0.0
    own = USER * (user > 0) + ASSISTANT * (assistant > 0) + USED * (used > 0)
    lately = max(user, assistant, used) / known.last
    earned = own * (COMMON if piece.common else 1) + LATELY * lately + frequent
    if piece.common or not (piece.names or often < FEW - 1):
        return earned, 0.0
    return earned, min(own / 4, 1.0) * (1 + lately) / 2


# -- the block -----------------------------------------------------------------------------------


def shown(
    passages: Sequence[Passage],
    *,
    size: int,
    count: Count,
    query: str = "",
    near: Sequence[Passage] = (),
) -> list[Point]:
    """The lines of a block within `size` tokens, joined by line feeds, that hold of these messages
    what the next calls are most likely to need. `near` are the messages that stand whole behind
    the block: what they speak of matters, and what they hold is not repeated. `query` is what is
    asked now. `(+14)` behind a line says that 14 values or lines of that message are left out."""
    return block(
        [analysis(passage) for passage in passages],
        size=size,
        count=count,
        query=query,
        near=[analysis(passage) for passage in near],
    )


def block(
    messages: Sequence[Analysis],
    *,
    size: int,
    count: Count,
    query: str = "",
    near: Sequence[Analysis] = (),
) -> list[Point]:
    """`shown` of messages whose analyses are at hand."""
    lines = _lines(messages)
    items = _items(lines, _known([*messages, *near], query))
    order = _order(lines, items, _Standing(near), size)
    return _within(lines, order, size, count)


def ranked(
    messages: Sequence[Analysis], *, query: str = "", near: Sequence[Analysis] = ()
) -> list[Value]:
    """What tools returned and calls were given, by rank, the highest first."""
    lines = _lines(messages)
    found = [
        Value(whole_path(item.piece), item.piece.text, lines[item.line].seqs[-1], item.score)
        for item in _items(lines, _known([*messages, *near], query))
        if lines[item.line].role == "tool"
    ]
    return sorted(found, key=lambda value: (-value.rank, -value.seq))


def whole_path(piece: Piece) -> str:
    """The path of a piece from the beginning of its message."""
    return (
        f"{piece.record}.{piece.path}" if piece.record and piece.path else piece.record + piece.path
    )


class _Standing:
    """The values that stand in messages, in a field of their own or within what was said."""

    def __init__(self, messages: Sequence[Analysis]) -> None:
        self.values: set[str] = set()
        for message in messages:
            self.values.update([piece.text for piece in message.pieces])
            self.values.update([piece.text for call in message.calls for piece in call.pieces])
        self.terms = {term for message in messages for term in message.terms}
        self.text = "\n".join([message.text for message in messages])

    def __contains__(self, piece: Piece) -> bool:
        if piece.text in self.values:
            return True
        if not self.terms.issuperset(piece.terms):
            return False
        return bool(re.search(rf"(?<!\w){re.escape(piece.text)}(?!\w)", self.text))


def _order(
    lines: Sequence[_Line], items: Sequence[_Item], there: _Standing, size: int
) -> list[_Item]:
    """The items that may get in, those first that are to be shown first. A value that stands
    already falls back, the further the more often it was met; an item brings along what its
    record is called by. A value with its border costs two tokens, so `size` bounds their number.
    """
    texts = [item.piece.text for item in items]
    met = Counter(texts)
    best: dict[str, _Item] = {}
    for text, item in zip(texts, items, strict=True):
        known = best.get(text)
        if known is None or known.score <= item.score:
            best[text] = item

    first = [item for item in items if best[item.piece.text] is item]
    again = [item for item in items if best[item.piece.text] is not item]

    def rank(item: _Item) -> tuple[float, int, int]:
        fall = STANDS if item.piece in there else 0.0
        if best[item.piece.text] is not item:
            fall += REPEATED + AGAIN * min(met[item.piece.text], MET)
        return -item.score - fall, -item.line, item.place

    leads = _Leads(lines, items)
    found: dict[tuple[int, int], _Item] = {}
    likely = [sorted(some, key=SCORE, reverse=True)[:size] for some in (first, again)]
    for item in sorted([*likely[0], *likely[1]], key=rank):
        for lead in leads.of(item):
            found.setdefault((lead.line, lead.place), lead)
        found.setdefault((item.line, item.place), item)
    return list(found.values())


class _Leads:
    """What the values of a record cannot be understood without: the arguments of the call, if they
    are short, and the value that names the record."""

    def __init__(self, lines: Sequence[_Line], items: Sequence[_Item]) -> None:
        self.lines = lines
        self.items = items
        self.starts = list(accumulate([len(line.pieces) for line in lines], initial=0))
        self.found: dict[int, dict[str, list[_Item]]] = {}

    def of(self, item: _Item) -> list[_Item]:
        line = self.lines[item.line]
        if line.role != "tool" or item.place < line.arguments:
            return []
        if item.line not in self.found:
            self.found[item.line] = self._records(item.line)
        return self.found[item.line][item.piece.record]

    def _records(self, number: int) -> dict[str, list[_Item]]:
        items = self.items[self.starts[number] : self.starts[number + 1]]
        arguments = items[: self.lines[number].arguments]
        if sum(len(item.piece.text) for item in arguments) > ARGUMENTS:
            arguments = []
        found: dict[str, list[_Item]] = {}
        named: set[str] = set()
        for item in items[self.lines[number].arguments :]:
            record = item.piece.record
            leads = found.setdefault(record, list(arguments))
            if record not in named and item.piece.names:
                named.add(record)
                if not named_by_path(item.piece):
                    leads.append(item)
        return found


def _within(lines: Sequence[_Line], order: Sequence[_Item], size: int, count: Count) -> list[Point]:
    """About the most of the items in this order whose lines fit. What a number of items costs is
    guessed from their characters and the last try, so that few tries do."""
    guesses = list(accumulate([2 + len(item.piece.shown) / 3 for item in order]))
    counted: dict[str, int] = {}

    def cost(points: Sequence[Point]) -> int:
        for text in {point.text for point in points}.difference(counted):
            counted[text] = count(text + "\n")
        return sum([counted[point.text] for point in points])

    least, beyond, best = 0, len(order) + 1, list[Point]()
    scale = 1.0
    tries = 0
    while beyond - least > 1 and (tries < PROBES or not best):
        tries += 1
        guess = bisect_right(guesses, size / scale) if tries < PROBES else (least + beyond) // 2
        taken = min(max(guess, least + 1), beyond - 1)
        points = _points(lines, order[:taken])
        spent = cost(points)
        scale = max(spent, 1) / guesses[taken - 1]
        if spent > size:
            beyond = taken
            continue
        least, best = taken, points
        if spent >= FULL * size:
            break
    while best and count("\n".join([point.text for point in best])) > size:
        best.remove(min(best, key=lambda point: point.score))
    return best


def _points(lines: Sequence[_Line], items: Iterable[_Item]) -> list[Point]:
    chosen: dict[int, list[_Item]] = {}
    for item in items:
        chosen.setdefault(item.line, []).append(item)
    found = []
    for number in sorted(chosen):
        line, there = lines[number], chosen[number]
        score = min(1.0, max(0.0, max([item.score for item in there]) / HIGHEST))
        there.sort(key=lambda item: item.place)
        found.append(Point(_text(line, there), line.seqs, score))
    return found


def _text(line: _Line, items: Sequence[_Item]) -> str:
    pieces = [item.piece for item in items]
    if line.role != "tool":
        return f"{line.head}: {parts(pieces, ' ')}"
    arguments = [item.piece for item in items if item.place < line.arguments]
    answer = pieces[len(arguments) :]
    text = f"{safe(line.head)}({'; '.join(by_record(arguments))})"
    if answer:
        text = f"{text}: {'; '.join(by_record(answer))}"
    left = len(line.pieces) - len(pieces)
    return f"{text} (+{left})" if left else text


# -- one answer ----------------------------------------------------------------------------------


def shorten(text: str, *, size: int, count: Count, mentioned: Collection[str] = ()) -> str:
    """One tool's answer within `size` tokens: as it is if it fits; a line a record if it is JSON,
    those values first that are `mentioned`, belong to such a record or name something; else an
    excerpt. "" where not even what was left out can be told."""
    if len(text) <= size * PER_TOKEN and count(text) <= size:
        return text
    found, prose = taken_apart(text, most=MOST_SHORTENED)
    if not found or not (found[0].record or found[0].path):
        return excerpt(found[0].text if found else text, size=size, count=count)
    pieces = [*of_cells(_weighed(found, mentioned)), *of_text("", "", prose)]
    total = max(len(pieces), len(found))
    order = _by_mention(pieces, mentioned, size)

    def written(taken: int) -> str:
        lines = by_record([pieces[at] for at in sorted(order[:taken])])
        if left := total - taken:
            lines.append(f"[... {left:,} more value{'s' if left > 1 else ''} left out ...]")
        return "\n".join(lines)

    told = written(most(len(order), lambda number: count(written(number)) <= size))
    return told if count(told) <= size else ""


def _weighed(found: list[Cell], mentioned: Collection[str]) -> list[Cell]:
    exact = frozenset(mentioned)
    records = {cell.record for cell in found[FIRST:] if cell.text in exact}
    return found[:FIRST] + [cell for cell in found[FIRST:] if cell.record in records][:FIRST]


def _by_mention(pieces: Sequence[Piece], mentioned: Collection[str], size: int) -> list[int]:
    """The places of pieces, those first that are to be shown first, at least as many as fit."""
    index = dict.fromkeys([term for text in mentioned for term in words(text)], 1)
    said = [not piece.common and bool(_said(piece, index)) for piece in pieces]
    chosen = {
        piece.record for piece, there in zip(pieces, said, strict=True) if there and piece.record
    }
    scores = [
        USER * there + USER * (piece.record in chosen) + piece.worth
        for piece, there in zip(pieces, said, strict=True)
    ]
    names: dict[str, int] = {}
    for at, piece in enumerate(pieces):
        if piece.names and not named_by_path(piece):
            names.setdefault(piece.record, at)
    found: dict[int, None] = {}
    for at in sorted(range(len(pieces)), key=lambda at: -scores[at])[:size]:
        found.setdefault(names.get(pieces[at].record, at))
        found.setdefault(at)
    return list(found)
