"""The note that a conversation opens with when it goes on after a long pause: what it was about,
what was decided, what is open. Nothing is invented: every line quotes a message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from memory_app.core.passages import Passage, Point
from memory_app.core.retention import Verdict

DECIDED = ("decision", "correction", "constraint", "preference", "answer")
PROMISED = ("commitment",)
MOST_OF_A_KIND = 3
QUOTE = 160
SHARE = 0.5
"""Of the room of a summary that such a note may take; the summary itself has the rest."""


def note(
    passages: Sequence[Passage],
    verdicts: Mapping[int, Verdict],
    *,
    size: int,
    count: Callable[[str], int],
) -> list[Point]:
    """The lines of the note, newest of each kind first, within `size` tokens."""
    found: list[Point] = []
    for point in _points(passages, verdicts):
        cost = count(point.text) + 3
        if cost <= size:
            found.append(point)
            size -= cost
    return found


def _points(passages: Sequence[Passage], verdicts: Mapping[int, Verdict]) -> Iterator[Point]:
    newest = [passage for passage in reversed(passages) if passage.text.strip()]
    asked = next((passage for passage in newest if passage.role == "user"), None)
    if asked is not None:
        yield _point("last time", asked)
    open_ = _open_question(newest)
    if open_ is not None:
        yield _point("open", open_)
    yield from _of_rules("decided", newest, verdicts, DECIDED)
    yield from _of_rules("promised", newest, verdicts, PROMISED)


def _open_question(newest: Sequence[Passage]) -> Passage | None:
    """The last message, where it asks something that nobody answered."""
    if newest and newest[0].text.rstrip().endswith(("?", "\uff1f")):
        return newest[0]
    return None


def _of_rules(
    label: str, newest: Sequence[Passage], verdicts: Mapping[int, Verdict], rules: Sequence[str]
) -> Iterator[Point]:
    said = [
        passage
        for passage in newest
        if passage.seq in verdicts and verdicts[passage.seq].rule in rules
    ]
    for passage in said[:MOST_OF_A_KIND]:
        yield _point(label, passage)


def _point(label: str, passage: Passage) -> Point:
    text = " ".join(passage.text.split())
    short = text if len(text) <= QUOTE else f"{text[:QUOTE].rsplit(' ', 1)[0]} [...]"
    return Point(f"{label}: {short}", (passage.seq,), 0.95)
