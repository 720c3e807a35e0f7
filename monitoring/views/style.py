"""The look on one page: every component once, drawn by the templates that the pages use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse

from memory_app.context import Part
from memory_app.fates import Run
from sessions_app import clock
from sessions_app.core.entries import StoredEvent, StoredMessage
from sessions_app.core.replay import State

from .. import access, budget, ledger, transcript, wording
from ..fate import FATES, Fate
from ..ledger import Verdict
from ..rendering import show
from ..strip import strip
from ..transcript import Look

MINUTE_US = 60 * 1_000_000
HOUR_US = 60 * MINUTE_US
INKS = ("ink", "ink-2", "ink-3", "accent", "good", "bad")
GROUNDS = ("ground", "panel", "sunk", "line", "line-2", "accent-soft")
ROLES = ("system", "user", "assistant", "tool", "summary", "error")
SIZES = (("xl", "20"), ("l", "16"), ("m", "14"), ("s", "12.5"), ("xs", "11"))
SPACES = (2, 4, 6, 8, 12, 16, 24, 32, 40)
STATUSES = ("active", "idle", "ended", "archived")
LEVELS = (0.0, 0.42, 0.64, 0.86, 0.97, 1.3)
PARTS = (
    Part("system", 900),
    Part("tools", 700),
    Part("summary", 600),
    Part("retained", 1_400),
    Part("recent", 2_200),
    Part("facts", 400),
    Part("recalled", 200),
    Part("new", 240),
)
LIMIT, RESERVE = 8_000, 1_000
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_booking", "arguments": '{"reference": "QX7-55912"}'},
}
SAID: tuple[Mapping[str, Any], ...] = (
    {"role": "user", "author": "alice", "content": "Move my flight to Friday."},
    {"role": "assistant", "content": "Let me look.", "model": "gpt-5-mini", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": '{"flight": "ME 422"}'},
    {"role": "assistant", "content": "There is one at 13:20.", "latency_ms": 1_300},
    {"role": "user", "content": "No, I meant Thursday."},
    {"role": "assistant", "content": None, "error": "The model did not answer in time."},
)
STANDING = (
    Fate("retained", "retained · preference, score 0.94", "it says how it must be"),
    Fate("summarised", "in summary 2"),
    Fate("summarised", "in summary 2"),
    Fate("extracted", "in facts · confirmation", "its words are facts"),
    Fate("retracted", "retracted"),
    Fate("verbatim", "verbatim"),
)
LOOK = Look(State(retracted=((5, 5),), pinned=(1,)), fates=dict(enumerate(STANDING, start=1)))


SUMMARIES = (
    "alice: flight QX7-55912 leaves at 13:20\nassistant: to Oslo",
    "alice: flight QX7-55912 leaves at 14:05\nassistant: seat 12C",
)
LOST = {"kind": "date", "text": "17:40", "subject": "gate closes", "seq": 4}
AUDIT = {
    "score": 0.93,
    "lost_items": 1,
    "kept": {"date": {"kept": 9, "all": 10}, "name": {"kept": 4, "all": 4}},
    "lost": [LOST],
}
FOLD = {
    "id": None,
    "version": 9,
    "trigger": "60",
    "range": [1, 4],
    "tokens_before": 14_910,
    "tokens_after": 1_380,
    "facts": (),
    "attempts": 1,
    "outcome": "applied",
    "error": None,
    "audit": AUDIT,
}
VERDICTS = (
    Verdict(1, "retained", "keep", "preference", 0.94, "it says how it must be", "user", "Aisle."),
    Verdict(2, "discarded", "discard", "filler", 0.06, "it only greets", "assistant", "Hello!"),
)


class Nobody(NamedTuple):
    """A session that is not there, for links that lead nowhere."""

    id: UUID
    ordinal: int = 1


@access.page
def page(request: HttpRequest) -> HttpResponse:
    """All of it, from values that stand here: no row is read."""
    used, now = sum(part.tokens for part in PARTS), clock.now_us()
    context = {
        "inks": INKS,
        "grounds": GROUNDS,
        "roles": ROLES,
        "sizes": SIZES,
        "spaces": SPACES,
        "statuses": STATUSES,
        "levels": LEVELS,
        "parts": PARTS,
        "bar": budget.bar(PARTS, LIMIT, RESERVE),
        "context": {"tokens": used, "limit": LIMIT},
        "used": used / LIMIT,
        "free": LIMIT - used,
        "reserve": RESERVE,
        "hour_ago": now - HOUR_US,
        "rows": transcript.rows(_messages(now), [_end(now)], LOOK),
        "strip": strip(_runs(), LOOK.state.pinned, _roles()),
        "fates": FATES,
        **_folds(),
        "at": "",
        "links": {"kept": ""},
    }
    return show(request, "style", context)


def _messages(now: int) -> list[StoredMessage]:
    """A pause of seven minutes lies in the middle."""
    times = (20, 19, 19, 18, 11, 10)
    return [
        StoredMessage(
            *(seq, seq + 1, 1, 1, str(body["role"]), 0, 40, 40 * seq, False),
            *(now - minutes * MINUTE_US, orjson.dumps(body).decode()),
        )
        for seq, (body, minutes) in enumerate(zip(SAID, times, strict=True), start=1)
    ]


def _folds() -> dict[str, Any]:
    """What the pages of compressions are made of."""
    return {
        "session": Nobody(UUID(int=0)),
        "account": ledger.account(FOLD),
        "before": Nobody(UUID(int=0)),
        "lines": wording.changes(*SUMMARIES),
        "choices": [("retained", 1, "?", True), ("discarded", 1, "?", False)],
        "verdicts": VERDICTS,
        "facts": [{"seq": 1, "text": "Keep the aisle seat.", "category": "preference"}],
    }


def _runs() -> list[Run]:
    return [Run(seq, seq, found.name) for seq, found in LOOK.fates.items()]


def _end(now: int) -> StoredEvent:
    return StoredEvent(len(SAID) + 2, "ended", now - 9 * MINUTE_US, "{}")


def _roles() -> dict[int, str]:
    return {seq: str(body["role"]) for seq, body in enumerate(SAID, start=1)}
