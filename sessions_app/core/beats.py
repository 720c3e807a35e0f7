"""How old what a replica tells is at most, proved by beats; and whether a reader takes it.

A beat is a random token that this process stored in the primary, and the moment before it asked
for that. A replica that tells this token has all that was committed before that moment, since it
follows the log of the primary in order. So the age is measured by one clock, that of this process;
an idle primary, a replica that stands still and one that follows another database are all the
same: no token of late, no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

LONGEST = 60.0
"""Seconds after which a beat proves nothing that anybody asks for."""
SHORTEST_PAUSE = 0.5
"""Seconds between two beats at least, one that failed among them."""
ARRIVING = 0.3
"""Seconds in which a beat may be on its way: the primary hands it on at its next write to the disk,
which is a fifth of a second later at most."""
STILL = LONGEST
"""Seconds without any beat that is new to it after which a replica stands still: nobody takes what
it has any longer, nor will."""
NEVER = float("-inf")
NOBODY = ""
"""The token that a server tells which follows no other."""

UNPROVED, GONE, BEHIND = "unproved", "gone", "behind"
"""Why an answer is not taken: no beat proves its age; something was purged or erased since, or
before; this process knows the session to be further on."""


class Beat(NamedTuple):
    """A token, and when the primary did not have it yet, in seconds of this process's clock."""

    token: str
    at: float


@dataclass(frozen=True, slots=True)
class Beats:
    """What is known of one process's beats, the oldest first; `asked` is when the last one was
    asked for, whatever came of it."""

    known: tuple[Beat, ...] = ()
    asked: float = NEVER

    def due(self, max_stale: float, now: float) -> bool:
        """Whether another one is needed for those who take what is `max_stale` seconds old."""
        pause = max(SHORTEST_PAUSE, max_stale / 2)
        return now - self._newest >= pause and now - self.asked >= SHORTEST_PAUSE

    def hopeful(self, max_stale: float, now: float) -> bool:
        """Whether a replica that does not lag can prove now to be at most `max_stale` seconds
        behind: by a beat that is so young, and had time to arrive."""
        return any(ARRIVING <= now - beat.at <= max_stale for beat in self.known)

    def asking(self, now: float) -> Beats:
        """Before a beat is asked for."""
        return Beats(self.known, now)

    def beaten(self, beat: Beat) -> Beats:
        """After the primary has stored one. Of those that prove nothing now the newest stays too:
        a replica that is late by less may tell it."""
        old = sum(beat.at - each.at > LONGEST for each in self.known)
        return Beats((*self.known[max(0, old - 1) :], beat), self.asked)

    def age(self, token: str | None, now: float) -> float:
        """How old at most what stands beside a token is, in seconds; without end for one that is
        not known."""
        for beat in reversed(self.known):
            if beat.token == token:
                return now - beat.at
        return float("inf")

    def after(self, at: float) -> float | None:
        """When the first beat that is newer than this was, or None without one."""
        return next((beat.at for beat in self.known if beat.at > at), None)

    @property
    def _newest(self) -> float:
        return self.known[-1].at if self.known else NEVER


class Progress(NamedTuple):
    """How far a replica has come: when the newest beat was that it told, and when the first was
    that it had not yet (None: it has all of them)."""

    reached: float = NEVER
    missing: float | None = None

    def told(self, beats: Beats, token: str | None) -> Progress:
        """After an answer beside a token."""
        at = next((beat.at for beat in beats.known if beat.token == token), NEVER)
        if at <= self.reached and self.missing is not None:
            return self
        reached = max(at, self.reached)
        return Progress(reached, beats.after(reached))

    def stands_still(self, now: float) -> bool:
        """Whether it had every chance to go on and did not. How old an answer is says nothing of
        that: a replica may be behind by as much all the time, or follow with a delay on purpose."""
        return self.missing is not None and now - self.missing > STILL


class Read(NamedTuple):
    """What a replica told in one snapshot: a token of this process or None, the epoch, and the
    version of the session."""

    token: str | None
    epoch: str
    version: int


class Wanted(NamedTuple):
    """What a reader takes: so many seconds old, of the database's present epoch, and no session
    before this version."""

    max_stale: float
    epoch: str
    version: int = 0


def refusal(beats: Beats, read: Read, wanted: Wanted, now: float) -> str | None:
    """Why the answer is not taken, or None where it is."""
    if not beats.age(read.token, now) <= wanted.max_stale:
        return UNPROVED
    if read.epoch != wanted.epoch:
        return GONE
    return BEHIND if read.version < wanted.version else None
