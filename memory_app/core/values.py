"""What tools returned and people said, as the values that the next calls are likely to need.

A tool's answer is stored whole and shown as values: JSON taken apart to `path=value`, of which
those come first that people or the assistant spoke of, that earlier calls used, and that name
something; the fields of a record follow what was chosen of it, the newest come before the older.
One line a message, so that a model reads a record as one thing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from memory_app.core.excerpts import EDGE, ERROR, PER_TOKEN, by_worth, excerpt, most, narrowed
from memory_app.core.flattening import Cell, cells, flatten, taken_apart
from memory_app.core.passages import SPOKEN, Passage, Point
from sessions_app.core.words import words

__all__ = ["Analysis", "Value", "analysis", "block", "excerpt", "flatten", "shorten", "shown"]

Count = Callable[[str], int]

LONG = 240
"""Characters of a value above which it is looked at line by line."""
MOST_SHORTENED = 20_000
"""Values of one answer that are looked at when it is shortened alone."""
PARTS = 60
"""Parts of one long text that are ranked, those first that tell most."""
ARGUMENTS = 60
"""Characters of arguments that a result is headed with."""
HIGHEST = 14.0
"""The score of a value that nearly everything speaks for."""
MET = 12
"""Times a value was met beyond which one more makes no difference."""
COMMON = frozenset(("true", "false", "null", "[]", "{}", ""))
WEIGHTS = {
    "user": 4.0,
    "assistant": 0.5,
    "used": 1.0,
    "name": 1.5,
    "wanted": 2.0,
    "newness": 1.0,
    "mentioned": 2.0,
    "chosen": 2.5,
    "frequent": -1.0,
    "long": -1.0,
    "repeated": -3.0,
    "met": -1.0,
    "error": 1.0,
    "said": 4.0,
    "answered": 0.0,
    "valued": 1.0,
    "fresh": 1.0,
    "common": 0.2,
    "root": 0.5,
    "edge": 0.3,
}

_NAME = re.compile(
    r"(?=\S*\d)(?=\S*[^\W\d])\S{4,}|\d{4,}|\S+@\S+\.\S+|https?://\S+|/?[\w.-]+(?:/[\w.-]+)+"
    r"|[A-Z]{2,}[A-Z0-9_-]*"
)
_KEY = re.compile(
    r"(?:.*[_.-])?(?:id|key|number|no|code|uuid|sha|slug|ref|name|path|file|url)|.*(?<=[a-z])Id"
)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)\b")
_SENTENCE = re.compile(r"(?<=\D[.!?])\s+|\s*\n\s*|(?<=[\u3002\uff01\uff1f])")
_ELEMENT = re.compile(r"(.+)\[\d+\]")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_QUOTED = re.compile(r"[=;\"]|: |^\s|\s$|^$")


class Value(NamedTuple):
    """A value that a tool returned: where in its message, as written, and how much it matters."""

    path: str
    text: str
    seq: int
    rank: float


class Piece(NamedTuple):
    """The smallest thing that is shown or left out: a value, or a part of a text.

    It is the part number `part`, from 0, `of` so many of its text. `terms` are its words and
    `handles` those of them by which an id is called for short (4421486). `name` says that it names something (an id, a code,
    a date, an address), `common` that it is found everywhere (true, 3), `error` that it tells of
    one.
    """

    record: str
    path: str
    text: str
    part: int
    of: int
    terms: tuple[str, ...]
    handles: tuple[str, ...]
    name: int
    common: bool
    error: bool


class Called(NamedTuple):
    """A tool call: the tool, and its arguments as pieces."""

    tool: str
    pieces: tuple[Piece, ...]


class Analysis(NamedTuple):
    """What there is to show of one message; depends on nothing but the message, so it can be made
    once and kept. `text` is what was said in it and `terms` its words; "" of a tool's answer."""

    seq: int
    role: str
    author: str
    pieces: tuple[Piece, ...]
    calls: tuple[Called, ...]
    text: str
    terms: tuple[str, ...]


# -- one message ---------------------------------------------------------------------------------


def analysis(passage: Passage) -> Analysis:
    """What there is to show of this message."""
    calls = tuple(
        Called(tool, tuple(_of_cells(cells(arguments)))) for tool, arguments in passage.calls
    )
    text = passage.text if passage.role in SPOKEN else ""
    found = tuple(_of_speech(text) if text else _of_answer(passage.text))
    return Analysis(
        passage.seq, passage.role, passage.author, found, calls, text, tuple(words(text))
    )


def _of_answer(text: str) -> Iterator[Piece]:
    found, prose = taken_apart(text)
    yield from _of_cells(found)
    if prose.strip():
        yield from _of_text("", "", prose.strip())


def _of_cells(found: Iterable[Cell]) -> Iterator[Piece]:
    for record, path, text in found:
        if len(text) > LONG:
            yield from _of_text(record, path, text)
        else:
            yield _piece(record, path, text)


