"""Of many that something was done to: how many were so already, how many were left, and why."""

from __future__ import annotations

from collections.abc import Mapping

from django.template.defaultfilters import pluralize

from . import amounts

_REASONS = {
    "not_found": "not found",
    "store_busy": "just being written to",
    "storage_full": "not stored, as there is no room left",
}
_OTHER_REASON = "not stored; try again"


def same(words: str, many: int) -> list[str]:
    """A sentence of those that were so already, or nothing."""
    return [f"{amounts.count(many)} {pluralize(many, 'was,were')} {words}."] if many else []


def left(failed: Mapping[str, int], reasons: Mapping[str, str]) -> list[str]:
    """A sentence of those that were left as they are, by the code of what stood in the way;
    `reasons` are the words of codes that mean something for this kind alone."""
    if not failed:
        return []
    many, words = sum(failed.values()), {**_REASONS, **reasons}
    told = [
        f"{amounts.count(count)} {words.get(code, _OTHER_REASON)}" for code, count in failed.items()
    ]
    return [
        f"{amounts.count(many)} left as {pluralize(many, 'it is,they are')}: {', '.join(told)}."
    ]
