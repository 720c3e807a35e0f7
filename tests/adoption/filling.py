"""Chats of the made-up site, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import holdfast
from holdfast.adoption.comparing import Compared, compare
from tests.adoption.site.adoption import Chats
from tests.adoption.site.models import Chat, ChatMessage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def chat(owner: str = "ana", title: str = "Trip") -> Chat:
    return Chat.objects.create(owner=owner, title=title, started=NOON)


def say(where: Chat | None, text: str, minute: float = 1, author: str = "me") -> ChatMessage:
    return ChatMessage.objects.create(chat=where, author=author, text=text, written=at(minute))


def filled(chats: int, messages: int) -> None:
    """So many chats of so many messages, turn by turn."""
    Chat.objects.bulk_create(
        Chat(owner=f"u{number % 7}", title=f"Chat {number}", started=NOON)
        for number in range(chats)
    )
    ChatMessage.objects.bulk_create(
        ChatMessage(
            chat=chat,
            author=("me", "bot")[number % 2],
            text=f"Message {number} of chat {chat.pk}: the train to Porto leaves at noon.",
            written=at(number),
        )
        for chat in Chat.objects.order_by("pk")
        for number in range(messages)
    )


def log(of: Chat) -> list[dict[str, Any]]:
    """What its session holds."""
    return holdfast.open(f"chat:{of.pk}").messages(limit=500)


def texts(of: Chat) -> list[Any]:
    return [message["content"] for message in log(of)]


def differing() -> list[Compared]:
    return [one for one in compare(Chats(), "default") if one.differs()]
