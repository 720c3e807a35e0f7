"""Conversations in each provider's form, for property tests: valid, every call answered."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Payload = dict[str, Any]
FORMS = ("openai", "anthropic", "responses")

said = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12).map(
    lambda text: f"{text}."
)
names = st.sampled_from(["look", "buy", "send_mail"])
leaves = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | said
arguments = st.dictionaries(
    said,
    leaves | st.lists(leaves, max_size=2) | st.dictionaries(said, leaves, max_size=2),
    max_size=3,
)
spaced = st.sampled_from([(",", ":"), (", ", ": ")])


@st.composite
def written(draw: st.DrawFn) -> str:
    """Arguments as a model writes them: any spacing, escapes or not."""
    given = draw(arguments)
    return json.dumps(given, separators=draw(spaced), ensure_ascii=draw(st.booleans()))


@st.composite
def conversations(draw: st.DrawFn, form: str) -> list[Payload]:
    """Up to five turns; every call is answered right behind its message."""
    build = {"openai": _openai_step, "anthropic": _anthropic_step, "responses": _responses_step}[
        form
    ]
    found: list[Payload] = []
    for turn in range(draw(st.integers(1, 5))):
        found.append(_user(draw, form))
        for step in range(draw(st.integers(0, 3))):
            ids = [f"c{turn}_{step}_{n}" for n in range(draw(st.integers(0, 3)))]
            found += build(draw, ids)
    return found


def _user(draw: st.DrawFn, form: str) -> Payload:
    more: list[Payload] = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_image", "detail": "auto", "image_url": "https://x/y.png"},
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
    ]
    wanted = draw(st.sampled_from(["text", "list", "image"]))
    if wanted == "text":
        return {"role": "user", "content": draw(said)}
    kind = "input_text" if form == "responses" else "text"
    content: list[Payload] = [
        {"type": kind, "text": text} for text in draw(st.lists(said, min_size=1, max_size=2))
    ]
    if wanted == "image":
        content.append(more[("openai", "responses", "anthropic").index(form)])
    return {"role": "user", "content": content}


def _openai_step(draw: st.DrawFn, ids: list[str]) -> list[Payload]:
    calls = [
        {
            "id": i,
            "type": "function",
            "function": {"name": draw(names), "arguments": draw(written())},
        }
        for i in ids
    ]
    message: Payload = {"role": "assistant", "content": draw(said)}
    if calls:
        message = {**message, "tool_calls": calls} if draw(st.booleans()) else _silent(calls)
    answers = [
        {"role": "tool", "tool_call_id": i, "content": draw(said)}
        for i in draw(st.permutations(ids))
    ]
    return [message, *answers]


def _silent(calls: list[Payload]) -> Payload:
    return {"role": "assistant", "content": None, "tool_calls": calls}


def _anthropic_step(draw: st.DrawFn, ids: list[str]) -> list[Payload]:
    blocks: list[Payload] = [{"type": "text", "text": draw(said)}]
    if draw(st.booleans()):
        blocks.insert(0, {"type": "thinking", "thinking": draw(said), "signature": "sig"})
    blocks += [
        {"type": "tool_use", "id": i, "name": draw(names), "input": draw(arguments)} for i in ids
    ]
    if not ids:
        return [{"role": "assistant", "content": blocks}]
    results = [_anthropic_result(draw, i) for i in draw(st.permutations(ids))]
    rest = [{"type": "text", "text": text} for text in draw(st.lists(said, max_size=1))]
    return [{"role": "assistant", "content": blocks}, {"role": "user", "content": results + rest}]


def _anthropic_result(draw: st.DrawFn, call_id: str) -> Payload:
    text = draw(said)
    content: Any = [{"type": "text", "text": text}] if draw(st.booleans()) else text
    return {"type": "tool_result", "tool_use_id": call_id, "content": content}


def _responses_step(draw: st.DrawFn, ids: list[str]) -> list[Payload]:
    items: list[Payload] = []
    if draw(st.booleans()):
        thought = [{"type": "summary_text", "text": draw(said)}]
        items.append({"type": "reasoning", "id": "rs_1", "summary": thought})
    if not ids or draw(st.booleans()):
        content: list[Payload] = [{"type": "output_text", "text": draw(said), "annotations": []}]
        items.append(
            {
                "type": "message",
                "id": "m",
                "role": "assistant",
                "status": "completed",
                "content": content,
            }
        )
    items += [
        {"type": "function_call", "call_id": i, "name": draw(names), "arguments": draw(written())}
        for i in ids
    ]
    return items + [
        {"type": "function_call_output", "call_id": i, "output": draw(said)}
        for i in draw(st.permutations(ids))
    ]


def as_anthropic_sends(payloads: list[Payload]) -> list[Payload]:
    """The conversation with neighbours of one role merged, as Anthropic's API wants it."""
    merged: list[Payload] = []
    for payload in payloads:
        if merged and merged[-1]["role"] == payload["role"]:
            content: list[Payload] = [*_blocks(merged[-1]["content"]), *_blocks(payload["content"])]
            content.sort(key=lambda block: bool(block["type"] != "tool_result"))
            merged[-1] = {"role": payload["role"], "content": content}
        else:
            merged.append(payload)
    return merged


def _blocks(content: Any) -> list[Payload]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
