"""Chat tables that a site had before Holdfast become sessions, while the site goes on using them.

    class Chats(holdfast.Adoption[Chat, ChatMessage]):
        conversations = Chat.objects.all()
        messages = ChatMessage.objects.all()
        conversation = "chat"

        def message(self, row):
            return {"role": row.role, "content": row.text, "created_at": row.created}

`holdfast adopt path.to.Chats` copies what is there, `Chats().copy(row)` what is said meanwhile, and
`holdfast adopt path.to.Chats --compare` tells when both hold the same.
"""

from __future__ import annotations

from holdfast.adoption.mapping import Adoption

__all__ = ["Adoption"]