def _of_text(record: str, path: str, text: str) -> Iterator[Piece]:
    """The lines of a text that tell most of it."""
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    for at in sorted(islice(by_worth(lines), PARTS)):
        yield _piece(record, path, narrowed(lines[at].strip(), LONG), at, len(lines))


def _of_speech(text: str) -> Iterator[Piece]:
    sentences = [part for part in _SENTENCE.split(text) if part and not part.isspace()]
    for at in sorted(islice(by_worth(sentences), PARTS)):
        yield _piece("", "", narrowed(sentences[at].strip(), LONG), at, len(sentences))


def _piece(record: str, path: str, text: str, part: int = 0, of: int = 1) -> Piece:
    terms = tuple(words(text[:LONG]))
    dated = _DATE.match(text) is not None
    handles = () if dated else tuple(term for term in terms if _digits(term) > 3)
    common = text in COMMON or (len(text) < 3 and text.isdigit())
    key = path.rpartition(".")[2].partition("[")[0]
    name = 0 if common else bool(_NAME.fullmatch(text)) + bool(_KEY.fullmatch(key))
    return Piece(
        record, path, text, part, of, terms, handles, name, common, bool(ERROR.search(text))
    )


def _digits(term: str) -> int:
    return sum(map(str.isdigit, term))


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
            keys.update([_key(piece.path) for piece in call.pieces])
    user.update(dict.fromkeys(words(query), last))
    return _Known(user, assistant, used, frozenset(keys), counts, last or 1)


def _key(path: str) -> str:
    return path.rpartition(".")[2].partition("[")[0]


def _said(piece: Piece, index: dict[str, int]) -> int:
    """The last message that has all words of a piece, or a number that an id is called by; 0."""
    if piece.terms:
        least = min([index.get(term, 0) for term in piece.terms])
        if least:
            return least
    return max([index.get(term, 0) for term in piece.handles], default=0)


# -- lines ---------------------------------------------------------------------------------------


class _Line(NamedTuple):
    """A line of the block: what it is headed with, its messages, arguments and pieces."""

    head: str
    role: str
    seqs: tuple[int, ...]
    arguments: tuple[Piece, ...]
    pieces: tuple[Piece, ...]


def _lines(messages: Iterable[Analysis]) -> list[_Line]:
    """A line for what was said in a message, one for each call with its answer. Answers come in
    the order of their calls."""
    found: list[_Line] = []
    open_calls: list[int] = []
    for message in messages:
        if message.role == "tool" and open_calls:
            at = open_calls.pop(0)
            line = found[at]
            found[at] = line._replace(seqs=(*line.seqs, message.seq), pieces=message.pieces)
            continue
        if message.role == "tool":
            head = message.author or "tool"
            found.append(_Line(head, "tool", (message.seq,), (), message.pieces))
            continue
        if message.pieces:
            found.append(_Line(message.role, message.role, (message.seq,), (), message.pieces))
        open_calls = []
        for call in message.calls:
            open_calls.append(len(found))
            found.append(_Line(call.tool, "tool", (message.seq,), call.pieces, ()))
    return found


class _Item(NamedTuple):
    """A piece in its line: `place` counts the arguments and then the pieces of the line."""

    score: float
    line: int
    place: int
    piece: Piece


def _items(lines: Sequence[_Line], known: _Known) -> list[_Item]:
    """All pieces with their scores, in order."""
    found: list[_Item] = []
    for number, line in enumerate(lines):
        newness = line.seqs[-1] / known.last
        if line.role == "tool":
            scores = _scores((*line.arguments, *line.pieces), newness, known)
        else:
            weight = WEIGHTS["said"] if line.role == "user" else WEIGHTS["answered"]
            scores = [weight + _speech(piece, newness, known) for piece in line.pieces]
        both = (*line.arguments, *line.pieces)
        found += [
            _Item(score, number, place, piece)
            for place, (score, piece) in enumerate(zip(scores, both, strict=True))
        ]
    return found


def _speech(piece: Piece, newness: float, known: _Known) -> float:
    valued = any(map(_digits, piece.terms))
    fresh = [t for t in piece.terms if t not in known.user and t not in known.used]
    return (
        WEIGHTS["newness"] * newness
        + WEIGHTS["valued"] * valued
        + WEIGHTS["fresh"] * len(fresh) / (len(piece.terms) + 1)
    )


