"""Gate 6 on real conversations: lies lose what they are about, and what is only shortened stays."""

from __future__ import annotations

from itertools import islice
from statistics import fmean

import pytest

from bench.quality import honesty
from bench.quality.rows import NoData
from memory_app.core.audit import audit


@pytest.fixture(scope="module")
def conversations() -> list[honesty.Conversation]:
    try:
        return [
            *islice(honesty.chats(), 2),
            *islice(honesty.runs(), 12),
            *islice(honesty.services(), 40),
        ]
    except NoData as missing:
        pytest.skip(str(missing))


def test_gate_6_lies_are_found(conversations: list[honesty.Conversation]) -> None:
    # A few of the gate's conversations: one lie more or less of a sort is several per cent.
    figures = [row.figure for row in honesty.lies(conversations)]
    assert fmean(figures) >= honesty.LOST
    assert min(figures) >= 90


def test_gate_6_truth_is_kept(conversations: list[honesty.Conversation]) -> None:
    for row in honesty.truths(conversations):
        assert row.figure >= honesty.KEPT, row


def test_gate_6_a_summary_carries_more_than_first_sentences_or_last_messages(
    conversations: list[honesty.Conversation],
) -> None:
    chat = conversations[0][:150]
    ours, first, last = (
        audit(chat, [make(chat, 500)]).score
        for make in (honesty.ours, honesty.first_sentences, honesty.last_messages)
    )
    assert ours > 2 * max(first, last)
