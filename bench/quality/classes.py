"""Gate 4: whether the rules sort the turns of task dialogues as their annotated acts say.

Keep are what a user informs, intends, selects, affirms or negates, and what the system confirms
or notifies; discard are turns that only thank, take leave or offer more help; the rest is
summarised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from statistics import stdev
from typing import Any

from bench.quality.rows import Row, load
from memory_app.core.passages import Passage
from memory_app.core.retention import judge
from memory_app.core.talk import DISCARD, KEEP, SUMMARISE

FILES = ("sgd_dev_001.json", "sgd_dev_007.json")
CLASSES = (KEEP, SUMMARISE, DISCARD)
KEPT = {"USER": ("INFORM", "INFORM_INTENT", "SELECT"), "SYSTEM": ("CONFIRM",)}
KEPT_BEGINNINGS = {"USER": ("AFFIRM", "NEGATE"), "SYSTEM": ("NOTIFY_",)}
DISCARDED = {"THANK_YOU", "GOODBYE", "REQ_MORE"}
TARGET_F1 = 88.0
TARGET_RECALL = 93.0

Confusion = Counter[tuple[str, str]]
"""How often a class by the acts was given a class by the rules."""


def measure() -> Iterator[Row]:
    """Accuracy, macro F1 and the recall of keep, in per cent over all turns; the standard error is
    over tenths of the dialogues. Raises NoData."""
    dialogues = [dialogue for name in FILES for dialogue in load(name)]
    parts = [confusion(dialogues[place::10]) for place in range(10)]
    whole = sum(parts, Counter())
    for name, figure, target in (
        ("accuracy", accuracy, None),
        ("macro F1", macro_f1, TARGET_F1),
        ("recall of keep", keep_recall, TARGET_RECALL),
    ):
        error = stdev(figure(part) for part in parts) / len(parts) ** 0.5
        yield Row("classes", name, figure(whole), error, target)


def confusion(dialogues: Iterable[dict[str, Any]]) -> Confusion:
    """The classes of all turns of some dialogues."""
    counted: Confusion = Counter()
    for dialogue in dialogues:
        passages = [
            Passage(seq, "user" if turn["speaker"] == "USER" else "assistant", turn["utterance"])
            for seq, turn in enumerate(dialogue["turns"], 1)
        ]
        for turn, verdict in zip(dialogue["turns"], judge(passages), strict=True):
            counted[by_acts(turn), verdict.klass] += 1
    return counted


def by_acts(turn: dict[str, Any]) -> str:
    """The class of a turn by its annotated acts."""
    acts = {action["act"] for frame in turn["frames"] for action in frame["actions"]}
    speaker = turn["speaker"]
    if any(act in KEPT[speaker] or act.startswith(KEPT_BEGINNINGS[speaker]) for act in acts):
        return KEEP
    return DISCARD if acts <= DISCARDED else SUMMARISE


def accuracy(counted: Confusion) -> float:
    return 100.0 * sum(counted[name, name] for name in CLASSES) / counted.total()


def macro_f1(counted: Confusion) -> float:
    return sum(_f1(counted, name) for name in CLASSES) / len(CLASSES)


def keep_recall(counted: Confusion) -> float:
    return 100.0 * counted[KEEP, KEEP] / sum(counted[KEEP, name] for name in CLASSES)


def _f1(counted: Confusion, name: str) -> float:
    """2 * hits / (given + true), in per cent."""
    given = sum(counted[other, name] for other in CLASSES)
    true = sum(counted[name, other] for other in CLASSES)
    return 200.0 * counted[name, name] / (given + true) if given + true else 0.0


if __name__ == "__main__":
    for row in measure():
        print(row)
