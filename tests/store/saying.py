"""Short ways to say what the store's tests say all the time."""

from __future__ import annotations

from uuid import UUID

from sessions_app.core.appending import Prepared
from sessions_app.store.base import UNGUARDED, Guard, NewSession, Request, Snapshot, Store, Window

FINGERPRINT = b"f" * 32


def said(text: str = "hello", role: str = "user", tokens: int = 10) -> Prepared:
    """One message ready to be stored."""
    answers = ',"tool_call_id":"c1"' if role == "tool" else ""
    return Prepared(role, 0, f'{{"content":"{text}"{answers}}}', tokens, estimated=False)


def turn(text: str = "hello") -> list[Prepared]:
    """A question and its answer."""
    return [said(text), said(f"re: {text}", "assistant", 20)]


def opened(store: Store, project: int, **new: object) -> UUID:
    """The id of a new session."""
    return store.open(project, NewSession(**new)).session.id  # type: ignore[arg-type]


def filled(store: Store, project: int, turns: int = 3) -> UUID:
    """The id of a new session with so many turns, each stored as one batch."""
    session = opened(store, project)
    for number in range(1, turns + 1):
        store.append(project, session, turn(f"question {number}"))
    return session


def at(version: int) -> Guard:
    """Only at this version."""
    return Guard(expected=version)


def under(token: int | None) -> Guard:
    """Under the lease with this token."""
    return Guard(lease=token)


def keyed(key: str, fingerprint: bytes = FINGERPRINT, *, expected: int | None = None) -> Guard:
    """A request with an idempotency key."""
    return Guard(expected, Request(key, fingerprint))


def bodies(store: Store, session: Snapshot, version: int | None = None) -> list[str]:
    """The messages of a session, at a version, as their stored text."""
    return [item.body for item in store.messages(session, Window(limit=20_000, at=version))]


__all__ = ["UNGUARDED", "at", "bodies", "filled", "keyed", "opened", "said", "turn", "under"]
