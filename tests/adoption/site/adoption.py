"""How the made-up site's tables become sessions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import holdfast
from tests.adoption.site.models import Chat, ChatMessage

ROLES = {"me": "user", "bot": "assistant", "tool": "tool"}


class Chats(holdfast.Adoption[Chat, ChatMessage]):
    conversations = Chat.objects.filter(closed=False)
    messages = ChatMessage.objects.filter(deleted=False)
    conversation = "chat"
    order = ("written", "pk")

    def session(self, conversation: Chat) -> Mapping[str, Any]:
        started = conversation.started
        return {"user": conversation.owner, "title": conversation.title, "created_at": started}

    def message(self, row: ChatMessage) -> Mapping[str, Any] | None:
        if row.author == "audit":
            return None
        said = json.loads(row.text) if row.text.startswith("{") else {"content": row.text}
        return {"role": ROLES[row.author], "created_at": row.written, **said}
