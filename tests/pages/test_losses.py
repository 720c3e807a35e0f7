"""The sentence about what other tools lost, and what it names. Pure."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from memory_app.models import Compacted
from monitoring import losses
from monitoring.losses import MOST_ITEMS, MOST_SESSIONS, Audited


def audited(session: int, **kinds: int) -> Audited:
    """A compaction that lost so many items of each kind."""
    lost = [
        {"kind": kind, "text": f"{kind} {n}", "subject": "gate", "seq": n + 1}
        for kind, number in kinds.items()
        for n in range(number)
    ]
    kept = {kind: {"kept": 2, "all": 2 + number} for kind, number in kinds.items()}
    audit: dict[str, Any] = {"score": 0.5, "lost_items": len(lost), "kept": kept, "lost": lost}
    return Audited(UUID(int=session), session, audit)


@pytest.mark.parametrize(
    ("tool", "sessions", "kinds", "wanted"),
    [
        (
            "claude-code",
            7,
            {"path": 12, "number": 11},
            "7 of your sessions were compacted by Claude Code; 23 paths and numbers were lost.",
        ),
        (
            "claude-code",
            1,
            {"path": 1},
            "1 of your sessions was compacted by Claude Code; 1 path was lost.",
        ),
        (
            "other-tool",
            1_200,
            {"path": 4, "id": 3, "code": 2, "date": 1},
            "1,200 of your sessions were compacted by other-tool; 10 items were lost, mostly "
            "paths, ids and code words.",
        ),
        (
            "import",
            2,
            {},
            "2 of your sessions were compacted by another tool; nothing that was audited was lost.",
        ),
    ],
)
def test_the_sentence_counts_and_names_the_kinds(
    tool: str, sessions: int, kinds: dict[str, int], wanted: str
) -> None:
    number = sum(kinds.values())
    told = [audited(1, **kinds)] if kinds else []
    assert losses.sentence([Compacted(tool, sessions, sessions, number)], told) == wanted


def test_where_nothing_was_compacted_there_is_no_sentence() -> None:
    assert losses.sentence([]) == ""


def test_several_tools_are_named_with_their_sessions() -> None:
    compacted = [Compacted("claude-code", 7, 9, 3), Compacted("import", 2, 2, 0)]
    assert losses.sentence(compacted, [audited(1, path=3)]) == (
        "7 of your sessions were compacted by Claude Code and 2 by another tool; 3 paths were lost."
    )


def test_kinds_of_a_part_are_not_said_of_the_whole() -> None:
    """Only the newest audits are read: what is behind them may be of any kind."""
    told = losses.sentence([Compacted("claude-code", 9, 9, 50)], [audited(1, path=3)])
    assert told.endswith("50 items were lost, mostly paths.")


def test_what_is_named_is_bounded_and_the_rest_is_counted() -> None:
    many = [audited(number, path=9, date=9) for number in range(MOST_SESSIONS + 4)]
    found = losses.groups([*many, audited(0, id=2)])
    assert [group.session for group in found] == list(range(MOST_SESSIONS))
    assert all(len(group.items) == MOST_ITEMS for group in found)
    assert (found[0].lost, found[0].more, found[0].only) == (20, 20 - MOST_ITEMS, False)
    assert (found[1].lost, found[1].only) == (18, True)


def test_a_few_items_show_every_kind() -> None:
    (group,) = losses.groups([audited(1, number=30, path=1, negation=1)])
    assert {item.kind for item in group.items} == {"number", "path", "negation"}


def test_an_item_as_long_as_a_message_is_cut() -> None:
    one = audited(1, path=1)
    one.audit["lost"][0]["text"] = "x" * 10_000
    (group,) = losses.groups([one])
    assert len(group.items[0].text) <= losses.WORDS
