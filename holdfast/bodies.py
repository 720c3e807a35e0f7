"""Python arguments as the bodies and queries of the contract, checked before anything is sent.

What JSON cannot hold is refused here, the same for both backends; what the contract says about
fields is checked where it is kept, behind the backend.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from holdfast.backend import Expect
from holdfast.values import Context, Json
from sessions_app.core import fields, strict
from sessions_app.core.errors import InvalidField
from sessions_app.core.forms import FORMS, form_of
from sessions_app.core.forms.objects import as_payloads

MOST = 2**62
STALEST = 60
MOST_TOKENS = 2**53
PAGE = 500

_VISIBLE_ASCII = re.compile(r"[!-~]{1,255}")


# -- messages ----------------------------------------------------------------------------------


def messages(given: object, named: Mapping[str, Any]) -> Json:
    """The body of an append: `given` is what `as_payloads` takes, or None for `named` alone.

    Raises TypeError or ValueError for what is no message, and the errors of `strict.check`.
    """
    payloads = _payloads(given, named)
    alone = len(payloads) == 1 and "messages" not in payloads[0]
    body = payloads[0] if alone else {"messages": payloads}
    strict.check(body)
    return body


def _payloads(given: object, arguments: Mapping[str, Any]) -> list[Json]:
    named = {name: _plain(name, value) for name, value in arguments.items() if value is not None}
    if given is None:
        return [named]
    if {"role", "content"} & named.keys():
        raise TypeError("Give a message, or role= and content=, but not both.")
    if isinstance(given, list | tuple) and not given:
        raise InvalidField("Send at least one message.", param="messages")
    payloads = as_payloads(given)
    answers = named.pop("context", None)
    return [
        {**payload, **named, **_answering(payload, answers, alone=len(payloads) == 1)}
        for payload in payloads
    ]


def _answering(payload: Json, context: Any, *, alone: bool) -> Json:
    """The context belongs to what the model said, not to what came with it."""
    if context is None or not (alone or _role(payload) == "assistant"):
        return {}
    return {"context": context}


def _role(payload: Json) -> Any:
    return payload.get("role") or FORMS[form_of(payload)].implied_role(payload)


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Context):
        return value.id
    if isinstance(value, datetime) and name == "created_at":
        return value.isoformat()
    return value


# -- everything else ---------------------------------------------------------------------------


def given(**arguments: Any) -> Json:
    """The arguments that were given, as a body. Raises the errors of `strict.check`."""
    body = {name: _listed(value) for name, value in arguments.items() if value is not None}
    strict.check(body)
    return body


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | set | frozenset) else value


def expect(version: object = None, key: object = None) -> Expect:
    """What a change expects. Raises InvalidField naming the argument."""
    if key is not None and not (isinstance(key, str) and _VISIBLE_ASCII.fullmatch(key)):
        raise InvalidField(
            "An idempotency key is 1 to 255 visible ASCII characters.", param="idempotency_key"
        )
    return Expect(whole("expected_version", version, 0, MOST), key)


def whole(name: str, value: object, least: int, most: int) -> int | None:
    """A whole number within both ends, or None. Raises InvalidField: True and 1.0 are not one."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidField(f"`{name}` must be a whole number from {least} to {most}.", param=name)
    return value


def place(after: object, before: object, around: object = None) -> Json:
    """Where a page of messages or events begins; at most one of the three."""
    found = {"after": after, "before": before, "around": around}
    given = {
        name: whole(name, value, 0, MOST) for name, value in found.items() if value is not None
    }
    if len(given) > 1:
        first, second = list(given)[:2]
        raise InvalidField(f"Send either `{first}` or `{second}`.", param=second)
    return given


def page(limit: object, order: object) -> Json:
    """How long a page is and which way it goes."""
    return {"limit": whole("limit", limit, 1, PAGE), "order": choice("order", order, ORDERS)}


def choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """One of `allowed`. Raises InvalidField."""
    if value not in allowed:
        raise InvalidField(f"`{name}` must be one of {', '.join(allowed)}.", param=name)
    return str(value)


def context(**asked: Any) -> Json:
    """What context is wanted, as a query: tokens, query, format, at, policy, record, max_stale."""
    return fields.read(given(**asked), CONTEXT)


def fact(**arguments: Any) -> Json:
    """The body of a fact: the arguments that were given, times as text."""
    return given(
        **{
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in arguments.items()
        }
    )


def user(name: object) -> str:
    """The caller's name of an end user. Raises InvalidField, TooLong."""
    return str(
        fields.read({"user": name}, {"user": fields.needed(fields.text(255, least=1))})["user"]
    )


HITS = 50
"""Facts of one search at most."""


def search(query: object, limit: object, at: object) -> Json:
    """Which facts are looked for, as of which time."""
    asked = fields.read(given(query=query), {"query": fields.needed(fields.text(512, least=1))})
    return {"query": asked["query"], "limit": whole("limit", limit, 1, HITS), **fact(at=at)}


STEPS = 2


def relations(of: object, steps: object, limit: object, at: object) -> Json:
    """Which facts near a thing are wanted, as a query, as of which time."""
    asked = fields.read(given(of=of), {"of": fields.needed(fields.text(255, least=1))})
    steps, limit = whole("steps", steps, 1, STEPS), whole("limit", limit, 1, PAGE)
    return {**asked, **fact(steps=steps, limit=limit, at=at)}


def episodes(query: object, since: object, until: object, limit: object) -> Json:
    """Which episodes are wanted, as a query."""
    asked = {} if query is None else fields.read({"q": query}, {"q": fields.text(512)})
    times = {name: fact(at=at).get("at") for name, at in (("from", since), ("to", until))}
    return {**asked, **given(**times), "limit": whole("limit", limit, 1, PAGE)}


def user_context(**asked: Any) -> Json:
    """What block of a user's memory is wanted, as a query: tokens, query."""
    return fields.read(given(**asked), {name: CONTEXT[name] for name in ("tokens", "query")})


def max_stale(seconds: object) -> Json:
    """How old what is answered may be, as a query; None for not at all."""
    found = whole("max_stale", seconds, 0, STALEST)
    return {} if found is None else {"max_stale": found}


def version(at: object) -> Json:
    """As of which version, as a query; None for now."""
    return {} if at is None else {"at": whole("at", at, 1, MOST)}


ORDERS = ("asc", "desc")
CONTEXT: fields.Fields = {
    "tokens": fields.integer(1, MOST_TOKENS),
    "query": fields.text(512),
    "format": fields.needed(fields.choice("openai", "anthropic", "responses")),
    "at": fields.integer(1, MOST),
    "policy": fields.text(64),
    "record": fields.boolean(),
    "max_stale": fields.integer(0, STALEST),
}
