"""Fate honesty: what a summary carries for its tokens, and whether the audit can be lied to.

The lies are made from sentences of real conversations, shortened: numbers or dates of two
subjects swapped, a date moved, an id altered, a "not" dropped. The item that was lied about must
be lost, and what was only shortened must be kept. An item that another line says as well is left
out: without its line it would be carried just the same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple

from bench.quality.rows import Row, load
from memory_app.core import marks
from memory_app.core.audit import Item, audit, carried, quotes
from memory_app.core.passages import Passage, passage
from memory_app.core.scope import subject_stems
from memory_app.core.summarise import render, summarise
from sessions_app.core import tokens

GATE = "6 fate honesty"
ENCODER = "o200k_base"
SIZES = (250, 500, 1_000)
FOLDED = 4_000
"""Tokens of messages that are folded into one summary."""
RUNS = 3
"""Of the agent runs every third is looked at: they are several tries at the same tasks."""
WINDOW = 12
"""Messages whose sentences stand beside the one that is lied about."""
LOST, KEPT = 98.0, 95.0
_FILLERS = frozenset(
    (
        "a",
        "an",
        "the",
        "really",
        "just",
        "very",
        "so",
        "that",
        "well",
        "please",
        "also",
        "then",
        "quite",
        "actually",
        "definitely",
    )
)

Conversation = list[Passage]


def measure() -> Iterator[Row]:
    """The rows of this gate. Raises NoData."""
    kinds = {"chats": list(chats()), "agent runs": list(runs()), "services": list(services())}
    for name, conversations in kinds.items():
        yield from _carried(name, conversations)
    everything = [one for conversations in kinds.values() for one in conversations]
    yield from lies(everything)
    yield from truths(everything)


# -- conversations -------------------------------------------------------------------------------


def chats() -> Iterator[Conversation]:
    for sample in load("locomo_dev4.json"):
        said = sample["conversation"]
        sessions = [key for key in said if re.fullmatch(r"session_\d+", key)]
        sessions.sort(key=lambda key: int(key.split("_")[1]))
        turns = [turn for key in sessions for turn in said[key]]
        yield _numbered(Passage(0, "user", turn["text"], turn["speaker"]) for turn in turns)


def runs() -> Iterator[Conversation]:
    for run in load("tau_airline_dev.json")[::RUNS]:
        yield [_sent(seq, body) for seq, body in enumerate(run["traj"][1:], 1)]


def services() -> Iterator[Conversation]:
    for dialogue in load("sgd_dev_001.json"):
        yield _numbered(
            Passage(0, "user" if turn["speaker"] == "USER" else "assistant", turn["utterance"])
            for turn in dialogue["turns"]
        )


def _sent(seq: int, body: dict[str, Any]) -> Passage:
    found = passage(
        seq,
        body["role"],
        "openai",
        {key: value for key, value in body.items() if value is not None},
    )
    return _counted(found)


def _numbered(passages: Iterable[Passage]) -> Conversation:
    return [_counted(one._replace(seq=seq)) for seq, one in enumerate(passages, 1)]


def _counted(one: Passage) -> Passage:
    words = one.text + "".join(name + arguments for name, arguments in one.calls)
    return one._replace(tokens=count(words) + 3)


def count(text: str) -> int:
    return tokens.count_text(text, ENCODER)


# -- what a summary carries ----------------------------------------------------------------------


def _carried(name: str, conversations: Sequence[Conversation]) -> Iterator[Row]:
    folds = [fold for conversation in conversations for fold in _folds(conversation)]
    for size in SIZES:
        ways = {"ours": ours, "first sentences": first_sentences, "last messages": last_messages}
        shares = {way: [_share(fold, make, size) for fold in folds] for way, make in ways.items()}
        own = shares.pop("ours")
        beside = tuple((way, fmean(share for share, _ in found)) for way, found in shares.items())
        figure = fmean(share for share, _ in own)
        error = stdev(share for share, _ in own) / len(own) ** 0.5 if len(own) > 1 else None
        yield Row(GATE, f"items carried, {name}, {size} tokens", figure, error, None, beside)
        rates = [(way, _rate(found)) for way, found in shares.items()]
        yield Row(
            GATE, f"items carried per 100 tokens, {name}, {size}", _rate(own), beside=tuple(rates)
        )


def _folds(conversation: Conversation) -> Iterator[Conversation]:
    fold: Conversation = []
    for one in conversation:
        fold.append(one)
        if sum(one.tokens for one in fold) >= FOLDED:
            yield fold
            fold = []
    if fold and (len(fold) == len(conversation) or sum(one.tokens for one in fold) > FOLDED // 2):
        yield fold


Way = Callable[[Conversation, int], str]


def _share(fold: Conversation, make: Way, size: int) -> tuple[float, float]:
    """The share of items carried in per cent, and the items carried per 100 tokens."""
    text = make(fold, size)
    found = audit(fold, [text])
    some = sum(some for some, _ in found.kinds.values())
    return 100 * found.score, 100 * some / max(1, count(text))


def _rate(found: Sequence[tuple[float, float]]) -> float:
    return fmean(rate for _, rate in found)


def ours(fold: Conversation, size: int) -> str:
    scores = {one.seq: 0.5 for one in fold}
    return render(summarise([], fold, scores=scores, size=size, count=count))


def first_sentences(fold: Conversation, size: int) -> str:
    firsts = (one.text[start:end] for one in fold for start, end in _first(one.text))
    return _as_many(firsts, size)


def _first(text: str) -> list[tuple[int, int]]:
    return list(marks.sentences(text[:2_000]))[:1]


def last_messages(fold: Conversation, size: int) -> str:
    return _as_many((one.text for one in reversed(fold)), size)


def _as_many(texts: Iterable[str], size: int) -> str:
    """As many of the texts as fit, the last one cut."""
    chosen: list[str] = []
    left = size
    for text in texts:
        cost = count(text) + 1
        if cost > left:
            chosen.append(text[: len(text) * left // cost])
            break
        chosen.append(text)
        left -= cost
    return "\n".join(chosen)


# -- lies ----------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A sentence, shortened, with the items it holds."""

    text: str
    items: tuple[Item, ...]


