"""The store's values as the HTTP contract shows them; the API, the facade and pages share them."""

from __future__ import annotations

from typing import Any

import orjson

from sessions_app.core import instants
from sessions_app.core.entries import StoredMessage, message_id, message_out
from sessions_app.core.leases import Lease
from sessions_app.core.replay import Entry, State
from sessions_app.store.base import Appended, Changed, Receipt, Snapshot

IDLE_AFTER_US = 30 * 60 * 1_000_000


def status(session: Snapshot, now: int) -> str:
    """`active` turns into `idle` half an hour after the last activity."""
    quiet = now - session.last_activity_us > IDLE_AFTER_US
    return "idle" if session.status == "active" and quiet else session.status


def session_out(session: Snapshot, prompt: Entry | None, now: int) -> dict[str, Any]:
    """The session of the contract; without `prompt` (in lists) it has no system and tools."""
    out: dict[str, Any] = {
        "id": str(session.id),
        "key": session.key,
        "user": session.user,
        "title": session.title,
        "policy": session.policy_name,
        "policy_version": session.policy_version,
        "status": status(session, now),
        "version": session.version,
        "messages": session.messages,
        "turns": session.turns,
        "tokens": session.tokens,
        "active_tokens": session.active_tokens,
        "window": session.window,
        "level": session.level,
        "compressions": session.compressions,
        "facts": session.facts,
        "created_at": instants.render(session.created_us),
        "last_activity_at": instants.render(session.last_activity_us),
        "metadata": orjson.loads(session.metadata),
        "tags": orjson.loads(session.tags),
        "mode": "full",
        "head": session.head.hex(),
    }
    if prompt is not None:
        out["system"] = prompt.data.get("system")
        out["tools"] = prompt.data.get("tools") or []
    if session.forked_from is not None:
        out["forked_from"] = str(session.forked_from)
        out["forked_at"] = session.forked_at
    if session.purge_us is not None:
        out["purge_at"] = instants.render(session.purge_us)
    return out


def appended_out(done: Appended) -> dict[str, Any]:
    """The answer to an append."""
    first_version = done.version - done.events - len(done.tokens) + 1
    return {
        "version": done.version,
        "messages": [
            {
                "seq": done.first_seq + offset,
                "id": message_id(done.session, done.first_seq + offset),
                "version": first_version + offset,
                "tokens": tokens,
            }
            for offset, tokens in enumerate(done.tokens)
        ],
        "budget": {
            "window": done.window,
            "used": done.used,
            "level": round(done.used / done.capacity, 4),
        },
        "notices": [dict(notice) for notice in done.notices],
        **durability_out(durable=done.durable, by=done.durable_by),
    }


def changed_out(done: Changed, prompt: Entry) -> dict[str, Any]:
    """A session after a change. As of its last activity, so that a repeated request, answered
    from what was kept, gets the same bytes whenever it comes."""
    shown = session_out(done.session, prompt, done.session.last_activity_us)
    return {**shown, **durability_out(durable=done.durable, by=done.durable_by)}


def retracted_out(done: Changed, span: tuple[int, int | None]) -> dict[str, Any]:
    """The answer to a retraction of from..to."""
    first, last = span
    end = done.session.messages if last is None else last
    return {
        "version": done.session.version,
        "from": first,
        "to": end,
        "messages": end - first + 1,
        "active_tokens": done.session.active_tokens,
        **durability_out(durable=done.durable, by=done.durable_by),
    }


def pinned_out(
    done: Changed, message: StoredMessage, overlay: State, *, fate: str
) -> dict[str, Any]:
    """The answer to a pin or its removal: the message with its fate as of this change."""
    return {
        **message_out(done.session.id, message),
        "fate": fate,
        "pinned": message.seq in overlay.pinned,
        "session_version": done.session.version,
        **durability_out(durable=done.durable, by=done.durable_by),
    }


def lease_out(done: Changed) -> dict[str, Any]:
    """The answer to whoever takes, renews or releases a lease. A released one has no holder."""
    return {
        **holder_out(done.session, done.session.lease),
        "token": done.session.lease_token,
        **durability_out(durable=done.durable, by=done.durable_by),
    }


def holder_out(session: Snapshot, lease: Lease | None) -> dict[str, Any]:
    """Who holds a session, for everybody: without the token, which is for its holder to write with.
    None, or a released lease: nobody."""
    held = lease is not None and lease.until_us
    return {
        "session": str(session.id),
        "version": session.version,
        "holder": lease.holder if lease and held else None,
        "expires_at": instants.render(lease.until_us) if lease and held else None,
    }


def durability_out(*, durable: bool, by: str | None) -> dict[str, Any]:
    """`durable`, and what will make it so when it is not yet."""
    return {"durable": durable} if durable else {"durable": False, "durable_by": by}


def receipt_out(receipt: Receipt) -> dict[str, Any]:
    """What a purge removed."""
    return {
        "session": str(receipt.session),
        "counts": dict(receipt.counts),
        "head": receipt.head.hex(),
        "at": instants.render(receipt.at),
    }
