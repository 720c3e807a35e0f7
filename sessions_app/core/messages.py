"""One message of a conversation: read strictly, kept losslessly, seen as parts.

A message may come in any of three provider forms. Its body stays exactly as it was given, so
what goes back to the same provider is what came from it; everything else is derived.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from sessions_app.core import errors, instants
from sessions_app.core.forms import FORMS, checks, form_of
from sessions_app.core.forms.checks import DEFAULT, Limits
from sessions_app.core.forms.otel import public, text_pieces

__all__ = [
    "DEFAULT",
    "ROLES",
    "Limits",
    "Message",
    "call_ids",
    "check_system",
    "check_tools",
    "decode",
    "encode",
    "form_of",
    "instant",
    "is_plain",
    "parts",
    "read",
    "result_ids",
    "text_of",
]

ROLES = ("system", "developer", "user", "assistant", "tool")

OUR_NAMES = ("author", "name", "model", "context", "finish_reason")


class Message(NamedTuple):
    """A message as it was given.

    `body` holds the caller's own fields without role and created_at, null ones dropped.
    `created_at` is in microseconds since the epoch, UTC; None means "now", which the store decides.
    """

    role: str
    form: str
    body: dict[str, Any]
    created_at: int | None = None


def read(payload: object, *, path: str = "", limits: Limits = DEFAULT) -> list[Message]:
    """Check one input message and return it: as one Message, or as two (`tool`, then `user`) when
    an Anthropic user message holds tool results beside other blocks.

    Raises InvalidField, UnknownField or TooLong with `param` below `path`. Surrogates, NUL, odd
    numbers and depth are the business of `strict.check`, which comes first.
    """
    given = checks.an_object(payload, path or "message")
    plain = _plain(given, limits)
    return [plain] if plain else _read(given, path, limits)


def _plain(given: dict[str, Any], limits: Limits) -> Message | None:
    """The message that is just a role and a text, as most are; None sends it the long way."""
    if given.keys() != {"role", "content"}:
        return None
    role, content = given["role"], given["content"]
    if not isinstance(content, str) or not 0 < len(content) * 4 <= limits.text_bytes:
        return None
    if not isinstance(role, str) or role == "tool" or role not in ROLES:
        return None
    return Message(role, "openai", {"content": content})


def _read(given: dict[str, Any], path: str, limits: Limits) -> list[Message]:
    form = form_of(given)
    fields = {name: value for name, value in given.items() if value is not None}
    checks.known(given, FORMS[form].fields(given), path)
    _check_common(fields, path, limits)
    role = _role(fields, form, path)
    created_at = _created_at(fields, path)
    FORMS[form].check(role, fields, path)
    body = {name: fields[name] for name in fields if name not in ("role", "created_at")}
    found = [
        Message(part_role, form, part, created_at)
        for part_role, part in FORMS[form].split(role, body)
    ]
    _check_size(found, path, limits)
    return found


def check_system(value: object, *, path: str = "system", limits: Limits = DEFAULT) -> None:
    """A session's system text: a string or a list of text blocks, of bounded size.

    Raises InvalidField or TooLong with `param` below `path`.
    """
    blocks = [{"text": value}] if isinstance(value, str) else checks.blocks(value, path)
    for index, block in enumerate(blocks):
        checks.strings(block, checks.at(path, index), "text")
    if sum(len(block["text"].encode()) for block in blocks) > limits.text_bytes:
        raise errors.TooLong(f"`{path}` is over {limits.text_bytes} bytes of text.", param=path)


def check_tools(value: object, *, path: str = "tools") -> None:
    """A session's tool definitions: a list of objects, in any provider's form.

    Raises InvalidField with `param` below `path`.
    """
    for index, tool in enumerate(checks.a_list(value, path)):
        checks.an_object(tool, checks.at(path, index))


def instant(value: object, param: str = "created_at") -> int:
    """Microseconds since the epoch of an ISO 8601 text (or datetime) that has an offset."""
    given = value.isoformat() if isinstance(value, datetime) else checks.a_string(value, param)
    try:
        return instants.parse(given)
    except ValueError as error:
        raise checks.invalid(param, f"is wrong: {error}.") from None


def parts(message: Message) -> list[dict[str, Any]]:
    """What the message holds, each part named as in the OpenTelemetry GenAI message schema.

    Arguments of a tool call are the parsed JSON where they are valid JSON, else the text.
    """
    return [public(part) for part in FORMS[message.form].parts(message.role, message.body)]


def is_plain(body: Mapping[str, Any]) -> bool:
    """Whether the content of a message is just one string and there is nothing else."""
    return len(body) == 1 and isinstance(body.get("content"), str)


def call_ids(message: Message) -> tuple[str, ...]:
    """The ids of the tool calls in this message that the caller's side has to answer."""
    return FORMS[message.form].call_ids(message.role, message.body)


def result_ids(message: Message) -> tuple[str, ...]:
    """The ids of the tool calls this message answers."""
    return FORMS[message.form].result_ids(message.role, message.body)


def text_of(message: Message) -> str:
    """All searchable words: texts, reasoning, tool names, arguments and results, a line each."""
    return "\n".join(text_pieces(FORMS[message.form].parts(message.role, message.body)))


def encode(message: Message) -> str:
    """The body as compact JSON text, key order kept: what is stored and hashed."""
    return orjson.dumps(message.body).decode()


def decode(role: str, form: str, text: str, created_at: int | None) -> Message:
    """The message whose `encode` gave `text`."""
    return Message(role, form, orjson.loads(text), created_at)


def _role(fields: dict[str, Any], form: str, path: str) -> str:
    param = checks.at(path, "role")
    implied = FORMS[form].implied_role(fields)
    role = fields.get("role", implied)
    if role not in ROLES:
        raise checks.invalid(param, f"must be one of {', '.join(ROLES)}.")
    if implied is not None and role != implied:
        raise checks.invalid(param, f"is {implied} for this type; leave it out.")
    return str(role)


def _created_at(fields: dict[str, Any], path: str) -> int | None:
    value = fields.get("created_at")
    return None if value is None else instant(value, checks.at(path, "created_at"))


def _check_common(fields: dict[str, Any], path: str, limits: Limits) -> None:
    for name in OUR_NAMES:
        if name in fields:
            checks.a_name(fields[name], checks.at(path, name), limits)
    if "usage" in fields:
        checks.an_object(fields["usage"], checks.at(path, "usage"))
    if "metadata" in fields:
        checks.metadata(fields["metadata"], checks.at(path, "metadata"), limits)
    if not isinstance(fields.get("error", ""), str | dict):
        raise checks.invalid(checks.at(path, "error"), "must be a string or an object.")
    _check_latency(fields.get("latency_ms", 0), checks.at(path, "latency_ms"))


def _check_latency(value: object, param: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise checks.invalid(param, "must be a number of milliseconds, 0 or more.")


def _check_size(found: list[Message], path: str, limits: Limits) -> None:
    size = sum(
        len(piece.encode())
        for message in found
        for piece in text_pieces(FORMS[message.form].parts(message.role, message.body))
    )
    if size > limits.text_bytes:
        param = checks.at(path, "content")
        raise errors.TooLong(
            f"The message has {size} bytes of text; {limits.text_bytes} are the limit. "
            "Send it in several messages.",
            param=param,
        )
