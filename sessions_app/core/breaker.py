"""Whether something that failed is asked again: a breaker, as a value that moves.

Closed, everybody asks. After FAILURES in a row it is open and nobody does, until a moment at which
one may: the probe. What comes of it closes the breaker or opens it anew. A probe that nobody hears
of again holds nothing up: after another pause the next one may.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FAILURES = 3
PAUSE = 5.0
"""Seconds from a failure to the next probe."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """`failures` in a row; open where `probe_at`, in seconds of the caller's clock, is set."""

    failures: int = 0
    probe_at: float | None = None

    @property
    def is_open(self) -> bool:
        return self.probe_at is not None

    def admit(self, now: float) -> tuple[Breaker, bool]:
        """Whether one may ask now, and the breaker after that question."""
        if self.probe_at is None:
            return self, True
        if now < self.probe_at:
            return self, False
        return replace(self, probe_at=now + PAUSE), True

    def failed(self, now: float) -> Breaker:
        """After a failure at `now`."""
        failures = self.failures + 1
        if self.is_open or failures >= FAILURES:
            return Breaker(failures, now + PAUSE)
        return Breaker(failures)

    def worked(self) -> Breaker:
        """After an answer, whoever got it."""
        return Breaker()
