"""What is done to facts from their lists: what it changed, what the list says of it, and its undo.

Each fact is changed in a transaction of its own, by the same doors as the API. A deed remembers the
facts it changed by number and the revision it gave each; an undo puts them back to the revision
before, all of one deed or none, and only where nobody has changed them since. It travels in the
address, signed, as `told` does for sessions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.template.defaultfilters import pluralize

from memory_app import facts
from memory_app.facts import By, Decide, Edits
from sessions_app.core.errors import HoldfastError, NotFound, StorageFull, StoreUnavailable
from sessions_app.store.base import Guard
from sessions_app.store.durable import DurableStore

from . import amounts, leftovers, signed

Revised = tuple[int, int]
"""A fact by its number, and the revision that it was given."""


@dataclass(slots=True)
class Deed:
    """What was done: for each fact what was revised with it, itself among these; how many it was
    nothing new to, and how many could not be, by the code of the reason."""

    did: str
    done: list[list[Revised]] = field(default_factory=list)
    same: int = 0
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Note:
    """The same in words; `undo` is what the form for the undo posts, empty without one."""

    text: str
    more: list[str]
    undo: str


# -- done ----------------------------------------------------------------------------------------


def one(
    store: DurableStore, project: int, fact: UUID, decide: Decide, by: By, *, expected: int
) -> list[Revised]:
    """Changes a fact that is at a revision; what was revised. Raises what `facts.change` does."""
    return _changed(store, project, fact, decide, by, Guard(expected=expected))


def each(
    store: DurableStore, project: int, wanted: Sequence[UUID], change: tuple[str, Decide], by: By
) -> Deed:
    """Changes all of these facts; what stands in the way of one is counted, and the others go
    on."""
    did, decide = change

    def step(fact: UUID) -> list[Revised]:
        return _changed(store, project, fact, decide, by, Guard())

    return _all(did, wanted, step)


def undone(store: DurableStore, project: int, deed: Deed, by: By) -> Deed:
    """Puts back what a deed changed."""
    numbers = [number for revised in deed.done for number, _ in revised]
    rows = facts.of_project(store, project).filter(number__in=numbers)
    with store.db.reading():
        ids: dict[int, UUID] = dict(rows.values_list("number", "id"))

    def step(revised: Sequence[Revised]) -> list[Revised]:
        with store.db.transaction():
            return [
                put_back
                for number, revision in revised
                for put_back in _put_back(store, project, (ids.get(number), revision), by)
            ]

    return _all("undo", deed.done, step)


def _put_back(
    store: DurableStore, project: int, revised: tuple[UUID | None, int], by: By
) -> list[Revised]:
    fact, revision = revised
    if fact is None:
        raise NotFound
    guard = Guard(expected=revision)
    return _changed(store, project, fact, facts.reverting(revision - 1), by, guard)


def _changed(
    store: DurableStore, project: int, fact: UUID, decide: Decide, by: By, guard: Guard
) -> list[Revised]:
    revised: list[Revised] = []

    def deciding(edits: Edits, found: Any) -> None:
        decide(edits, found)
        revised[:] = edits.revised  # a second try begins anew

    facts.change(store, project, fact, deciding, by, guard)
    return revised


def _all(did: str, wanted: Sequence[Any], step: Callable[[Any], list[Revised]]) -> Deed:
    deed = Deed(did)
    for place, each_of in enumerate(wanted):
        try:
            revised = step(each_of)
        except (StoreUnavailable, StorageFull) as error:
            deed.failed[error.code] += len(wanted) - place
            break
        except HoldfastError as error:
            deed.failed[error.code] += 1
        else:
            if revised:
                deed.done.append(revised)
            else:
                deed.same += 1
    return deed


# -- told ----------------------------------------------------------------------------------------

_SAID: Mapping[str, tuple[str, str]] = {
    "accept": ("accepted", "accepted already"),
    "dismiss": ("dismissed", "dismissed already"),
    "merge": ("merged", "merged already"),
    "retire": ("retired", "retired already"),
    "pin": ("pinned", "pinned already"),
    "undo": ("put back as before", "so already"),
    "add": ("stored", "stored already"),
}
_UNDOABLE = ("accept", "dismiss", "merge", "retire", "pin")
_REASONS = {
    "stale_version": "changed meanwhile",
    "session_deleted": "of a session that was deleted",
}


def write(project: int, deed: Deed) -> str:
    """As text for an address that only this installation could have written."""
    values = [deed.did, deed.done, deed.same, dict(deed.failed)]
    return signed.write("deeds", project, values)


def read(project: int, text: str) -> Deed | None:
    """What `write` was given; None for any other text, and after a day."""
    values = signed.read("deeds", project, text)
    if values is None:
        return None
    did, done, same, failed = values
    groups = [[(number, revision) for number, revision in revised] for revised in done]
    return Deed(did, groups, same, Counter(failed))


def note(deed: Deed, text: str) -> Note:
    """The words for what was done; `text` is what it was read from."""
    done, same = _SAID[deed.did]
    many = len(deed.done)
    more = [
        *_gave_way(deed),
        *leftovers.same(same, deed.same),
        *leftovers.left(deed.failed, _REASONS),
    ]
    undo = text if many and deed.did in _UNDOABLE else ""
    return Note(f"{_facts(many)} {done}.", more, undo)


def _facts(many: int) -> str:
    return f"{amounts.count(many) if many else 'No'} fact{pluralize(many or 1)}"


def _gave_way(deed: Deed) -> list[str]:
    many = sum(len(revised) - 1 for revised in deed.done)
    return [f"{_facts(many)} gave way."] if deed.did == "accept" and many else []
