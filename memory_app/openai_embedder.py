"""Vectors by a model behind any endpoint that speaks OpenAI's embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import orjson

from memory_app.core.index import Matrix
from memory_app.core.work import INVALID_ANSWER, WRONG_DIMENSION, EngineFailed
from memory_app.openai_calls import Endpoint

SEEN = 8_000
"""Bytes of a text that are sent: models take 8,192 tokens, and no token is less than a byte."""


@dataclass(frozen=True, kw_only=True)
class OpenAIEmbedder(Endpoint):
    """A model behind `url`, the part before /embeddings, whose vectors have so many `dimensions`.
    `timeout` is for one batch."""

    dimensions: int

    settings: ClassVar[str] = "HOLDFAST_EMBEDDER"
    most_bytes: ClassVar[int] = 16 << 20
    """A vector of 3,072 numbers as JSON text is about 64 KiB."""
    unlike: ClassVar[float | None] = None

    @property
    def name(self) -> str:
        return f"openai:{self.model}"

    def embed(self, texts: Sequence[str], *, seconds: float) -> Matrix:
        """A vector for each text, as the model gives them. Raises EngineFailed."""
        bounded = replace(self, timeout=min(seconds, self.timeout))
        # Endpoints refuse an empty text, with all that came along.
        said = [_cut(text) or " " for text in texts]
        rows = bounded.asking(self._send, lambda raw: read(raw, len(said)))(said)
        wrong = next((len(row) for row in rows if len(row) != self.dimensions), None)
        if wrong is not None:
            raise EngineFailed(
                WRONG_DIMENSION,
                f"{self.model} gives vectors of {wrong} numbers, and HOLDFAST_EMBEDDER_DIMENSIONS"
                f" is {self.dimensions}",
            )
        return np.array(rows, np.float64)

    def _send(self, client: Any, texts: list[str]) -> Any:
        return client.embeddings.with_raw_response.create(
            model=self.model, input=texts, encoding_format="float"
        )


def _cut(text: str) -> str:
    return text[:SEEN].encode(errors="replace")[:SEEN].decode(errors="ignore")


def read(raw: bytes, count: int) -> list[list[float]]:
    """The vectors of an answer in the order of what was asked. Raises EngineFailed."""
    try:
        found = {int(one["index"]): list(one["embedding"]) for one in orjson.loads(raw)["data"]}
        rows = [found[place] for place in range(count)]
    except (ValueError, LookupError, TypeError):
        raise EngineFailed(INVALID_ANSWER, "the answer holds no vectors") from None
    if len(found) != count or not all(_is_number(one) for row in rows for one in row):
        raise EngineFailed(INVALID_ANSWER, "the answer holds other things than vectors")
    return rows


def _is_number(one: Any) -> bool:
    return isinstance(one, float) or (isinstance(one, int) and not isinstance(one, bool))
