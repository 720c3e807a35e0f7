"""The data export of claude.ai: `conversations.json`, alone, in a folder or inside the zip that was
sent. A conversation is a list of messages that name their parents.

What becomes what:

- The branch of the newest message (of `current_leaf_message_uuid` where there is one) is the
  session `claude-ai:<conversation uuid>`; every other branch is a fork, named by the message it
  begins with (`...:<message uuid>`). Exports without parents are one line of messages.
- A message of the assistant with tool results inside is several messages: what called, the results,
  what came after them. The first has the message's uuid as `metadata.source`, the others a number
  behind it.
- The text of an attachment is a document block before the words; of other files only the name is in
  the export, and stands in square brackets.
- Blocks keep what Anthropic's API knows. What the app adds (times, icons, citations of its own)
  and token budgets go to `metadata.extra`. Unknown blocks stay in their message as they are.
- Projects, users and memories of the same export hold no conversations and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from sessions_app.core import instants
from sessions_app.importers import base, conversations
from sessions_app.importers.base import Conversation, Item, Kept, Record, Said, Warned
from sessions_app.importers.branches import Knot, Tree
from sessions_app.importers.conversations import App, Told
from sessions_app.importers.shapes import list_of, moment, record_of, short, text

name = "claude-ai"
suffixes = (".json", ".zip")

AROUND = frozenset(
    {"uuid", "name", "chat_messages", "created_at", "updated_at", "current_leaf_message_uuid"}
)
ROLES = {"human": "user", "user": "user", "assistant": "assistant"}
NO_PARENT = "00000000-0000-4000-8000-000000000000"
MAPPED = frozenset(
    {
        "uuid", "sender", "text", "content", "created_at", "updated_at", "parent_message_uuid",
        "index",
    }
)  # fmt: skip
KEPT_FIELDS = {
    "text": ("type", "text"),
    "thinking": ("type", "thinking", "signature"),
    "redacted_thinking": ("type", "data"),
    "tool_use": ("type", "id", "name", "input"),
    "tool_result": ("type", "tool_use_id", "content", "is_error"),
}
OF_THE_APP = ("token_budget",)


def find() -> list[Path]:
    """There is no usual place for an export."""
    return []


def holds(found: Any) -> bool:
    """Whether a found is a conversation."""
    return isinstance(found, dict) and isinstance(found.get("chat_messages"), list)


def read(path: Path) -> Iterator[Item]:
    """The sessions of one export. Raises Unreadable for a file that cannot be used at all."""
    yield from conversations.read(path, App("claude.ai", holds, _items))


def _items(told: Told) -> Iterator[Item]:
    talk = _Talk(told)
    if talk.tree.roots:
        yield from talk.items()


class _Piece(NamedTuple):
    """What one message of ours is made of: content blocks, and what of them has no place there."""

    role: str
    blocks: list[Record]
    aside: Record


class _Talk:
    """One conversation with its messages as a tree."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.record = told.record
        self.tree = Tree()
        self._messages: dict[str, Record] = {}
        self._pieces: dict[str, list[_Piece]] = {}
        self._kept: list[Kept] = []
        self._repeated = 0
        self._circles = 0
        self._ranks: dict[str, int] = {}
        parents: dict[str, str | None] = {}
        before: str | None = None
        for number, message in enumerate(self.record["chat_messages"], 1):
            before = self._add(number, message, parents, before)
        self._grow(parents)

    def items(self) -> Iterator[Item]:
        """The newest branch as the session, the others as forks of it."""
        key = self._key()
        if self._repeated:
            reason = f"has {self._repeated} messages twice; once is enough"
            yield Warned(self.told.line, f"{key} {reason}")
        if self._circles:
            reason = "has messages that follow each other in a circle; they begin a branch"
            yield Warned(self.told.line, f"{key} {reason}")
        metadata, over = conversations.around(self.record, AROUND)
        begun = Conversation(
            key=key,
            title=self._title(),
            metadata={"imported_from": name, **metadata},
            at=moment(self.record.get("created_at")),
        )
        yield from conversations.branches(self.tree, begun, self._said, [*over, *self._kept])

    def _add(
        self, number: int, message: Any, parents: dict[str, str | None], before: str | None
    ) -> str | None:
        """Takes a message in; returns the id of the one that a message without parent follows."""
        found = record_of(message)
        uuid = base.bounded_key(text(found.get("uuid")) or f"message:{number}")
        if uuid in self._messages:
            self._repeated += 1
            return before
        pieces = _pieces(found, uuid)
        if not pieces:
            self._kept.append(Kept(uuid, message, unknown=not _is_empty(found)))
        self._messages[uuid] = found
        self._pieces[uuid] = pieces
        given = text(found.get("parent_message_uuid"))
        named = "parent_message_uuid" in found
        parents[uuid] = base.bounded_key(given) if given else (None if named else before)
        return uuid

    def _grow(self, parents: dict[str, str | None]) -> None:
        """Puts every message on the one it follows. A parent that is not in the export stands for
        the message before; where messages follow each other in a circle, the first is a root."""
        children: dict[str | None, list[str]] = {}
        before: str | None = None
        for uuid, parent in parents.items():
            if parent in (NO_PARENT, uuid):
                parents[uuid] = None
            elif parent is not None and parent not in parents:
                parents[uuid] = before
            children.setdefault(parents[uuid], []).append(uuid)
            before = uuid
        self._ranks = {uuid: rank for rank, uuid in enumerate(self._messages)}
        leaf = base.bounded_key(text(self.record.get("current_leaf_message_uuid")))
        self._ranks[leaf] = len(self._ranks)
        seen: set[str] = set()
        for root in [*children.get(None, ()), *parents]:
            if root not in seen:
                self._circles += parents[root] is not None
                self._walk(root, children, seen)

    def _walk(self, root: str, children: dict[str | None, list[str]], seen: set[str]) -> None:
        waiting: list[tuple[str, Knot | None]] = [(root, None)]
        while waiting:
            uuid, above = waiting.pop()
            if uuid in seen:
                continue
            seen.add(uuid)
            for number in range(len(self._pieces[uuid])):
                place = (_source(uuid, number), self._ranks[uuid], number)
                if number == 0:
                    above = self.tree.grow(above, place, said=True)
                elif above is not None:
                    self.tree.join(above, place)
            waiting += [(child, above) for child in reversed(children.get(uuid, ()))]

    # -- what is told --------------------------------------------------------------------------

    def _key(self) -> str:
        own = text(self.record.get("uuid")) or next(iter(self._messages), "")
        return base.bounded_key(f"{name}:{own}")

    def _title(self) -> str:
        asked = (
            block["text"]
            for pieces in self._pieces.values()
            for piece in pieces
            for block in piece.blocks
            if piece.role == "user" and isinstance(block.get("text"), str)
        )
        return base.title_from([text(self.record.get("name")), *asked])

    def _said(self, knot: Knot) -> Iterator[Item]:
        uuid = knot.sources[0]
        message = self._messages[uuid]
        for number, piece in enumerate(self._pieces[uuid]):
            payload: Record = {"role": piece.role, "content": piece.blocks}
            at = moment(message.get("created_at")) or moment(self.record.get("created_at"))
            if at is not None:
                payload["created_at"] = instants.render(at)
            if piece.role == "assistant":
                payload["type"] = "message"
                payload["model"] = short(message.get("model") or self.record.get("model"))
            extra = dict(piece.aside)
            if number == 0:
                extra |= {key: message[key] for key in message if key not in MAPPED}
                extra = {key: extra[key] for key in extra if extra[key] not in ([], {}, "", None)}
            sources = (_source(uuid, number),)
            repaired = self.told.is_repaired(payload)
            yield from base.said(Said(payload, sources, (), self.told.line, repaired), extra)


