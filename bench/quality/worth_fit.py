"""Fits the weights of memory_app/core/worth.py to the evidence turns of long conversations.

Logistic regression with a ridge on centred and scaled traits, a turn weighted by how many
questions name it. Prints the share of evidence kept when each conversation is chosen by weights
fitted on the others, then the weights fitted on all, for raw traits.
"""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

import numpy as np

from bench.quality.locomo import Conversation, conversations
from bench.quality.query_free import TARGETS, survival
from memory_app.core import worth
from memory_app.core.passages import Passage
from memory_app.core.retention import read_all

RIDGE = 3.0
STEPS = 25

Matrix = np.ndarray[Any, np.dtype[np.float64]]


def fit(talks: list[tuple[Matrix, Matrix]]) -> tuple[float, Matrix]:
    """The bias and weights for raw traits, from (traits, times named) of conversations."""
    traits = np.vstack([found for found, _ in talks])
    named = np.concatenate([count for _, count in talks])
    centre, scale = traits.mean(0), traits.std(0) + 1e-9
    design = np.hstack([np.ones((len(traits), 1)), (traits - centre) / scale])
    times = np.where(named > 0, named, 1.0)
    ridge = RIDGE * np.eye(design.shape[1])
    ridge[0, 0] = 0.0
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = 1.0 / (1.0 + np.exp(-design @ weights))
        slope = design.T @ (times * ((named > 0) - chance)) - ridge @ weights
        curve = (design.T * (times * chance * (1.0 - chance))) @ design + ridge
        weights = weights + np.linalg.solve(curve, slope)
    raw = weights[1:] / scale
    return float(weights[0] - raw @ centre), raw


def table(talk: Conversation) -> tuple[Matrix, Matrix]:
    """The traits of a conversation's turns, and how often questions name each."""
    found = list(worth.traits(talk.passages, read_all(talk.passages)))
    named = [talk.evidence[passage.seq] for passage in talk.passages]
    return np.array(found, float), np.array(named, float)


def kept(talk: Conversation, percent: int, bias: float, weights: Matrix) -> float:
    """The share of evidence kept by these weights, greedily by worth per token."""
    traits, _ = table(talk)
    worths = 1.0 / (1.0 + np.exp(-(bias + traits @ weights)))

    def way(passages: list[Passage], room: int) -> list[int]:
        order = sorted(range(len(passages)), key=lambda i: -worths[i] / passages[i].tokens)
        chosen = []
        for place in order:
            if passages[place].tokens <= room:
                room -= passages[place].tokens
                chosen.append(passages[place].seq)
        return chosen

    return survival(talk, way, percent)


def main() -> None:
    talks = conversations()
    tables = [table(talk) for talk in talks]
    for percent in TARGETS:
        left_out = [
            kept(talk, percent, *fit(tables[:place] + tables[place + 1 :]))
            for place, talk in enumerate(talks)
        ]
        error = stdev(left_out) / len(left_out) ** 0.5
        print(f"{percent} %: {mean(left_out):.1f} +- {error:.1f} {[round(x, 1) for x in left_out]}")
    bias, weights = fit(tables)
    print(f"BIAS = {bias:.2f}")
    for name, weight in zip(worth.Traits._fields, weights, strict=True):
        print(f"    {name}={weight:.2f},")


if __name__ == "__main__":
    main()
