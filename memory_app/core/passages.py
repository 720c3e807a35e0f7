"""A message as text: what the rules of retention, the summariser and the audit look at."""

from __future__ import annotations

from typing import Any, NamedTuple

from sessions_app.core.forms import FORMS, otel

SPOKEN = ("user", "assistant")


class Passage(NamedTuple):
    """A message as text.

    `text` are its words, a line a part; of a tool message its output. `calls` are the tool calls
    it makes as (name, arguments as JSON text). `turn` counts user messages up to it, `unit` is the
    first seq of the step it belongs to, `at` is in microseconds since the epoch.
    """

    seq: int
    role: str
    text: str
    author: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    tokens: int = 0
    turn: int = 0
    unit: int = 0
    at: int = 0


def passage(seq: int, role: str, form: str, body: dict[str, Any], **known: Any) -> Passage:
    """The message with this body as a passage; `known` are its other fields. Thoughts are left
    out: they are no part of what was said."""
    texts: list[str] = []
    calls: list[tuple[str, str]] = []
    for part in FORMS[form].parts(role, body):
        kind = part["type"]
        if kind == "text":
            texts.append(part["content"])
        elif kind == "tool_call":
            calls.append((str(part["name"]), otel.as_json(part["arguments"])))
        elif kind == "tool_call_response":
            texts.append(otel.response_text(part["response"]))
    author = body.get("author") or body.get("name") or ""
    return Passage(seq, role, "\n".join(texts), str(author), tuple(calls), **known)


class Point(NamedTuple):
    """One point of a summary: a text and the messages it comes from. `score` says how much it
    matters, 0..1; points of a low one leave the summary first."""

    text: str
    seqs: tuple[int, ...]
    score: float