def _source(uuid: str, number: int) -> str:
    return f"{uuid}:{number}" if number else uuid


# -- one message -------------------------------------------------------------------------------


def _pieces(message: Record, uuid: str) -> list[_Piece]:
    """The messages that one of the app's becomes; none where nobody said anything."""
    role = ROLES.get(text(message.get("sender")))
    if role is None:
        return []
    found: list[_Piece] = []
    calls: list[str] = []
    for number, (block, aside) in enumerate(_blocks(message, role)):
        kind = block.get("type")
        if kind == "tool_use":
            block["id"] = text(block.get("id")) or f"{uuid}_{number}"
            calls.append(block["id"])
        elif kind == "tool_result":
            block["tool_use_id"] = _asked(text(block.get("tool_use_id")), calls) or uuid
        owner = "tool" if kind == "tool_result" else role
        if not found or found[-1].role != owner:
            found.append(_Piece(owner, [], {}))
        found[-1].blocks.append(block)
        if aside:
            found[-1].aside.setdefault("blocks", {})[str(len(found[-1].blocks) - 1)] = aside
    if found and (budgets := _budgets(message)):
        found[0].aside["token_budget"] = budgets
    return found


def _asked(given: str, calls: list[str]) -> str:
    """The id of the call a result answers: its own, else the oldest that has none."""
    found = given or (calls[0] if calls else "")
    if found in calls:
        calls.remove(found)
    return found


