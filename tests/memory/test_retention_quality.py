"""The rules reach the gates for retention classes, query-free compression and corrections."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from bench.quality import classes, corrections, query_free
from bench.quality.classes import Confusion, accuracy, by_acts, keep_recall, macro_f1
from bench.quality.locomo import Conversation
from bench.quality.rows import NoData, Row
from memory_app.core.passages import Passage


@pytest.mark.long
@pytest.mark.parametrize("measure", [classes.measure, query_free.measure])
def test_every_gate_is_reached_within_one_standard_error(
    measure: Callable[[], Iterator[Row]],
) -> None:
    try:
        rows = list(measure())
    except NoData as error:
        pytest.skip(str(error))
    for row in rows:
        assert row.error is not None
        assert row.figure + row.error >= (row.target or 0.0), row
        assert all(row.figure > other for _, other in row.beside), row


@pytest.mark.long
def test_what_was_changed_is_what_stands_there() -> None:
    # In a process of its own: it opens databases beside the one of the tests.
    command = [sys.executable, "-m", "bench.quality", "--only", "corrections"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Skipped" in found:
        pytest.skip(found)
    rows = [line for line in found.splitlines() if line.startswith("| corrections |")]
    assert len(rows) == 4
    assert [row for row in rows if "| yes |" not in row] == []


def test_a_change_is_what_was_said_last_of_a_slot() -> None:
    def said(text: str, **slots: list[str]) -> dict[str, object]:
        return {
            "utterance": text,
            "frames": [{"service": "Tables", "state": {"slot_values": slots}}],
        }

    turns = [
        said("At six, for two.", time=["six"], seats=["two"]),
        said("Two at six.", time=["six"], seats=["two"]),
        said("Make it seven.", time=["seven", "7 pm"], seats=["two"]),
    ]
    (change,) = corrections.changes(turns)
    assert change == (frozenset({"seven", "7 pm"}), frozenset({"six"}))
    assert corrections.current(change, ["six"])
    assert not corrections.current(change, ["six", "at 7 PM"])
    assert not corrections.present(change, ["seventeen"])


def turn(speaker: str, *acts: str) -> dict[str, object]:
    """A turn of a dialogue with these acts."""
    return {"speaker": speaker, "frames": [{"actions": [{"act": act} for act in acts]}]}


@pytest.mark.parametrize(
    ("speaker", "acts", "klass"),
    [
        ("USER", ["INFORM", "REQUEST"], "keep"),
        ("USER", ["AFFIRM_INTENT"], "keep"),
        ("USER", ["NEGATE", "THANK_YOU"], "keep"),
        ("USER", ["REQUEST"], "summarise"),
        ("USER", ["THANK_YOU", "GOODBYE"], "discard"),
        ("SYSTEM", ["NOTIFY_FAILURE", "REQ_MORE"], "keep"),
        ("SYSTEM", ["INFORM"], "summarise"),
        ("SYSTEM", ["REQ_MORE"], "discard"),
    ],
)
def test_a_turns_class_follows_from_its_acts(speaker: str, acts: list[str], klass: str) -> None:
    assert by_acts(turn(speaker, *acts)) == klass


def test_figures_of_a_confusion() -> None:
    counted: Confusion = Counter(
        {("keep", "keep"): 3, ("keep", "discard"): 1, ("discard", "discard"): 1}
    )
    assert accuracy(counted) == 80.0
    assert keep_recall(counted) == 75.0
    assert macro_f1(counted) == pytest.approx(100 * (6 / 7 + 2 / 3 + 0) / 3)


def test_survival_counts_a_turn_as_often_as_it_is_named() -> None:
    passages = [Passage(seq, "user", "x" * seq, tokens=10) for seq in range(1, 5)]
    talk = Conversation("a, b", passages, Counter({1: 3, 4: 1}))
    assert query_free.survival(talk, query_free.newest, 50) == 25.0
    assert query_free.survival(talk, query_free.longest, 100) == 100.0
