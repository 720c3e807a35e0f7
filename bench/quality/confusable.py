"""Gate 9: near-equal turns are told apart, and what was never said brings nothing.

All statements of `confusable.txt` are the history of one user, a session for each heading, the two
of a pair one after the other. Each question must bring the statement it asks for first of all of
them, not just before its twin; a question about what was never said must bring nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from typing import NamedTuple

from bench.quality.rows import Row
from memory_app import minilm
from memory_app.core import worth
from memory_app.core.index import Index, Turn, Vector
from memory_app.core.passages import Passage
from memory_app.core.rank import Ranking, rank
from memory_app.core.retention import read_all

GATE = "confusable turns"
FIRST, NOTHING = 90.0, 100.0
NOW = 1_718_000_000_000_000
_OTHER = "<"
"""Ends the line of a question that asks for the second statement."""


class Pair(NamedTuple):
    """Two near-equal statements, and a question that only `asked` answers."""

    asked: str
    other: str
    question: str


class Written(NamedTuple):
    """The whole set: pairs by session, and questions about what none of them says."""

    sessions: dict[str, list[Pair]]
    statements: list[tuple[str, str]]
    never: list[str]


def measure() -> Iterator[Row]:
    """Two rows without vectors, and two with where the model is installed."""
    written = read()
    yield from _rows(written, "", without)
    if minilm.available():
        yield from _rows(written, ", MiniLM", lambda texts: list(minilm.embed(texts)))


Embed = Callable[[list[str]], Sequence[Vector | None]]


def without(texts: list[str]) -> list[None]:
    """No vectors."""
    return [None] * len(texts)


def _rows(written: Written, name: str, embed: Embed) -> Iterator[Row]:
    first, twin, nothing = outcomes(written, embed)
    beside = (("before its twin", _share(twin)),)
    yield Row(GATE, f"asked one first{name}", _share(first), None, FIRST, beside)
    yield Row(GATE, f"never said brings nothing{name}", _share(nothing), None, NOTHING)


def outcomes(written: Written, embed: Embed) -> tuple[list[bool], list[bool], list[bool]]:
    """Whether each asked statement is first of all, whether it is before its twin, and whether each
    question about what was never said brings nothing."""
    index = history(written, embed)
    places = {turn.text: place for place, turn in enumerate(index.turns)}
    first, twin = [], []
    pairs = [pair for found in written.sessions.values() for pair in found]
    rankings = _asked(index, [pair.question for pair in pairs], embed)
    for pair, ranking in zip(pairs, rankings, strict=True):
        best = ranking.best(1)
        first.append(bool(best) and best[0].turn.text == pair.asked)
        scores = ranking.scores
        twin.append(bool(scores[places[pair.asked]] > scores[places[pair.other]]))
    never = _asked(index, written.never, embed)
    return first, twin, [not ranking.best(1) for ranking in never]


def _asked(index: Index, questions: list[str], embed: Embed) -> Iterator[Ranking]:
    for text, vector in zip(questions, embed(questions), strict=True):
        yield rank(index, text, now=NOW, vector=vector)


def history(written: Written, embed: Embed) -> Index:
    """All statements as turns of one user."""
    passages = [Passage(seq, "user", text) for seq, (_, text) in enumerate(written.statements, 1)]
    worths = worth.scores(passages, read_all(passages))
    names = list(written.sessions)
    vectors = embed([text for _, text in written.statements])
    return Index(
        Turn(names.index(session), passage.seq, "", "user", passage.text, NOW, value, vector)
        for (session, _), passage, value, vector in zip(
            written.statements, passages, worths, vectors, strict=True
        )
    )


def read() -> Written:
    """The set as it stands in the file."""
    written = Written({}, [], [])
    session = ""
    text = (resources.files("bench.quality") / "confusable.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("="):
            session = line.removeprefix("=").strip()
        elif line.startswith("?"):
            written.never.append(line.removeprefix("?").strip())
        elif line and not line.startswith("#"):
            one, other, question = (part.strip() for part in line.split(" | "))
            written.statements.extend([(session, one), (session, other)])
            swapped = question.endswith(_OTHER)
            pair = (
                Pair(other, one, question[:-1].strip()) if swapped else Pair(one, other, question)
            )
            written.sessions.setdefault(session, []).append(pair)
    return written


def _share(found: list[bool]) -> float:
    return 100 * sum(found) / len(found)


if __name__ == "__main__":
    for row in measure():
        print(row)
