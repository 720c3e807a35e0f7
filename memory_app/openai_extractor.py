"""Facts by a model behind any endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memory_app.core import asking_facts
from memory_app.core.extracting import Candidate, Categories
from memory_app.core.passages import Passage
from memory_app.core.work import INVALID_ANSWER, EngineFailed
from memory_app.openai_calls import Endpoint
from memory_app.openai_engine import Message, content


@dataclass(frozen=True, kw_only=True)
class OpenAIExtractor(Endpoint):
    """A model behind `url`, the part before /chat/completions."""

    @property
    def name(self) -> str:
        return f"openai:{self.model}"

    def extract(self, passages: Sequence[Passage], categories: Categories) -> Sequence[Candidate]:
        """What the model finds. Raises EngineFailed."""
        said = self.asking(self._send, content)(asking_facts.messages(passages, categories))
        try:
            return asking_facts.read(said, passages, categories)
        except ValueError as error:
            raise EngineFailed(INVALID_ANSWER, str(error)) from None

    def _send(self, client: Any, messages: list[Message]) -> Any:
        return client.chat.completions.with_raw_response.create(
            model=self.model, messages=messages, response_format={"type": "json_object"}
        )
