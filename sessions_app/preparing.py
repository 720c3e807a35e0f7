"""From what a caller sends to what the store takes: read, counted and encoded, before any lock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from sessions_app.core import errors, messages, tokens
from sessions_app.core.appending import Prepared
from sessions_app.core.entries import FORM_CODES
from sessions_app.core.messages import Message
from sessions_app.store.base import Prompt

MAX_BATCH = 500


def encoder() -> str:
    """The encoder that this installation counts tokens with."""
    return str(getattr(settings, "HOLDFAST_ENCODER", "o200k_base"))


def batch(payloads: Sequence[object], *, path: str = "messages") -> list[Prepared]:
    """Every payload read strictly; `path` names the place in errors. Raises errors of reading,
    and TooLong for more than 500."""
    if not payloads:
        raise errors.InvalidField("Send at least one message.", param=path)
    if len(payloads) > MAX_BATCH:
        raise errors.TooLong(f"At most {MAX_BATCH} messages in one call.", param=path)
    return [
        prepared(message)
        for index, payload in enumerate(payloads)
        for message in messages.read(payload, path=f"{path}[{index}]")
    ]


def single(payload: object) -> list[Prepared]:
    """One message at the top of a body; an Anthropic one may become two."""
    return [prepared(message) for message in messages.read(payload)]


def prepared(message: Message) -> Prepared:
    """A read message, counted and encoded."""
    count, estimated = tokens.count(message, encoder())
    return Prepared(
        message.role,
        FORM_CODES[message.form],
        messages.encode(message),
        count,
        estimated,
        message.created_at,
    )


def prompt(system: str | None, tools: Sequence[Any] | None) -> Prompt:
    """System text and tools with their tokens."""
    kept = tuple(tools or ())
    return Prompt(
        system or None,
        kept,
        tokens.count_system(system, encoder()) if system else 0,
        tokens.count_tools(list(kept), encoder()) if kept else 0,
    )
