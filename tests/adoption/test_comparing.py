"""The comparison names every kind of difference, and nothing else."""

from __future__ import annotations

import pytest

import holdfast
from holdfast.adoption.backfilling import backfill
from holdfast.adoption.comparing import KINDS, Difference, compare
from tests.adoption.filling import at, differing, filled, say
from tests.adoption.site.adoption import Chats
from tests.adoption.site.models import Chat, ChatMessage

pytestmark = pytest.mark.usefixtures("quick_site")


def difference(of: Chat) -> dict[str, list[str]]:
    """The kinds that differ, of the one conversation that does."""
    (one,) = differing()
    assert one.conversation == f"chat:{of.pk}"
    return {kind: names for kind in KINDS if (names := getattr(one.difference, kind))}


@pytest.fixture
def copied() -> Chat:
    """A chat of three rows, the second of three, all of them copied."""
    filled(3, 3)
    backfill(Chats(), "default")
    assert differing() == []
    found: Chat = Chat.objects.order_by("pk")[1]
    return found


def rows(of: Chat) -> list[ChatMessage]:
    return list(ChatMessage.objects.filter(chat=of).order_by("written"))


def test_a_row_that_is_not_stored_is_missing(copied: Chat) -> None:
    row = say(copied, "new", 9)
    assert difference(copied) == {"missing": [f"chatmessage:{row.pk}"]}


def test_a_message_whose_row_is_gone_is_extra(copied: Chat) -> None:
    gone = rows(copied)[1]
    ChatMessage.objects.filter(pk=gone.pk).update(deleted=True)
    assert difference(copied) == {"extra": [f"chatmessage:{gone.pk}"]}


def test_a_message_that_names_no_row_is_extra(copied: Chat) -> None:
    session = holdfast.open(f"chat:{copied.pk}")
    session.append(role="user", content="from elsewhere")
    assert difference(copied) == {"extra": ["message 4"]}


@pytest.mark.parametrize("change", [{"text": "another"}, {"author": "bot"}, {"written": at(0.5)}])
def test_a_row_that_was_edited_is_altered(copied: Chat, change: dict[str, object]) -> None:
    row = rows(copied)[0]
    ChatMessage.objects.filter(pk=row.pk).update(**change)
    assert difference(copied) == {"altered": [f"chatmessage:{row.pk}"]}


def test_a_row_stored_behind_a_later_one_is_misplaced(copied: Chat) -> None:
    late = say(copied, "late", 0.5)
    backfill(Chats(), "default")
    behind = [f"chatmessage:{row.pk}" for row in rows(copied)[2:]]
    assert late.pk == rows(copied)[1].pk
    assert difference(copied) == {"misplaced": behind}


def test_a_row_that_cannot_be_a_message_is_refused(copied: Chat) -> None:
    row = say(copied, " ", 9)
    assert difference(copied) == {"refused": [f"chatmessage:{row.pk} (`content` is empty)"]}


def test_a_row_that_moved_to_another_chat_differs_in_both(copied: Chat) -> None:
    row = rows(copied)[2]
    ChatMessage.objects.filter(pk=row.pk).update(chat=Chat.objects.earliest("pk"))
    there, here = sorted(differing(), key=lambda one: one.conversation)
    assert there.difference == Difference(missing=[f"chatmessage:{row.pk}"])
    assert here.difference == Difference(extra=[f"chatmessage:{row.pk}"])


def test_another_title_or_user_differs(copied: Chat) -> None:
    Chat.objects.filter(pk=copied.pk).update(title="Renamed", owner="eve")
    assert difference(copied) == {"session": ["another user", "another title"]}


def test_a_chat_without_a_session_and_a_session_without_a_chat_differ(copied: Chat) -> None:
    Chat.objects.filter(pk=copied.pk).update(closed=True)
    holdfast.open("chat:of somebody else", metadata={"source": "chat:none"})
    assert difference(copied) == {"session": ["its conversation is gone"]}
    Chat.objects.filter(pk=copied.pk).update(closed=False)
    holdfast.open(f"chat:{copied.pk}").delete(purge=True)
    assert difference(copied)["session"] == ["there is no session"]
    assert len(difference(copied)["missing"]) == 3


def test_rows_and_messages_are_counted(copied: Chat) -> None:
    say(copied, "looked at", 9, "audit")
    counts = [(one.rows, one.messages) for one in compare(Chats(), "default")]
    assert counts == [(3, 3)] * 3
