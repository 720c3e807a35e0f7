"""The objects of the HTTP contract as JSON schemas, for the OpenAPI document.

What the API takes is described by the fields that check it; these describe what it answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sessions_app.core.errors import leaves

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
ANY_OBJECT: Schema = {"type": "object"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
ID: Schema = {"type": "string", "format": "uuid"}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(schema: Schema) -> Schema:
    """A list of it."""
    return {"type": "array", "items": schema}


def thing(properties: Mapping[str, Schema], *, optional: Mapping[str, Schema] | None = None) -> Any:
    """An object; a reader must expect further fields in later versions."""
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
    }


def page(name: str) -> Schema:
    """A page of the named objects."""
    items = listed({"$ref": f"#/components/schemas/{name}"})
    return dict(thing({"data": items, "next": maybe(TEXT)}))


DURABILITY: Mapping[str, Schema] = {"durable": FLAG, "durable_by": maybe(TEXT)}

_LISTED_SESSION: Mapping[str, Schema] = {
    "id": ID,
    "key": maybe(TEXT),
    "user": maybe(TEXT),
    "title": TEXT,
    "policy": TEXT,
    "status": {"enum": ["active", "idle", "ended", "archived", "deleted"]},
    "version": WHOLE,
    "messages": WHOLE,
    "turns": WHOLE,
    "tokens": WHOLE,
    "active_tokens": WHOLE,
    "window": WHOLE,
    "level": NUMBER,
    "compressions": WHOLE,
    "facts": WHOLE,
    "created_at": INSTANT,
    "last_activity_at": INSTANT,
    "metadata": ANY_OBJECT,
    "tags": listed(TEXT),
    "mode": {"enum": ["full", "partial", "degraded"]},
    "head": TEXT,
}
_OF_SOME_SESSIONS: Mapping[str, Schema] = {
    "policy_version": WHOLE,
    "forked_from": ID,
    "forked_at": WHOLE,
    "purge_at": INSTANT,
}
_MESSAGE: Mapping[str, Schema] = {
    "seq": WHOLE,
    "id": TEXT,
    "version": WHOLE,
    "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
    "content": {},
    "created_at": INSTANT,
    "tokens": WHOLE,
    "tokens_estimated": FLAG,
}
_HOLDER: Mapping[str, Schema] = {
    "session": ID,
    "version": WHOLE,
    "holder": maybe(TEXT),
    "expires_at": maybe(INSTANT),
}
_ERROR: Mapping[str, Schema] = {
    "code": {"enum": sorted({leaf.code for leaf in leaves()})},
    "message": TEXT,
    "type": {"enum": sorted({leaf.type for leaf in leaves()})},
    "param": maybe(TEXT),
    "retryable": FLAG,
    "request_id": maybe(TEXT),
}

SCHEMAS: Mapping[str, Schema] = {
    "Error": thing({"error": thing(_ERROR)}),
    "ListedSession": thing(_LISTED_SESSION, optional=_OF_SOME_SESSIONS),
    "Session": thing(
        {**_LISTED_SESSION, "system": maybe(TEXT), "tools": listed(ANY_OBJECT)},
        optional={**_OF_SOME_SESSIONS, **DURABILITY},
    ),
    "Sessions": page("ListedSession"),
    "MessageIn": {
        "type": "object",
        "description": "A message in OpenAI chat form, an Anthropic message, or an OpenAI "
        "Responses item.",
    },
    "Message": thing(_MESSAGE, optional={"parts": listed(ANY_OBJECT), "erased": FLAG}),
    "Messages": thing(
        {"data": listed({"$ref": "#/components/schemas/Message"}), "next": maybe(TEXT)},
        optional={"version": WHOLE},
    ),
    "Event": thing({"version": WHOLE, "kind": TEXT, "created_at": INSTANT, "data": ANY_OBJECT}),
    "Events": page("Event"),
    "Appended": thing(
        {
            "version": WHOLE,
            "messages": listed(
                thing({"seq": WHOLE, "id": TEXT, "version": WHOLE, "tokens": WHOLE})
            ),
            "budget": thing({"window": WHOLE, "used": WHOLE, "level": NUMBER}),
            "notices": listed(ANY_OBJECT),
            "durable": FLAG,
        },
        optional={"durable_by": maybe(TEXT)},
    ),
    "Retracted": thing(
        {
            "version": WHOLE,
            "from": WHOLE,
            "to": WHOLE,
            "messages": WHOLE,
            "active_tokens": WHOLE,
            "durable": FLAG,
        },
        optional={"durable_by": maybe(TEXT)},
    ),
    "MessageWithFate": thing(
        {
            **_MESSAGE,
            "fate": {
                "enum": [
                    "verbatim",
                    "retained",
                    "summarised",
                    "extracted",
                    "discarded",
                    "retracted",
                ]
            },
            "pinned": FLAG,
            "session_version": WHOLE,
            "durable": FLAG,
        },
        optional={"durable_by": maybe(TEXT)},
    ),
    "Lease": thing(
        {**_HOLDER, "token": WHOLE, "durable": FLAG}, optional={"durable_by": maybe(TEXT)}
    ),
    "Holder": thing(_HOLDER),
    "Receipt": thing(
        {
            "session": ID,
            "counts": {"type": "object", "additionalProperties": WHOLE},
            "head": TEXT,
            "at": INSTANT,
        }
    ),
}
