"""Fits the weights of memory_app/core/rank_weights.py to the evidence turns of long conversations.

A question's evidence should be what the softmax over all turns picks: a list at a time, with a
ridge on scaled traits. The weight of a turn's own words is set, not fitted: in conversations its
neighbours tell as much, but near-equal statements are told apart by it alone. Prints the weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from bench.quality import worth_fit
from bench.quality.locomo import Conversation, conversations
from bench.quality.rows import NoData
from memory_app import minilm
from memory_app.core import rank
from memory_app.core.index import Index, Turn, Vector
from memory_app.core.rank import Traits

SET = {"words": 1.0}
RIDGE = 10.0
STEPS = 12

Numbers = np.ndarray[Any, np.dtype[np.float64]]


class Known(NamedTuple):
    """A conversation as an index, and the traits of its turns for each of its questions."""

    talk: Conversation
    held: Index
    traits: list[Traits]

    @property
    def now(self) -> int:
        return self.talk.passages[-1].at


class Asked(NamedTuple):
    """Of one question: the traits of turns, what the set weights give them, the evidence."""

    traits: Numbers
    given: Numbers
    evidence: list[int]


def known(talks: Sequence[Conversation], *, vectors: bool) -> list[Known]:
    """What weights are fitted to. What each turn is worth is told by weights fitted on the other
    conversations. Raises NoData when there are no vectors."""
    tables = [worth_fit.table(talk) for talk in talks]
    found = []
    for place, talk in enumerate(talks):
        bias, weights = worth_fit.fit(tables[:place] + tables[place + 1 :])
        worths = 1.0 / (1.0 + np.exp(-(bias + tables[place][0] @ weights)))
        found.append(_known(talk, worths.tolist(), vectors=vectors))
    return found


def _known(talk: Conversation, worths: list[float], *, vectors: bool) -> Known:
    said: list[Vector | None] = [None] * len(talk.passages)
    asked: list[Vector | None] = [None] * len(talk.questions)
    if vectors and not minilm.available():
        raise NoData(minilm.MISSING)
    if vectors:
        said = list(minilm.embed([one.text for one in talk.passages]))
        asked = list(minilm.embed([one.text for one in talk.questions]))
    index = Index(
        Turn(session, one.seq, one.author, one.role, one.text, one.at, worth, vector)
        for one, session, worth, vector in zip(
            talk.passages, talk.sessions, worths, said, strict=True
        )
    )
    now = talk.passages[-1].at
    traits = [
        rank.traits(index, one.text, now=now, vector=vector)
        for one, vector in zip(talk.questions, asked, strict=True)
    ]
    return Known(talk, index, traits)


def fit(held: Sequence[Known]) -> dict[str, float]:
    """The weights by name that fit these conversations best."""
    names = [name for name in held[0].traits[0].rows if name not in SET]
    asked = [_asked(one, at, names) for one in held for at in range(len(one.traits))]
    scale = np.vstack([one.traits for one in asked]).std(0) + 1e-9
    asked = [one._replace(traits=one.traits / scale) for one in asked]
    weights = np.zeros(len(names))
    loss = _loss(asked, weights)
    for _ in range(STEPS):
        slope, curve = _slopes(asked, weights)
        step = np.linalg.solve(curve, slope)
        while (new := _loss(asked, weights + step)) > loss and np.abs(step).max() > 1e-6:
            step = step / 2
        weights, gained, loss = weights + step, loss - new, new
        if gained < 0.01:
            break
    return SET | dict(zip(names, (weights / scale).tolist(), strict=True))


def _asked(known: Known, at: int, names: Sequence[str]) -> Asked:
    rows = known.traits[at].rows
    given = sum(weight * rows[name].astype(float) for name, weight in SET.items())
    evidence = [seq - 1 for seq in known.talk.questions[at].evidence]
    return Asked(np.array([rows[name] for name in names], float).T, np.asarray(given), evidence)


def _loss(asked: Sequence[Asked], weights: Numbers) -> float:
    """What the evidence is missed by, a question counted by the root of its evidence turns."""
    total = RIDGE * float(weights @ weights) / 2
    for traits, given, evidence in asked:
        score = traits @ weights + given
        most = score.max()
        missed = most + np.log(np.exp(score - most).sum()) - score[evidence].mean()
        total += len(evidence) ** 0.5 * float(missed)
    return total


def _slopes(asked: Sequence[Asked], weights: Numbers) -> tuple[Numbers, Numbers]:
    slope, curve = -RIDGE * weights, RIDGE * np.eye(len(weights))
    for traits, given, evidence in asked:
        score = traits @ weights + given
        chance = np.exp(score - score.max())
        chance = chance / chance.sum()
        middle = chance @ traits
        times = len(evidence) ** 0.5
        slope = slope + times * (traits[evidence].mean(0) - middle)
        curve = curve + times * ((traits.T * chance) @ traits - np.outer(middle, middle))
    return slope, curve


def main() -> None:
    """Prints the weights for a world without vectors, and for one with MiniLM's."""
    for name, vectors in (("PLAIN", False), ("WITH_VECTORS", True)):
        _print(name, fit(known(conversations(assistant=False), vectors=vectors)))


def _print(name: str, weights: Mapping[str, float]) -> None:
    print(f"{name}: Mapping[str, float] = {{")
    for trait, weight in weights.items():
        print(f'    "{trait}": {weight:.2f},')
    print("}")


if __name__ == "__main__":
    main()
