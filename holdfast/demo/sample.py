"""What a sample session is made of, and a script to write one down line by line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MODEL = "gpt-5-mini"

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A message and its time in seconds after the beginning."""

    at: int
    payload: Payload


@dataclass(frozen=True, slots=True)
class Sample:
    """A session to load. `ago` is how long before now it stopped, in seconds.

    `weekly` keeps its weekdays true: it is moved by whole weeks, so it may have stopped up to a
    week earlier. `second_try` answers the last user again, once the first answer is retracted.
    `known` are facts of the user that somebody stored by hand before it began: (key, text).
    With `sent` the caller's own code sent the model that many of the newest messages each time;
    else the answers among the last `asked` messages were given from contexts that were asked for.
    """

    key: str
    user: str
    title: str
    system: str
    lines: tuple[Line, ...]
    tools: tuple[Payload, ...] = ()
    tags: tuple[str, ...] = ("demo",)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    ago: int = HOUR
    weekly: bool = False
    ended: bool = False
    second_try: str | None = None
    known: tuple[tuple[str, str], ...] = ()
    sent: int | None = None
    asked: int = 0


class Script:
    """Collects lines with a clock of its own."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.at = 0
        self._calls = 0

    def wait(self, seconds: int) -> None:
        """Nothing happens for a while."""
        self.at += seconds

    def user(self, text: str, *, name: str | None = None, after: int = 45) -> None:
        """Somebody says something, `after` seconds later."""
        named = {"name": name, "author": name} if name else {}
        self._add(after, {"role": "user", "content": text, **named})

    def answer(self, text: str) -> None:
        """The assistant answers in words."""
        taken = 900 + 11 * len(text)
        self._add(taken // 1000, {**_assistant(taken), "content": text, "finish_reason": "stop"})

    def step(self, tool: str, arguments: Payload, result: Any, *, thought: str = "") -> None:
        """The assistant calls one tool and gets its result (text as it is, else as JSON)."""
        self.steps([(tool, arguments, result)], thought=thought)

    def steps(self, calls: list[tuple[str, Payload, Any]], *, thought: str = "") -> None:
        """The assistant calls several tools at once and gets their results in order."""
        names = [f"call_{self._calls + number:04d}" for number in range(1, len(calls) + 1)]
        self._calls += len(calls)
        asked = [
            _call(name, tool, arguments)
            for name, (tool, arguments, _) in zip(names, calls, strict=True)
        ]
        taken = 700 + 9 * len(thought) + 250 * len(calls)
        said = {"content": thought} if thought else {}
        message = {**_assistant(taken), **said, "tool_calls": asked, "finish_reason": "tool_calls"}
        self._add(8, message)
        for name, (_, _, result) in zip(names, calls, strict=True):
            text = result if isinstance(result, str) else orjson.dumps(result).decode()
            self._add(5, {"role": "tool", "tool_call_id": name, "content": text})

    def _add(self, after: int, payload: Payload) -> None:
        self.at += after
        self.lines.append(Line(self.at, payload))


def _assistant(taken_ms: int) -> Payload:
    return {"role": "assistant", "model": MODEL, "latency_ms": taken_ms}


def _call(name: str, tool: str, arguments: Payload) -> Payload:
    function = {"name": tool, "arguments": orjson.dumps(arguments).decode()}
    return {"id": name, "type": "function", "function": function}


def tool(name: str, description: str, **parameters: str) -> Payload:
    """A tool definition; every parameter is a required string with this description."""
    properties = {
        parameter: {"type": "string", "description": meaning}
        for parameter, meaning in parameters.items()
    }
    schema = {"type": "object", "properties": properties, "required": list(parameters)}
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}
