"""What every form file works with: the fields that are ours, and one message to be rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sessions_app.core.forms.otel import Part

__all__ = ["OURS", "Body", "Given", "Part", "Source"]

Body = dict[str, Any]

OURS = frozenset(
    {
        "author", "context", "created_at", "error", "finish_reason", "latency_ms", "metadata",
        "model", "name", "usage",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A message on its way to a provider, with the raw parts another form needs."""

    role: str
    form: str
    body: Body
    parts: list[Part]


class Given(Protocol):
    """A message, as far as a renderer looks at it."""

    @property
    def role(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def body(self) -> Body: ...
