"""What a row becomes, and what happens to one that cannot become anything."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import accumulate
from typing import Any

import pytest

import holdfast
from holdfast.adoption.backfilling import backfill
from tests.adoption.filling import at, chat, filled, log, say, texts
from tests.adoption.site.adoption import Chats
from tests.adoption.site.models import Chat, ChatMessage

pytestmark = pytest.mark.usefixtures("quick_site")


def test_a_chat_becomes_a_session_with_its_user_title_and_time() -> None:
    one = chat("ana", "Trip to Porto")
    backfill(Chats(), "default")
    session = holdfast.open(f"chat:{one.pk}")
    assert (session.user, session.title) == ("ana", "Trip to Porto")
    assert session.refresh().as_json()["created_at"] == "2026-03-01T12:00:00Z"
    assert session.metadata == {"source": f"chat:{one.pk}"}


def test_messages_keep_role_words_time_and_the_order_of_the_site() -> None:
    one = chat()
    late = say(one, "Friday it is.", 2, "bot")
    early = say(one, "Move my flight.", 1)
    backfill(Chats(), "default")
    shown = [(m["role"], m["content"], m["created_at"], m["metadata"]) for m in log(one)]
    assert shown == [
        ("user", "Move my flight.", "2026-03-01T12:01:00Z", {"source": f"chatmessage:{early.pk}"}),
        (
            "assistant",
            "Friday it is.",
            "2026-03-01T12:02:00Z",
            {"source": f"chatmessage:{late.pk}"},
        ),
    ]


def test_content_kept_as_json_becomes_calls_and_results() -> None:
    one = chat()
    say(one, "Is it raining?", 1)
    call = {"id": "c1", "type": "function", "function": {"name": "rain", "arguments": "{}"}}
    say(one, json.dumps({"content": None, "tool_calls": [call]}), 2, "bot")
    say(one, json.dumps({"content": "", "tool_call_id": "c1"}), 3, "tool")
    assert backfill(Chats(), "default").refused == []
    assert log(one)[1]["tool_calls"] == [call]
    assert log(one)[2]["tool_call_id"] == "c1"


@pytest.mark.parametrize(
    ("author", "text", "reason"),
    [
        ("me", "  \n", "`content` is empty"),
        ("ghost", "Boo.", "KeyError: 'ghost'"),
        ("bot", '{"content": "cut', "JSONDecodeError"),
        ("bot", '{"content": 7}', "`content` must be"),
        ("bot", '{"content": "x", "colour": "red"}', "colour"),
    ],
)
def test_a_row_that_cannot_be_a_message_is_named_and_costs_no_other(
    author: str, text: str, reason: str
) -> None:
    one = chat()
    say(one, "before", 1)
    bad = say(one, text, 2, author)
    say(one, "after", 3)
    ((name, told),) = backfill(Chats(), "default").refused
    assert name == f"chatmessage:{bad.pk}"
    assert reason in told
    assert texts(one) == ["before", "after"]


def test_a_conversation_that_cannot_be_a_session_is_named_and_costs_no_other() -> None:
    bad, good = chat(), chat()
    say(good, "hello")

    class Long(Chats):
        def session(self, conversation: Chat) -> dict[str, Any]:
            return {"title": "t" * 300 if conversation.pk == bad.pk else ""}

    ((name, reason),) = backfill(Long(), "default").refused
    assert name == f"chat:{bad.pk}"
    assert "title" in reason
    assert texts(good) == ["hello"]


def test_rows_outside_the_querysets_and_rows_mapped_to_none_are_left_out() -> None:
    one = chat()
    say(one, "gone", 1)
    ChatMessage.objects.update(deleted=True)
    say(one, "looked at", 2, "audit")
    say(one, "kept", 3)
    report = backfill(Chats(), "default")
    assert texts(one) == ["kept"]
    assert (report.new, report.left_out, report.refused) == (1, 1, [])


def test_what_no_database_keeps_is_mended_and_marked() -> None:
    one = chat()
    row = say(one, '{"content": "a\\u0000b", "metadata": {"size": 99999999999999999999}}')
    assert backfill(Chats(), "default").mended == 1
    (message,) = log(one)
    assert message["content"] == "a\ufffdb"
    assert message["metadata"] == {
        "size": "99999999999999999999",
        "source": f"chatmessage:{row.pk}",
        "repaired": True,
    }


def test_a_time_without_a_zone_is_in_the_zone_of_the_site(settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"

    class Naive(Chats):
        def message(self, row: ChatMessage) -> dict[str, Any]:
            noon = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - as a site without USE_TZ has them
            return {"role": "user", "content": row.text, "created_at": noon}

    one = chat()
    say(one, "hello")
    backfill(Naive(), "default")
    assert log(one)[0]["created_at"] == "2026-03-01T03:00:00Z"


def test_a_link_that_is_no_foreign_key_and_a_key_of_the_sites_own_will_do() -> None:
    class Plain(holdfast.Adoption[Chat, ChatMessage]):
        conversations = Chat.objects.all()
        messages = ChatMessage.objects.all()
        conversation = "chat_id"

        def session(self, conversation: Chat) -> dict[str, Any]:
            return {"key": f"old-{conversation.pk}", "user": 17, "tags": ["old"]}

        def message(self, row: ChatMessage) -> dict[str, Any]:
            return {"role": "user", "content": row.text}

    one = chat()
    say(one, "hello")
    assert backfill(Plain(), "default").new == 1
    session = holdfast.open(f"old-{one.pk}")
    assert (session.user, session.tags, len(session.messages())) == ("17", ["old"], 1)


def test_a_bug_in_the_mapping_is_not_taken_for_bad_data() -> None:
    class Wrong(Chats):
        def message(self, row: ChatMessage) -> dict[str, Any]:
            return {"content": row.txet}  # type: ignore[attr-defined]

    say(chat(), "hello")
    with pytest.raises(AttributeError):
        backfill(Wrong(), "default")


def test_a_second_run_stores_nothing_and_a_later_title_is_taken_over() -> None:
    filled(3, 5)
    assert backfill(Chats(), "default").new == 15
    Chat.objects.update(title="Named at last")
    report = backfill(Chats(), "default")
    assert (report.new, report.known) == (0, 15)
    (first, *_) = Chat.objects.order_by("pk")
    assert holdfast.open(f"chat:{first.pk}").title == "Named at last"


def test_a_dry_run_counts_and_refuses_but_stores_nothing() -> None:
    filled(2, 3)
    say(Chat.objects.earliest("pk"), "", 99)
    report = backfill(Chats(), "default", dry_run=True)
    assert (report.new, len(report.refused)) == (6, 1)
    assert backfill(Chats(), "default").new == 6


@pytest.mark.parametrize("batch", [1, 2, 4, 500])
def test_limited_runs_go_on_where_the_last_one_stopped(batch: int) -> None:
    filled(3, 4)
    runs = [backfill(Chats(), "default", limit=5, batch=batch)]
    while not runs[-1].finished:
        runs.append(backfill(Chats(), "default", limit=5, batch=batch))
    assert all(5 <= run.new <= 8 for run in runs[:-1])
    assert sum(run.new for run in runs) == 12
    assert [run.known for run in runs] == [0, *accumulate(run.new for run in runs[:-1])]
    for one in Chat.objects.all():
        assert [text.split(" of ")[0] for text in texts(one)] == [f"Message {n}" for n in range(4)]


def test_a_session_that_is_ended_or_anothers_is_named() -> None:
    ended, theirs = chat(), chat()
    holdfast.open(f"chat:{ended.pk}", user="ana").end()
    holdfast.open(f"chat:{theirs.pk}", user="bo")
    say(ended, "hello")
    reasons = dict(backfill(Chats(), "default").refused)
    assert reasons == {
        f"chat:{ended.pk}": "its session is ended",
        f"chat:{theirs.pk}": "its session belongs to another user",
    }


def test_a_session_made_for_another_conversation_is_left_alone() -> None:
    one = chat()
    say(one, "hello")
    made = holdfast.open(f"chat:{one.pk}", user="ana", metadata={"source": "ticket:1"})
    assert dict(backfill(Chats(), "default").refused) == {
        f"chat:{one.pk}": "its key belongs to the session of another conversation"
    }
    assert made.messages() == []


def test_times_of_the_site_are_kept_to_the_microsecond() -> None:
    one = chat()
    row = say(one, "hello", 1.0000001)
    backfill(Chats(), "default")
    assert datetime.fromisoformat(log(one)[0]["created_at"]) == row.written
    assert row.written != at(1)
