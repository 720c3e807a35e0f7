from __future__ import annotations

import pytest

from tests.personas import Persona, answer, refused


@pytest.fixture
def session(owner: Persona) -> str:
    """Versions: 1 created, 2 message, 3 details, 4 ended, 5 reopened."""
    path = f"/sessions/{owner.opened(title='One')['id']}"
    owner.post(f"{path}/messages", {"role": "user", "content": "x"})
    owner.patch(path, {"title": "Two"})
    owner.post(f"{path}/end")
    owner.post(f"{path}/reopen")
    return f"{path}/events"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 3, 4, 5]),
        ("limit=2", [1, 3]),
        ("after=1", [3, 4, 5]),
        ("after=2", [3, 4, 5]),
        ("before=4", [1, 3]),
        ("before=5&limit=1", [4]),
        ("order=desc", [5, 4, 3, 1]),
        ("order=desc&limit=2", [5, 4]),
    ],
)
def test_a_page_holds_events_by_version(
    owner: Persona, session: str, query: str, expected: list[int]
) -> None:
    page = answer(owner.get(f"{session}?{query}"))
    assert [row["version"] for row in page["data"]] == expected


def test_an_event_holds_the_new_value(owner: Persona, session: str) -> None:
    events = answer(owner.get(session))["data"]
    assert [row["kind"] for row in events] == ["created", "details", "ended", "reopened"]
    assert events[1]["data"] == {"title": "Two"}
    assert events[1]["created_at"].endswith("Z")


def test_next_leads_through_all_events(owner: Persona, session: str) -> None:
    first = answer(owner.get(f"{session}?limit=3"))
    second = answer(owner.get(f"{session}?limit=3&after={first['next']}"))
    assert [row["version"] for row in second["data"]] == [5]
    assert second["next"] is None


def test_events_know_no_around(owner: Persona, session: str) -> None:
    refused(owner.get(f"{session}?around=1"), 422, "unknown_filter")
    refused(owner.get(f"{session}?after=1&before=2"), 422, "invalid_field")