def _budgets(message: Record) -> list[Any]:
    return [block for block in list_of(message.get("content")) if _is_of_the_app(block)]


def _is_of_the_app(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") in OF_THE_APP


def _is_empty(message: Record) -> bool:
    """Whether it is a message of a known sender without a word."""
    return text(message.get("sender")) in ROLES


def _blocks(message: Record, role: str) -> Iterator[tuple[Record, Record]]:
    """Content blocks, each with the fields of it that the API does not have."""
    if role == "user":
        for given in [*list_of(message.get("attachments")), *list_of(message.get("files"))]:
            yield from _attached(given)
    content = [block for block in list_of(message.get("content")) if not _is_of_the_app(block)]
    if not content and text(message.get("text")).strip():
        yield {"type": "text", "text": message["text"]}, {}
    for block in content:
        yield from _block(block)


def _attached(given: Any) -> Iterator[tuple[Record, Record]]:
    """An attachment with its text as a document, a file as its name."""
    found = record_of(given)
    title = text(found.get("file_name")) or text(found.get("file_uuid")) or "file"
    words = text(found.get("extracted_content"))
    if words.strip():
        source = {"type": "text", "media_type": "text/plain", "data": words}
        yield {"type": "document", "source": source, "title": title}, {}
    elif found:
        yield {"type": "text", "text": f"[{text(found.get('file_kind')) or 'file'}: {title}]"}, {}


def _block(given: Any) -> Iterator[tuple[Record, Record]]:
    if isinstance(given, str):
        given = {"type": "text", "text": given}
    if not isinstance(given, dict) or not text(given.get("type")):
        yield _as_text(given), {}
        return
    fields = KEPT_FIELDS.get(given["type"], tuple(given))
    block = {key: given[key] for key in fields if given.get(key) is not None}
    aside = {
        key: value
        for key, value in given.items()
        if key not in fields and value not in (None, [], {}, "")
    }
    sound = _sound(block)
    if sound is not None:
        yield sound, aside


def _sound(block: Record) -> Record | None:
    """The block in the shape its type has; None when it says nothing."""
    kind = block["type"]
    if kind in ("text", "thinking"):
        words = block.get(kind)
        if isinstance(words, str):
            return block if words.strip() else None
        return None if words is None else _as_text(words)
    if kind == "tool_use":
        given = block.get("input")
        whole = given if isinstance(given, dict) else {} if given is None else {"input": given}
        return {**block, "name": text(block.get("name")) or "tool", "input": whole}
    if kind == "tool_result":
        return {**block, "content": _answer(block.get("content"))}
    if kind in ("image", "document"):
        return _within_result(block)
    return block


def _answer(content: Any) -> Any:
    if isinstance(content, list):
        return [_within_result(entry) for entry in content]
    return content if isinstance(content, str | None) else orjson.dumps(content).decode()


def _as_text(value: Any) -> Record:
    return {"type": "text", "text": orjson.dumps(value).decode()}


def _within_result(given: Any) -> Record:
    """A part of a tool's answer: text, or what the API takes; all else as its words."""
    found = record_of(given)
    kind = found.get("type")
    if kind in ("image", "document") and text(record_of(found.get("source")).get("type")):
        return found
    words = text(found.get("text")) if kind == "text" else ""
    if not words:
        told = [text(found.get(key)) for key in ("title", "url", "text")]
        words = "\n".join(filter(None, told)) or orjson.dumps(given).decode()
    return {"type": "text", "text": words}
