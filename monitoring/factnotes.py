"""What a form has done to a fact, told by the page that it leads back to, and how to undo it.

It travels in the address, signed, as that of the list of sessions does: a reload tells it again and
does nothing. An undo is a revert to the revision before, guarded by the one that was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from . import signed

SAME, REVIEWED, UNREVIEWED = "same", "reviewed", "unreviewed"
WORDS: Mapping[str, str] = {
    "edit": "Saved. From the next context on it is told so.",
    "pin": "Pinned: it goes before other facts in every next context.",
    "unpin": "Unpinned: it stands beside the other facts again.",
    "retire": "Retired: it is in no context from now on.",
    "accept": "Accepted: it holds, and what it contradicts gives way.",
    "merge": "Merged: the other fact stands in its place, with the sources of both.",
    "revert": "Back to how it was.",
    "undo": "Undone: it is as it was before.",
    SAME: "Nothing was changed: it is so already.",
    UNREVIEWED: "The marks for review are taken away again.",
}
SPOILING = ("edit", "retire", "merge", "revert")
"""After these the answers that it was in may have been wrong, if they changed what it says."""


class Done(NamedTuple):
    """What was done, which revision it made (0: none), and the places of the answers it marked:
    (number of the session, seq), and when all of them were marked (microseconds)."""

    did: str
    revision: int = 0
    places: Sequence[tuple[int, int]] = ()
    at_us: int = 0


class Note(NamedTuple):
    """The same in words. `undo` is the revision that an undo takes back, None where it cannot or
    need not; `unmark` is the signed text that takes marks away; `spoiling` asks to look at the
    answers."""

    text: str
    undo: int | None = None
    unmark: str = ""
    spoiling: bool = False


def write(fact: UUID, done: Done) -> str:
    """As text for an address that only this installation could have written."""
    return signed.write("fact", fact, list(done))


def read(fact: UUID, text: str) -> Done | None:
    """What `write` was given; None for any other text, and after a day."""
    found = signed.read("fact", fact, text)
    if found is None:
        return None
    did, revision, places, at_us = found
    return Done(did, revision, [(session, seq) for session, seq in places], at_us)


def note(done: Done, now: int, text: str, *, said_otherwise: bool) -> Note:
    """The words for what was done to a fact that is at revision `now`; `text` is what it was read
    from, and `said_otherwise` whether that revision changed what contexts are told."""
    if done.did == REVIEWED:
        many = len(done.places)
        said = f"{many} answer{'s' * (many != 1)} marked for review."
        return Note(said if many else "They were all marked already.", unmark=text if many else "")
    undo = done.revision if done.revision == now else None
    return Note(WORDS[done.did], undo, spoiling=said_otherwise and done.did in SPOILING)
