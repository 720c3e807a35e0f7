"""The contract's bodies as the store's values, read by the same field readers as the HTTP API's."""

from __future__ import annotations

from holdfast.values import Json
from sessions_app import preparing
from sessions_app.core import fields
from sessions_app.store.base import Edit, NewSession

KEY = fields.text(255, least=1)
REASON = fields.text(1_000)
LARGEST = 2**62
SEQ = fields.integer(1, LARGEST)
NEW_SESSION: fields.Fields = {
    "key": KEY,
    "user": KEY,
    "title": fields.text(255),
    "system": fields.system(),
    "tools": fields.tools(),
    "policy": fields.text(64, least=1),
    "metadata": fields.metadata(),
    "tags": fields.tags(),
}
EDIT: fields.Fields = {
    name: NEW_SESSION[name] for name in NEW_SESSION if name not in ("key", "user")
}
FORK: fields.Fields = {"at": fields.needed(SEQ), "key": KEY}
RETRACT: fields.Fields = {"from": fields.needed(SEQ), "to": SEQ, "reason": REASON}
PIN: fields.Fields = {"seq": fields.needed(SEQ), "reason": REASON}


def new_session(body: Json) -> NewSession:
    """What a session is made from. Raises InvalidField and TooLong naming the field."""
    read = fields.read(body, NEW_SESSION)
    prompt = preparing.prompt(read.pop("system", None), read.pop("tools", None))
    return NewSession(prompt=prompt, **read)


def edit(body: Json) -> Edit:
    """New values of a session."""
    read = fields.read(body, EDIT)
    halves = tuple(name for name in ("system", "tools") if name in read)
    if not halves:
        return Edit(**read)
    prompt = preparing.prompt(read.pop("system", None), read.pop("tools", None))
    return Edit(prompt=prompt, halves=halves, **read)


def fork(body: Json) -> tuple[int, str | None]:
    """At which version, under which key."""
    read = fields.read(body, FORK)
    return read["at"], read.get("key")


def retract(body: Json) -> tuple[tuple[int, int | None], str | None]:
    """The span of seqs and the reason."""
    read = fields.read(body, RETRACT)
    return (read["from"], read.get("to")), read.get("reason")


def pin(body: Json) -> tuple[int, str | None]:
    """The seq and the reason."""
    read = fields.read(body, PIN)
    return read["seq"], read.get("reason")
