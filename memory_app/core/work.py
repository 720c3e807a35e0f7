"""What an engine that summarises is given, and how it says that it could not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from memory_app.core.passages import Passage, Point

TIMEOUT: Final = "timeout"
RATE_LIMITED: Final = "rate_limited"
SERVER_ERROR: Final = "server_error"
CONNECTION: Final = "connection"
REFUSED_REDIRECT: Final = "refused_redirect"
FORBIDDEN_ADDRESS: Final = "forbidden_address"
REJECTED: Final = "rejected"
INVALID_ANSWER: Final = "invalid_answer"
EMPTY: Final = "empty"
TOO_LONG: Final = "too_long"
DEGENERATE: Final = "degenerate"
DROPPED_MUST_KEEP: Final = "dropped_must_keep"
INVENTED: Final = "invented"
WRONG_DIMENSION: Final = "wrong_dimension"
CRASHED: Final = "crashed"
MISCONFIGURED: Final = "misconfigured"

RETRYABLE = frozenset({TIMEOUT, RATE_LIMITED, SERVER_ERROR, CONNECTION})
REASONS = RETRYABLE | {
    REFUSED_REDIRECT,
    FORBIDDEN_ADDRESS,
    REJECTED,
    INVALID_ANSWER,
    EMPTY,
    TOO_LONG,
    DEGENERATE,
    DROPPED_MUST_KEEP,
    INVENTED,
    WRONG_DIMENSION,
    CRASHED,
    MISCONFIGURED,
}


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be summarised: a snapshot, so that an engine needs no database.

    `previous` is the summary so far and `passages` what it is to take in, in order. `scores` says
    by seq how much a message matters, 0..1. `size` is the most tokens the new summary may have.
    `instructions` are the operator's own. Messages in `gone` were taken back: nothing of them may
    stand in the result. Each text of `must` has to survive, its words together in one point.
    """

    previous: tuple[Point, ...]
    passages: tuple[Passage, ...]
    scores: Mapping[int, float]
    size: int
    style: str = "narrative"
    instructions: str = ""
    gone: frozenset[int] = frozenset()
    must: tuple[str, ...] = ()


class EngineFailed(Exception):
    """No summary came of it, or no vectors. `reason` is one of REASONS; `retryable` says that the
    same work may well succeed later, after `after` seconds where the endpoint named them.

    `detail` is for the people who run the engine. It holds neither keys nor anything said.
    """

    def __init__(self, reason: str, detail: str = "", *, after: float | None = None) -> None:
        self.reason = reason
        self.detail = detail
        self.after = after
        super().__init__(f"{reason}: {detail}" if detail else reason)

    @property
    def retryable(self) -> bool:
        return self.reason in RETRYABLE
