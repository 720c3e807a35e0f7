"""Histories no one would design: every kind of message, calls answered or not, in any form."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Payload = dict[str, Any]

KINDS = ("user", "user", "assistant", "note", "call", "call", "call", "result", "odd")

sizes = st.sampled_from([1, 3, 12, 60])


def words(number: int) -> str:
    return " ".join(["word"] * number)


def user(text: str) -> Payload:
    return {"role": "user", "content": text}


def assistant(text: str) -> Payload:
    return {"role": "assistant", "content": text}


def note(text: str, role: str = "system") -> Payload:
    return {"role": role, "content": text}


def calls(form: str, ids: list[str], text: str = "") -> list[Payload]:
    """One answer of the assistant that makes these calls, as a provider gives it."""
    if form == "openai":
        made = [
            {"id": i, "type": "function", "function": {"name": "look", "arguments": "{}"}}
            for i in ids
        ]
        return [{"role": "assistant", "content": text or None, "tool_calls": made}]
    if form == "anthropic":
        said = [{"type": "text", "text": text}] if text else []
        used = [{"type": "tool_use", "id": i, "name": "look", "input": {}} for i in ids]
        return [{"role": "assistant", "content": [*said, *used]}]
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    made = [{"type": "function_call", "call_id": i, "name": "look", "arguments": "{}"} for i in ids]
    return [thought, *made] if text else made


def result(form: str, call_id: str, text: str) -> Payload:
    if form == "openai":
        return {"role": "tool", "tool_call_id": call_id, "content": text}
    if form == "anthropic":
        block = {"type": "tool_result", "tool_use_id": call_id, "content": text}
        return {"role": "user", "content": [block]}
    return {"type": "function_call_output", "call_id": call_id, "output": text}


@st.composite
def histories(draw: st.DrawFn, most: int = 14) -> list[Payload]:
    """Payloads in some order; ids are few, so that calls are answered, twice, late or never."""
    found: list[Payload] = []
    open_calls: list[str] = []
    for place in range(draw(st.integers(0, most))):
        form = draw(st.sampled_from(["openai", "anthropic", "responses"]))
        text = words(draw(sizes))
        kind = draw(
            st.sampled_from(
                ["user", "user", "assistant", "note", "call", "call", "call", "result", "odd"]
            )
        )
        if kind == "user":
            found.append(user(text))
        elif kind == "assistant":
            found.append(assistant(text))
        elif kind == "note":
            found.append(note(text, draw(st.sampled_from(["system", "developer"]))))
        elif kind == "call":
            ids = [f"c{place}{n}" for n in range(draw(st.integers(1, 2)))]
            found += calls(form, ids, draw(st.sampled_from(["", "Let me see."])))
            found += [
                result(draw(st.sampled_from(["openai", form])), i, text)
                for i in draw(st.permutations(ids))
                if draw(st.integers(0, 5))
            ]
            open_calls += ids
        elif kind == "result" and open_calls:
            found.append(result(form, draw(st.sampled_from(open_calls)), text))
        elif kind == "odd":
            lonely = draw(st.sampled_from(["c00", "c10", "stray"]))
            found += draw(st.sampled_from([[result(form, lonely, text)], calls(form, [lonely])]))
    return found


def chat(turns: int, size: int = 40) -> list[Payload]:
    """A plain conversation of that many turns."""
    said = words(size)
    return [
        message
        for turn in range(turns)
        for message in (user(f"{turn} {said}"), assistant(f"{turn} {said}"))
    ]


def agent_run(steps: int, size: int = 40) -> list[Payload]:
    """One turn: a task, and one call after another."""
    found = [user("Do it all.")]
    for step in range(steps):
        found += calls("openai", [f"c{step}"])
        found.append(result("openai", f"c{step}", f"{step} {words(size)}"))
    return found
