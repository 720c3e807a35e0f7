from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from memory_app.openai_engine import OpenAI
from tests.engines.endpoint import Endpoint

KEY = "sk-nobody-may-read-this-key"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint().running() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    """How long the model engine would have waited between its calls."""
    return []


@pytest.fixture
def model(endpoint: Endpoint, waits: list[float]) -> Callable[..., OpenAI]:
    """Makes an engine that asks the endpoint and waits for nothing."""

    def make(**changes: Any) -> OpenAI:
        fields: dict[str, Any] = {
            "url": endpoint.url,
            "model": "small",
            "count": lambda text: len(text.split()),
            "key": KEY,
            "timeout": 10.0,
            "local": True,
            "pause": waits.append,
        }
        return OpenAI(**(fields | changes))

    return make
