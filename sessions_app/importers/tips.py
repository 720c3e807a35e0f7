"""Branches told by their newest entries: each a chain of parents, sharing what they began with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tail:
    """What a branch has that none before it has, oldest first. It goes on behind node `parts_at`,
    which branch number `of` brought; both are None for a branch that shares nothing."""

    nodes: tuple[str, ...]
    parts_at: str | None = None
    of: int | None = None


def tails(tips: Iterable[str], parents: Mapping[str, str | None]) -> list[Tail]:
    """One tail for each tip, in their order; a tip that is no node of `parents` gives an empty one.
    A chain that leads back into itself, or to a node that is not there, begins where it breaks."""
    owners: dict[str, int] = {}
    found: list[Tail] = []
    for number, tip in enumerate(tips):
        nodes: list[str] = []
        node: str | None = tip if tip in parents else None
        while node is not None and node not in owners and node in parents:
            owners[node] = number
            nodes.append(node)
            node = parents[node]
        if node is None or owners.get(node, number) == number:
            node = None
        nodes.reverse()
        found.append(Tail(tuple(nodes), node, None if node is None else owners[node]))
    return found


def path(tip: str | None, parents: Mapping[str, str | None], most: int | None = None) -> list[str]:
    """The chain that ends at `tip`, oldest first; at most the `most` newest nodes of it."""
    nodes: dict[str, None] = {}
    while tip is not None and tip in parents and tip not in nodes:
        nodes[tip] = None
        if most is not None and len(nodes) >= most:
            break
        tip = parents[tip]
    return [*reversed(nodes)]
