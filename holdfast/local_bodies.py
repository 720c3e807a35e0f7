"""The contract's bodies as the store's values, read by the same field readers as the HTTP API's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.values import Json
from sessions_app import preparing
from sessions_app.core import fields
from sessions_app.store.base import Edit, NewSession

NAME = fields.text(255)
NEW_SESSION: fields.Fields = {
    "key": fields.text(255, least=1),
    "user": fields.text(255, least=1),
    "title": NAME,
    "system": fields.system(),
    "tools": fields.tools(),
    "policy": fields.text(64, least=1),
    "metadata": fields.metadata(),
    "tags": fields.tags(),
}
EDIT: fields.Fields = {
    name: NEW_SESSION[name] for name in NEW_SESSION if name not in ("key", "user")
}
FORK: fields.Fields = {"at": fields.needed(fields.integer()), "key": NEW_SESSION["key"]}
RETRACT: fields.Fields = {
    "from": fields.needed(fields.integer()),
    "to": fields.integer(),
    "reason": NAME,
}
PIN: fields.Fields = {"seq": fields.needed(fields.integer()), "reason": NAME}


def new_session(body: Json) -> NewSession:
    """What a session is made from. Raises InvalidField and TooLong naming the field."""
    read = fields.read(body, NEW_SESSION)
    prompt = preparing.prompt(read.pop("system", None), read.pop("tools", None))
    return NewSession(prompt=prompt, **read)


def edit(body: Json, present: Mapping[str, Any]) -> Edit:
    """New values of a session; system and tools are one prompt, so what is not edited of the two
    is taken from the `present` one."""
    read = fields.read(body, EDIT)
    if "system" not in read and "tools" not in read:
        return Edit(**read)
    system = read.pop("system", present.get("system"))
    tools = read.pop("tools", present.get("tools"))
    return Edit(prompt=preparing.prompt(system, tools), **read)


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
