"""The bodies of the contract's changes: their fields, and the store's values made from them.

The HTTP API describes and reads bodies by these tables, and the facade reads its arguments by them,
so that both take and refuse the same.
"""

from __future__ import annotations

from typing import Any

from sessions_app import preparing
from sessions_app.core import fields
from sessions_app.core.fields import Fields
from sessions_app.store.base import Edit, NewSession

Read = dict[str, Any]
LARGEST = 2**62

KEY = fields.text(255, least=1)
POLICY = fields.text(64, least=1)
SECONDS = 30
"""How long a lease holds where nothing else is asked for."""
REASON = fields.text(1_000)
SEQ = fields.integer(1, LARGEST)

OPENED: Fields = {
    "key": KEY,
    "user": KEY,
    "title": fields.text(255),
    "system": fields.system(),
    "tools": fields.tools(),
    "policy": POLICY,
    "metadata": fields.metadata(),
    "tags": fields.tags(),
}
EDITED: Fields = {
    "title": fields.cleared(fields.text(255), ""),
    "metadata": fields.cleared(fields.metadata(), {}),
    "tags": fields.cleared(fields.tags(), ()),
    "policy": POLICY,
    "system": fields.cleared(fields.system(), ""),
    "tools": fields.cleared(fields.tools(), ()),
}
FORKED: Fields = {"at": fields.needed(SEQ), "key": KEY}
RETRACTED: Fields = {"from": fields.needed(SEQ), "to": SEQ, "reason": REASON}
TTL = fields.integer(1, 3600)
WAIT = fields.integer(0, 5)
LEASED: Fields = {"holder": fields.needed(KEY), "ttl": TTL, "wait": WAIT}
RENEWED: Fields = {"token": fields.needed(SEQ), "ttl": TTL}
PINNED: Fields = {"seq": fields.needed(SEQ), "reason": REASON}


def new_session(read: Read) -> NewSession:
    """What a session is made from, of a body read by OPENED."""
    rest = {name: read[name] for name in read if name not in ("system", "tools")}
    return NewSession(prompt=preparing.prompt(read.get("system"), read.get("tools")), **rest)


def edit(read: Read) -> Edit:
    """New values of a session, of a body read by EDITED; what is absent stays as it is."""
    rest = {name: read[name] for name in read if name not in ("system", "tools")}
    halves = tuple(name for name in ("system", "tools") if name in read)
    if not halves:
        return Edit(**rest)
    prompt = preparing.prompt(read.get("system"), read.get("tools"))
    return Edit(prompt=prompt, halves=halves, **rest)