def _lines(conversation: Conversation) -> Iterator[list[Line]]:
    """The shortened sentences of each WINDOW messages."""
    for start in range(0, len(conversation), WINDOW):
        lines = [
            Line(_shortened(text), held)
            for one in conversation[start : start + WINDOW]
            for text, held in quotes(one)
        ]
        if len(lines) > 1:
            yield lines


def _shortened(text: str) -> str:
    return " ".join(word for word in text.split() if word.lower() not in _FILLERS)


def truths(conversations: Sequence[Conversation]) -> Iterator[Row]:
    for name, shorten in (("without fillers", _shortened), ("eight words around", None)):
        kept: list[bool] = []
        for conversation in conversations[:: max(1, len(conversations) // 60)]:
            for one in conversation:
                for text, held in quotes(one):
                    for item in held:
                        short = shorten(text) if shorten else _around(text, item)
                        kept += carried([item], [short])
        yield Row(GATE, f"truth kept, {name}", 100 * fmean(kept), target=KEPT)


def _around(text: str, item: Item) -> str:
    words = text.split()
    first = item.text.split()[0]
    at = next((at for at, word in enumerate(words) if first in word), 0)
    return " ".join(words[max(0, at - 8) : at + 9])


Lie = Callable[[Line, Item, Line, Item], tuple[str, str] | None]


def lies(conversations: Sequence[Conversation]) -> Iterator[Row]:
    chance = random.Random(6)
    tried: dict[str, list[bool]] = {name: [] for name in LIES}
    for conversation in conversations:
        for lines in _lines(conversation):
            for name, (kinds, lie) in LIES.items():
                tried[name] += _try(lines, kinds, lie, chance)
    for name, lost in tried.items():
        yield Row(GATE, f"lie found, {name} ({len(lost)})", 100 * fmean(lost), target=LOST)


def _try(lines: list[Line], kinds: Sequence[str], lie: Lie, chance: random.Random) -> list[bool]:
    """Whether the items of one lie in these lines are lost; nothing where none can be told."""
    places = [
        (at, item) for at, line in enumerate(lines) for item in line.items if item.kind in kinds
    ]
    chance.shuffle(places)
    for at, item in places[:6]:
        for other_at, other in places[:6]:
            found = _told(lines, (at, item), (other_at, other), lie)
            if found:
                return found
    return []


def _told(
    lines: list[Line], one: tuple[int, Item], other: tuple[int, Item], lie: Lie
) -> list[bool]:
    changed = lie(lines[one[0]], one[1], lines[other[0]], other[1])
    if changed is None:
        return []
    lied = {one[0]: changed[0], other[0]: changed[1]}
    items = [item for item in dict.fromkeys((one[1], other[1])) if item.text]
    everything = list(dict.fromkeys(item for line in lines for item in line.items))
    honest = _held(items, everything, [line.text for line in lines])
    without = _held(
        items, everything, [line.text for at, line in enumerate(lines) if at not in lied]
    )
    lying = _held(items, everything, [lied.get(at, line.text) for at, line in enumerate(lines)])
    return [
        not still
        for is_held, elsewhere, still in zip(honest, without, lying, strict=True)
        if is_held and not elsewhere
    ]


def _held(items: list[Item], everything: list[Item], texts: list[str]) -> list[bool]:
    found = dict(zip(everything, carried(everything, texts), strict=True))
    return [found[item] for item in items]


def _swap(line: Line, item: Item, other: Line, second: Item) -> tuple[str, str] | None:
    """Two figures of two subjects change places, each of a line that has it once."""
    one, two = subject_stems(item.subject), subject_stems(second.subject)
    if one <= two or two <= one or (":" in item.text) != (":" in second.text):
        return None
    if carried([item._replace(subject="")], [second.text])[0]:
        return None
    if not (_once(line, item) and _once(other, second)):
        return None
    if item.text in other.text or second.text in line.text:
        return None
    return _put(line.text, item.text, second.text), _put(other.text, second.text, item.text)


def _alter(line: Line, item: Item, other: Line, second: Item) -> tuple[str, str] | None:
    """One digit or letter of an id is another."""
    if item is not second or not _once(line, item):
        return None
    last = item.text[-1]
    text = item.text[:-1] + ("7" if last != "7" else "4")
    changed = _put(line.text, item.text, text)
    return changed, changed


def _move(line: Line, item: Item, other: Line, second: Item) -> tuple[str, str] | None:
    """A date becomes the day after, or another day of the week."""
    if item is not second or not _once(line, item):
        return None
    digit = re.search(r"\d(?=\D*$)", item.text)
    if digit:
        text = item.text[: digit.start()] + str((int(digit[0]) + 1) % 10) + item.text[digit.end() :]
    else:
        text = "Tuesday" if item.text.lower() != "tuesday" else "Sunday"
    changed = _put(line.text, item.text, text)
    return changed, changed


def _drop(line: Line, item: Item, other: Line, second: Item) -> tuple[str, str] | None:
    """The negation is left out."""
    if item is not second or not _once(line, item):
        return None
    positive = item.text[:-3] if item.text.endswith(("n't", "n’t")) else ""
    changed = _put(line.text, item.text, positive)
    return changed, changed


def _once(line: Line, item: Item) -> bool:
    return len(re.findall(rf"(?<!\w){re.escape(item.text)}(?!\w)", line.text)) == 1


def _put(text: str, old: str, new: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", lambda _: new, text)


LIES: dict[str, tuple[tuple[str, ...], Lie]] = {
    "numbers swapped": (("number",), _swap),
    "dates swapped": (("date",), _swap),
    "dates moved": (("date",), _move),
    "ids altered": (("id",), _alter),
    "ids swapped": (("id",), _swap),
    "names swapped": (("name",), _swap),
    "negations dropped": (("negation",), _drop),
}


if __name__ == "__main__":
    for row in measure():
        beside = "  ".join(f"{name} {value:.1f}" for name, value in row.beside)
        error = f" ± {row.error:.1f}" if row.error is not None else ""
        print(f"{row.name:55} {row.figure:5.1f}{error}  {row.target or ''}  {beside}")