def _scores(pieces: Sequence[Piece], newness: float, known: _Known) -> list[float]:
    """How likely each piece of a call and its answer is needed again."""
    marks = [_marks(piece, known) for piece in pieces]
    chosen: dict[str, float] = {}
    for piece, (own, when) in zip(pieces, marks, strict=True):
        if own and not piece.common and (piece.name or known.counts[piece.text] < 3):
            strength = min(own, 4.0) / 4 * (1 + when / known.last) / 2
            chosen[piece.record] = max(chosen.get(piece.record, 0.0), strength)
    return [
        _score(piece, own, when / known.last, chosen, known) + WEIGHTS["newness"] * newness
        for piece, (own, when) in zip(pieces, marks, strict=True)
    ]


def _marks(piece: Piece, known: _Known) -> tuple[float, int]:
    """What a piece earns by having been said or used, and when that was last."""
    user, assistant = _said(piece, known.user), _said(piece, known.assistant)
    used = known.used.get(piece.text, 0)
    own = (
        WEIGHTS["user"] * (user > 0)
        + WEIGHTS["assistant"] * (assistant > 0)
        + WEIGHTS["used"] * (used > 0)
    )
    return own, max(user, assistant, used)


def _score(piece: Piece, own: float, when: float, chosen: dict[str, float], known: _Known) -> float:
    around = max(chosen.get(piece.record, 0.0), chosen.get("", 0.0) * WEIGHTS["root"])
    if piece.of > 1:
        # Lines of a text are no fields of a record: one that was spoken of says nothing of others.
        around = WEIGHTS["edge"] * (min(piece.part, piece.of - 1 - piece.part) < EDGE)
    return (
        (own * (0.2 if piece.common else 1.0))
        + WEIGHTS["mentioned"] * when
        + WEIGHTS["name"] * piece.name
        + WEIGHTS["wanted"] * (_key(piece.path) in known.keys)
        + WEIGHTS["chosen"] * around
        + WEIGHTS["error"] * piece.error
        + WEIGHTS["frequent"] * (known.counts[piece.text] > 4)
        + WEIGHTS["long"] * min(len(piece.text) / LONG, 1)
    )


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
    asked now."""
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
    order = _order(lines, items, _Standing(near))
    return _within(lines, order, size, count)


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


def _order(lines: Sequence[_Line], items: Sequence[_Item], there: _Standing) -> list[_Item]:
    """The items, those first that are to be shown first. A value that stands already falls back,
    the further the more often it was met; an item brings along what its record is called by."""
    best: dict[str, _Item] = {}
    met: Counter[str] = Counter()
    for item in items:
        text = item.piece.text
        met[text] += 1
        if text not in best or best[text] < item:
            best[text] = item

    def rank(item: _Item) -> tuple[float, int]:
        text = item.piece.text
        again = best[text] is not item or item.piece in there
        fall = WEIGHTS["repeated"] + WEIGHTS["met"] * min(met[text], MET) if again else 0.0
        return -item.score - fall, -item.line

    leads = _leads(lines, items)
    found: dict[tuple[int, int], _Item] = {}
    for item in sorted(items, key=rank):
        for lead in leads.get((item.line, item.piece.record), ()):
            found.setdefault((lead.line, lead.place), lead)
        found.setdefault((item.line, item.place), item)
    return list(found.values())


def _leads(lines: Sequence[_Line], items: Sequence[_Item]) -> dict[tuple[int, str], list[_Item]]:
    """By line and record, what its other values cannot be understood without: the arguments of
    the call if they are short, and the value that names the record."""
    found: dict[tuple[int, str], list[_Item]] = {}
    heads: dict[int, list[_Item]] = {}
    for item in items:
        line = lines[item.line]
        if item.place < len(line.arguments):
            heads.setdefault(item.line, []).append(item)
            continue
        record = (item.line, item.piece.record)
        if record not in found:
            arguments = heads.get(item.line, [])
            short = sum(len(lead.piece.text) for lead in arguments) <= ARGUMENTS
            found[record] = list(arguments) if short else []
            if line.role == "tool" and item.piece.name and not _called(item.piece):
                found[record].append(item)
    return found


def _called(piece: Piece) -> bool:
    """Whether the path of a record says already what it is called by."""
    return bool(piece.record) and piece.record.rpartition(".")[2] == piece.text


def _within(lines: Sequence[_Line], order: Sequence[_Item], size: int, count: Count) -> list[Point]:
    """The most of the items in this order whose lines fit."""
    counted: dict[str, int] = {}

    def cost(points: Iterable[Point]) -> int:
        total = 0
        for point in points:
            if point.text not in counted:
                counted[point.text] = count(point.text + "\n")
            total += counted[point.text]
        return total

    taken = most(len(order), lambda number: cost(_points(lines, order[:number])) <= size)
    best = _points(lines, order[:taken])
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
        score = min(1.0, max(0.0, max(item.score for item in there) / HIGHEST))
        there.sort(key=lambda item: item.place)
        found.append(Point(_text(line, there), line.seqs, score))
    return found


def _text(line: _Line, items: Sequence[_Item]) -> str:
    pieces = [item.piece for item in items]
    if line.role != "tool":
        return f"{line.head}: {_parts(pieces, ' ')}"
    arguments = [item.piece for item in items if item.place < len(line.arguments)]
    answer = pieces[len(arguments) :]
    text = f"{_safe(line.head)}({'; '.join(_by_record(arguments))})"
    if answer:
        text = f"{text}: {'; '.join(_by_record(answer))}"
    left = len(line.arguments) + len(line.pieces) - len(pieces)
    return f"{text} (+{left})" if left else text


def _by_record(pieces: Iterable[Piece]) -> list[str]:
    """A text for each record: `flights[0]: flight_number=HAT136 date=2024-05-20`."""
    records: dict[str, list[Piece]] = {}
    for piece in pieces:
        records.setdefault(piece.record, []).append(piece)
    return [_record(record, found) for record, found in records.items()]


def _record(record: str, pieces: Sequence[Piece]) -> str:
    fields: dict[str, list[Piece]] = {}
    for piece in pieces:
        if not _called(piece):
            element = _ELEMENT.fullmatch(piece.path)
            fields.setdefault(element[1] if element else piece.path, []).append(piece)
    texts = [_field(path, found) for path, found in fields.items()]
    if not record:
        return " ".join(texts)
    return f"{_safe(record)}: {' '.join(texts)}" if texts else _safe(record)


def _field(path: str, pieces: Sequence[Piece]) -> str:
    """A value, a list of values, or the lines of a text, with its path."""
    first = pieces[0]
    if first.path != path:
        text = _listed(path, pieces)
    elif first.of > 1:
        text = _parts(pieces, "\\n")
    elif path:
        text = " ".join([_quoted(piece.text) for piece in pieces])
    else:
        text = _safe(first.text)
    return f"{_safe(path)}={text}" if path else text


def _listed(path: str, pieces: Sequence[Piece]) -> str:
    """The elements of a list; ... stands for those between that are not shown."""
    texts = []
    expected = 0
    for piece in pieces:
        place = int(piece.path[len(path) + 1 : -1])
        if place > expected:
            texts.append("...")
        texts.append(_quoted(piece.text))
        expected = place + 1
    return f"[{', '.join(texts)}]"


def _parts(pieces: Sequence[Piece], border: str) -> str:
    """Parts of one text, each gap marked."""
    texts = []
    expected = 0
    for piece in pieces:
        if piece.part > expected:
            texts.append("...")
        texts.append(_safe(piece.text))
        expected = piece.part + 1
    if expected < pieces[-1].of:
        texts.append("...")
    return border.join(texts)


def _quoted(text: str) -> str:
    """A value as it stands; in quotes where it could be read as more than one."""
    safe = _safe(text)
    if not _QUOTED.search(safe):
        return safe
    escaped = safe.replace('"', '\\"')
    return f'"{escaped}"'


def _safe(text: str) -> str:
    """A text on one line: what a reader does not see, or a terminal obeys, as an escape."""
    return _UNSAFE.sub(lambda found: _escape(found[0]), text)


def _escape(char: str) -> str:
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char) or f"\\u{ord(char):04x}"


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
    pieces = list(_of_cells(found))
    if prose.strip():
        pieces += _of_text("", "", prose.strip())
    order = _by_mention(pieces, mentioned, size * PER_TOKEN)

    def written(taken: int) -> str:
        lines = _by_record([pieces[at] for at in sorted(order[:taken])])
        left = len(pieces) - taken
        return "\n".join([*lines, f"[... {left:,} more values left out ...]"] if left else lines)

    taken = most(len(order), lambda number: count(written(number)) <= size)
    told = written(taken)
    return told if taken or count(told) <= size else ""


def _by_mention(pieces: Sequence[Piece], mentioned: Collection[str], room: int) -> list[int]:
    """The places of pieces, those first that are to be shown first, about as many as fit into
    `room` characters."""
    index = dict.fromkeys([term for text in mentioned for term in words(text)], 1)
    exact = frozenset(mentioned)
    said = [piece.text in exact or bool(_said(piece, index)) for piece in pieces]
    chosen = {
        piece.record
        for piece, there in zip(pieces, said, strict=True)
        if there and piece.record and not piece.common
    }
    scores = [
        3 * there * (not piece.common) + 2 * (piece.record in chosen) + piece.name + piece.error
        for piece, there in zip(pieces, said, strict=True)
    ]
    names: dict[str, int] = {}
    for at, piece in enumerate(pieces):
        if piece.name and not _called(piece):
            names.setdefault(piece.record, at)
    found: dict[int, None] = {}
    for at in sorted(range(len(pieces)), key=lambda at: -scores[at]):
        for place in (names.get(pieces[at].record, at), at):
            if place not in found:
                found[place] = None
                room -= len(pieces[place].text)
        if room < 0:
            break
    return list(found)
