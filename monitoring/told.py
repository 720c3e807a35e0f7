"""What a form has done, told by the list it leads back to, and how to undo it.

It travels in the address, signed; whoever may change sessions may undo it for a day. It names
sessions by number, as cursors do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from django.template.defaultfilters import pluralize

from . import amounts, leftovers, signed
from .bulk import Outcome


@dataclass(frozen=True, slots=True)
class Told:
    """What was done, to which sessions by the status they had, to how many it was nothing new, how
    many could not be by the code of the reason; `of` is the tag or the view that it was about."""

    did: str
    done: Mapping[str, Sequence[int]] = field(default_factory=dict)
    same: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """The same in words: what was done, the tag or view it was about, and the rest. `undo` is what
    the form for the undo posts."""

    text: str
    name: str
    more: list[str]
    undo: str


@dataclass(frozen=True, slots=True)
class _Words:
    done: str
    same: str = ""
    one: str = ""
    many: str = ""


_ARCHIVED = "out of the list; a search and the status Archived find"
_SAID: Mapping[str, _Words] = {
    "archive": _Words(
        "archived", "archived already", f"It is {_ARCHIVED} it.", f"They are {_ARCHIVED} them."
    ),
    "tag": _Words("tagged", "tagged so already"),
    "delete": _Words("deleted", one="It is purged in 7 days.", many="They are purged in 7 days."),
    "unarchive": _Words("taken out of the archive", "not archived any more"),
    "untag": _Words("no longer tagged", "without the tag already"),
    "restore": _Words("restored", "not deleted any more"),
    "delete_view": _Words("View deleted:"),
    "keep_view": _Words("View kept again:"),
    "save_view": _Words("View saved for all members:"),
}
UNDONE_BY = {
    "archive": "unarchive",
    "tag": "untag",
    "delete": "restore",
    "delete_view": "keep_view",
}
_REASONS = {
    "session_deleted": "deleted meanwhile",
    "too_long": "full of tags",
}


def of(did: str, outcome: Outcome, *about: str) -> Told:
    """What came of a change to many sessions."""
    return Told(did, outcome.done, outcome.same, outcome.failed, about)


def write(project: int, told: Told) -> str:
    """As text for an address that only this installation could have written."""
    done = {status: _steps(numbers) for status, numbers in told.done.items()}
    values = [told.did, done, told.same, dict(told.failed), told.of]
    return signed.write("told", project, values)


def read(project: int, text: str) -> Told | None:
    """What `write` was given; None for any other text, and after a day."""
    values = signed.read("told", project, text)
    if values is None:
        return None
    did, done, same, failed, about = values
    numbers = {status: list(accumulate(steps)) for status, steps in done.items()}
    return Told(did, numbers, same, failed, tuple(about))


def _steps(numbers: Sequence[int]) -> list[int]:
    """From each number to the next: of 500 sessions that still fits into an address."""
    ordered = [0, *sorted(numbers)]
    return [after - before for before, after in pairwise(ordered)]


def note(told: Told, text: str) -> Note:
    """The words for what was done; `text` is what it was read from."""
    words = _SAID[told.did]
    done = sum(map(len, told.done.values()))
    undoable = told.did in UNDONE_BY and (done or told.did.endswith("_view"))
    return Note(
        words.done if told.did.endswith("_view") else f"{_sessions(done)} {words.done}",
        next(iter(told.of), ""),
        [
            *_after(words, done),
            *leftovers.same(words.same, told.same),
            *leftovers.left(told.failed, _REASONS),
        ],
        text if undoable else "",
    )


def _sessions(count: int) -> str:
    return f"{amounts.count(count) if count else 'No'} session{pluralize(count or 1)}"


def _after(words: _Words, done: int) -> list[str]:
    said = {0: "", 1: words.one}.get(done, words.many)
    return [said] if said else []
