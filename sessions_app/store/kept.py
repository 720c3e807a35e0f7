"""Answers kept beside idempotency keys: the few figures from which the same bytes are rendered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from sessions_app.store.base import Appended, Changed, Snapshot

_SNAPSHOT = Snapshot._fields


def appended(answer: Appended) -> str:
    """The figures of an append's answer."""
    figures = [
        answer.session.hex,
        answer.version,
        answer.first_seq,
        answer.tokens,
        answer.window,
        answer.capacity,
        answer.used,
        answer.durable,
        answer.durable_by,
    ]
    if answer.told is not None or answer.notices:
        figures.append(answer.told)
    if answer.notices:
        figures += [answer.notices, answer.events]
    return orjson.dumps(figures).decode()


def around_appended(session: UUID, tokens: Sequence[int]) -> tuple[str, str]:
    """The texts before the version and behind the first seq of such figures, for a statement that
    knows these two, and what follows, only as it runs."""
    return f'["{session.hex}",', f",{list(tokens)},"


def read_appended(text: str) -> Appended:
    """The answer those figures were taken from."""
    session, version, first, tokens, *rest = orjson.loads(text)
    if len(rest) > 6:
        rest[6] = tuple(rest[6])
    return Appended(UUID(session), version, first, tuple(tokens), *rest)


def changed(answer: Changed) -> str:
    """The figures of any other change's answer: the session row and how durable it was."""
    row = {name: getattr(answer.session, name) for name in _SNAPSHOT}
    row["head"] = answer.session.head.hex()
    figures = [row, answer.durable, answer.durable_by, answer.made]
    return orjson.dumps(figures).decode()


def read_changed(text: str) -> Changed:
    """The answer those figures were taken from."""
    row, durable, by, made = orjson.loads(text)
    return Changed(_snapshot(row), durable, by, made)


def _snapshot(row: dict[str, Any]) -> Snapshot:
    forked = row["forked_from"]
    return Snapshot(
        **{
            **row,
            "id": UUID(row["id"]),
            "head": bytes.fromhex(row["head"]),
            "forked_from": UUID(forked) if forked else None,
        }
    )


def told(text: str) -> tuple[UUID, int] | None:
    """(session, version) that kept figures speak of; None for answers of another kind."""
    figures = orjson.loads(text)
    if not isinstance(figures, list) or not figures:
        return None
    first = figures[0]
    if isinstance(first, dict) and "version" in first:
        return UUID(first["id"]), int(first["version"])
    if isinstance(first, str) and len(first) == 32 and len(figures) > 1:
        return UUID(first), int(figures[1])
    return None
