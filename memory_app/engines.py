"""Who writes summaries: the promise, the engine that comes with the package, and the choice.

An engine is given a snapshot and gives points; it knows no database and is called outside any
transaction. What a model needs stands in `openai_engine`, so that nothing of it is imported where
no model is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

from memory_app.core.passages import Passage, Point
from memory_app.core.retention import Verdict
from memory_app.core.summarise import summarise
from memory_app.core.work import EMPTY, REASONS, EngineFailed, Work
from sessions_app import preparing
from sessions_app.core import tokens

__all__ = [
    "DEFAULT",
    "REASONS",
    "Classifier",
    "Embedded",
    "EngineFailed",
    "Summariser",
    "Work",
    "engine",
    "openai",
]

DEFAULT = "memory_app.engines.Embedded"
MODEL_URL = "https://api.openai.com/v1"
MODEL_TIMEOUT = 60


class Summariser(Protocol):
    """Folds a summary and what was said since into a new summary."""

    @property
    def name(self) -> str:
        """What a compression is signed with: `embedded`, or `openai:<model>`."""
        ...

    def summarise(self, work: Work) -> list[Point]:
        """At least one point, each with seqs of `work`, in all no more than `work.size` tokens.

        Raises EngineFailed; then nothing of the answer may be used.
        """
        ...


class Classifier(Protocol):
    """Says of each message whether it must be kept, may be summarised, or may go.

    `core.retention.judge` is one, by rules; a model may stand behind the same call.
    """

    def __call__(
        self, passages: Sequence[Passage], *, before: Sequence[Passage] = ()
    ) -> Sequence[Verdict]:
        """One verdict for each of `passages`, in their order; `before` came just before them."""
        ...


class Embedded:
    """Picks sentences out of what was said; needs no model and gives the same for the same."""

    name = "embedded"

    def summarise(self, work: Work) -> list[Point]:
        points = summarise(
            work.previous,
            work.passages,
            scores=work.scores,
            size=work.size,
            count=counter(),
            style=work.style,
            gone=work.gone,
        )
        if not points:
            raise EngineFailed(EMPTY, "there is nothing to summarise")
        return points


def counter() -> Callable[[str], int]:
    """Tokens of a text, as this installation counts them."""
    return partial(tokens.count_text, encoder=preparing.encoder())


def openai() -> Summariser:
    """The model that the HOLDFAST_MODEL settings name."""
    from memory_app.openai_engine import OpenAI

    return OpenAI(
        url=getattr(settings, "HOLDFAST_MODEL_URL", MODEL_URL),
        model=getattr(settings, "HOLDFAST_MODEL", None) or "",
        count=counter(),
        key=getattr(settings, "HOLDFAST_MODEL_KEY", None) or "",
        timeout=getattr(settings, "HOLDFAST_MODEL_TIMEOUT", MODEL_TIMEOUT),
        local=getattr(settings, "HOLDFAST_MODEL_LOCAL", False),
    )


def engine() -> Summariser:
    """The engine of this installation: what HOLDFAST_SUMMARISER names, called without arguments."""
    made = import_string(getattr(settings, "HOLDFAST_SUMMARISER", DEFAULT))
    return cast(Summariser, made())
