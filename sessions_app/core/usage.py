"""What a provider measured of a call, in whichever form it says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

# Anthropic counts what came from its cache, and what went into it, beside `input_tokens`.
_CACHED, _CACHING = "cache_read_input_tokens", "cache_creation_input_tokens"


class Measured(NamedTuple):
    """The tokens that a model was sent, as its provider counted them; `cached` of these came from
    the prompt cache, None where that is not said."""

    tokens: int
    cached: int | None = None


def measured(usage: Any) -> Measured | None:
    """What `usage` of an answer says was sent; None where it does not. Reads OpenAI's chat
    completions and Responses, Anthropic's messages, and what has their names."""
    if not isinstance(usage, Mapping):
        return None
    sent = _count(usage, "prompt_tokens")
    if sent is not None:
        return Measured(sent, _detail(usage, "prompt_tokens_details"))
    sent = _count(usage, "input_tokens")
    if sent is None:
        return None
    cached, caching = _count(usage, _CACHED), _count(usage, _CACHING)
    if cached is None and caching is None:
        return Measured(sent, _detail(usage, "input_tokens_details"))
    return Measured(sent + (cached or 0) + (caching or 0), cached or 0)


def _detail(usage: Mapping[str, Any], name: str) -> int | None:
    details = usage.get(name)
    return _count(details, "cached_tokens") if isinstance(details, Mapping) else None


def _count(values: Mapping[str, Any], name: str) -> int | None:
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < 2**53 else None
