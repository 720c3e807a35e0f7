"""The calls of a run: what is sent, and what a history is to know of each and of its answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tests.faults.nodes import Reply

WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty")


def content_of(name: str) -> str:
    """The content of the message that is called `name`: the same each time it is asked for."""
    rng = Random(name)
    return f"{name} " + " ".join(rng.choices(WORDS, k=rng.randrange(6, 24)))


def name_of(content: object) -> str:
    """The name of a message, if its content is whole."""
    name = str(content).partition(" ")[0]
    return name if content_of(name) == content else f"damaged: {content}"


@dataclass(frozen=True)
class Request:
    """A call before it is made: what to send, and what the history is to know of it."""

    kind: str
    session: str
    method: str
    path: str
    body: object = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    expected: int | None = None
    keyed: bool = False


# -- changes -----------------------------------------------------------------------------------


def lease(op: str, session: str, seconds: int) -> Request:
    """The lease of a session; its holder is named like the op, which tells whose it was."""
    path, body = f"{_place(session)}/lease", {"holder": op, "ttl": seconds, "wait": 1}
    return Request("lease", session, "POST", path, body, keyed=True)


def release(session: str, token: int) -> Request:
    """A lease given back."""
    return Request("release", session, "DELETE", f"{_place(session)}/lease", asked={"token": token})


def append_held(op: str, session: str, token: int) -> Request:
    """An append under a lease."""
    request = append(op, session)
    return replace(request, asked={**request.asked, "token": token})


def append(
    op: str, session: str, batch: int = 1, *, expected: int | None = None, keyed: bool = True
) -> Request:
    """An append of `batch` messages."""
    texts = [f"{op}.{number}" for number in range(batch)]
    sent = [{"role": "user", "content": content_of(text)} for text in texts]
    body = sent[0] if batch == 1 else {"messages": sent}
    path = f"{_place(session)}/messages"
    return Request("append", session, "POST", path, body, {"texts": texts}, expected, keyed)


def opening(name: str, *, keyed: bool) -> Request:
    """The session under a name, made if there is none."""
    body = {"key": name}
    return Request("open", "", "POST", "/api/v1/sessions", body, body, None, keyed)


def edit(op: str, session: str, expected: int | None = None) -> Request:
    """A new title; PATCH knows no idempotency key, so it is not sent again."""
    return Request("edit", session, "PATCH", _place(session), {"title": op}, {}, expected)


def retract(op: str, session: str, span: tuple[int, int], expected: int | None = None) -> Request:
    """Messages taken out of view."""
    asked = {"from": span[0], "to": span[1]}
    path, body = f"{_place(session)}/retract", {**asked, "reason": op}
    return Request("retract", session, "POST", path, body, asked, expected, keyed=True)


def pin(op: str, session: str, seq: int, expected: int | None = None) -> Request:
    """A message kept word for word."""
    path, body = f"{_place(session)}/pins", {"seq": seq, "reason": op}
    return Request("pin", session, "POST", path, body, {"seq": seq}, expected, keyed=True)


def fact(op: str, session: str, seq: int, text: str) -> Request:
    """A fact of a session, that quotes the name of one of its messages."""
    sources = [{"session": session, "seq": seq, "quote": text}]
    body = {"session": session, "text": op, "sources": sources}
    return Request("fact", session, "POST", "/api/v1/facts", body, keyed=True)


# -- reads -------------------------------------------------------------------------------------


def messages(kind: str, session: str, query: Mapping[str, int | str]) -> Request:
    """A read of messages; `query` as the API has it."""
    path = f"{_place(session)}/messages?{_query(query)}"
    return Request(kind, session, "GET", path, asked=query)


def context(session: str, tokens: int, query: Mapping[str, int]) -> Request:
    """A context; `query` as the API has it, such as the version of which it is."""
    asked = {"tokens": tokens, **query}
    path = f"{_place(session)}/context?{_query(asked)}"
    return Request("context", session, "GET", path, asked=asked)


def state(session: str) -> Request:
    """The session itself."""
    return Request("session", session, "GET", _place(session))


def _place(session: str) -> str:
    return f"/api/v1/sessions/{session}"


def _query(query: Mapping[str, int | str]) -> str:
    return "&".join(f"{name}={value}" for name, value in query.items())


# -- what the rules need of an answer ----------------------------------------------------------


def told(request: Request, reply: Reply | None) -> dict[str, Any]:
    """What a history keeps of an answer; `code` of an error and the `version` it names."""
    if reply is None:
        return {}
    try:
        answer = json.loads(reply.raw)
    except ValueError:
        return {"code": "no_json"}
    if reply.status not in range(200, 300):
        error = answer.get("error", {})
        return {"code": error.get("code", ""), "version": error.get("current_version")}
    return TELL[request.kind](answer)


def _appended(answer: Mapping[str, Any]) -> dict[str, Any]:
    rows = [[row["seq"], row["version"]] for row in answer["messages"]]
    return {"rows": rows, "durable": answer["durable"]}


def _page(answer: Mapping[str, Any]) -> dict[str, Any]:
    rows = [[row["seq"], row["version"], name_of(row["content"])] for row in answer["data"]]
    return {"rows": sorted(rows), "more": answer["next"] is not None}


def _fields(*names: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    return lambda answer: {name: answer[name] for name in names}


def _pinned(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": answer["session_version"], "durable": answer["durable"]}


TELL: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "append": _appended,
    "open": _fields("id", "durable"),
    "edit": _fields("version", "durable"),
    "retract": _fields("version", "durable"),
    "pin": _pinned,
    "fact": _fields("id", "durable"),
    "lease": _fields("version", "token", "durable"),
    "release": _fields("version", "durable"),
    "last": lambda answer: {**_page(answer), "more": False},  # what is more is older
    "log": _page,
    "follow": _page,
    "past": _page,
    "session": _fields("version", "head", "messages"),
    "context": _fields("version", "digest", "mode"),
}
