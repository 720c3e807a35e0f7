"""Summaries by a model behind any endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from memory_app.core import answer, prompt
from memory_app.core.passages import Point
from memory_app.core.work import EMPTY, INVALID_ANSWER, TOO_LONG, EngineFailed, Work
from memory_app.openai_calls import Endpoint
from sessions_app.core import errors, strict

MAX_DEPTH = 64

Message = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class OpenAI(Endpoint):
    """A model behind `url`, the part before /chat/completions. `timeout` is for all of a summary,
    `count` gives the tokens of a text."""

    count: Callable[[str], int] = field(repr=False)

    @property
    def name(self) -> str:
        return f"openai:{self.model}"

    def summarise(self, work: Work) -> list[Point]:
        """The new summary, tried by `core.answer`. Raises EngineFailed."""
        if not (prompt.kept(work) or prompt.visible(work)):
            raise EngineFailed(EMPTY, "there is nothing to summarise")
        ask = self.asking(self._send, content)
        asked = prompt.messages(work)
        said = ask(asked)
        taken = _taken(said, work, self.count)
        if isinstance(taken, answer.Fault):
            # Once more, with what is wrong; a model that fails twice will fail again.
            said = ask(asked + prompt.correction(said, taken.advice))
            taken = _taken(said, work, self.count)
        if isinstance(taken, answer.Fault):
            raise EngineFailed(taken.reason)
        return taken

    def _send(self, client: Any, messages: list[Message]) -> Any:
        return client.chat.completions.with_raw_response.create(
            model=self.model, messages=messages, response_format={"type": "json_object"}
        )


def _taken(said: str, work: Work, count: Callable[[str], int]) -> list[Point] | answer.Fault:
    """The points of an answer, or why they are not taken."""
    points = answer.read(said, work)
    if isinstance(points, answer.Fault):
        return points
    return answer.fault(points, work, count) or points


def content(raw: bytes) -> str:
    """The text of a chat completion. Raises EngineFailed."""
    try:
        choice = strict.loads(raw, limit=MAX_DEPTH)["choices"][0]
        text, ended = choice["message"]["content"], choice.get("finish_reason")
    except (errors.HoldfastError, LookupError, TypeError, AttributeError):
        raise EngineFailed(INVALID_ANSWER, "the answer is no chat completion") from None
    if ended == "length":
        raise EngineFailed(TOO_LONG, "the model was cut off at its own limit")
    if not isinstance(text, str) or not text.strip():
        raise EngineFailed(EMPTY, "the model said nothing")
    return text
