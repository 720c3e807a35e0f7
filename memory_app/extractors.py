"""Who finds what a person says of themselves: the promise, the rules that come with the package,
and the choice.

An extractor only proposes. `core.extracting.admitted` holds what any of them finds against the
messages: a quote that no user said in their own words is not learnt, whoever found it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

from memory_app import engines
from memory_app.core import extracting
from memory_app.core.extracting import Candidate, Categories
from memory_app.core.passages import Passage
from memory_app.core.work import CRASHED, MISCONFIGURED, EngineFailed

DEFAULT = "memory_app.extractors.Rules"


class Extractor(Protocol):
    """Finds statements of a user about themselves in what that user says."""

    @property
    def name(self) -> str:
        """What a fact is signed with: `rules`, or `openai:<model>`."""
        ...

    def extract(self, passages: Sequence[Passage], categories: Categories) -> Sequence[Candidate]:
        """Candidates, each with the seq of one of `passages` and a quote of it. `categories` are
        those of the policy, with the phrases that tell them. Raises EngineFailed."""
        ...


class Rules:
    """Goes by how sentences begin; needs no model and finds the same in the same."""

    name = "rules"

    def extract(self, passages: Sequence[Passage], categories: Categories) -> Sequence[Candidate]:
        return extracting.extract(passages, categories)


def openai() -> Extractor:
    """The model that the HOLDFAST_MODEL settings name."""
    from memory_app.openai_extractor import OpenAIExtractor

    return OpenAIExtractor(
        url=getattr(settings, "HOLDFAST_MODEL_URL", engines.MODEL_URL),
        model=getattr(settings, "HOLDFAST_MODEL", None) or "",
        key=getattr(settings, "HOLDFAST_MODEL_KEY", None) or "",
        timeout=getattr(settings, "HOLDFAST_MODEL_TIMEOUT", engines.MODEL_TIMEOUT),
        local=getattr(settings, "HOLDFAST_MODEL_LOCAL", False),
    )


def extractor() -> Extractor:
    """The extractor of this installation: what HOLDFAST_EXTRACTOR names, called without arguments.
    Raises EngineFailed where that gives none."""
    path = getattr(settings, "HOLDFAST_EXTRACTOR", DEFAULT)
    try:
        return cast(Extractor, import_string(path)())
    except Exception as error:  # whatever a host's own code does
        raise EngineFailed(MISCONFIGURED, f"HOLDFAST_EXTRACTOR {path!r}: {error}") from error


def found(
    extractor: Extractor, passages: Sequence[Passage], categories: Categories
) -> list[Candidate]:
    """What an extractor proposes. Raises EngineFailed, whatever a host's own one raises."""
    try:
        given = list(extractor.extract(passages, categories))
    except EngineFailed:
        raise
    except Exception as error:
        raise EngineFailed(CRASHED, f"{extractor.name}: {type(error).__name__}") from error
    if not all(isinstance(one, Candidate) for one in given):
        raise EngineFailed(CRASHED, f"{extractor.name} gives what are no candidates")
    return given
