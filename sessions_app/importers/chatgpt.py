"""The data export of ChatGPT: `conversations.json`, or several numbered ones, alone, in a folder or
inside the zip that was sent. A conversation is a tree of nodes, each with one message or none.

What becomes what:

- The branch of `current_node` is the session `chatgpt:<conversation id>`. Edited messages and
  answers asked for again are forks, named by the node they begin with (`...:<node id>`).
- A message that the assistant sends to a tool is a tool call; the call's id is the node's. The
  tool's messages are its results: the export gives them no call id, so a result belongs to the
  newest call above it that has none, one to the same tool first. Further messages of the tool on
  the same call are parts of one result. A result that no call stands above is kept as one, with
  the node's id as its call.
- Thoughts are messages of the assistant that hold nothing but thinking.
- The user's custom instructions are the system text of the session.
- Empty system nodes, recaps of thoughts and what the app noted about itself are records, kept as
  they are; so are kinds of content of a later release, which count as unknown.
- Images, audio and files are not in the export as text: a part in square brackets stands for each,
  and what the export says of it is in the message's `metadata.extra`.

A node's id is the message's `metadata.source`, so an export of next month adds what is new. When
another branch has become the current one meanwhile, the messages of the branch left are retracted
in the session, and it becomes a fork.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from sessions_app.core import instants
from sessions_app.importers import base, conversations
from sessions_app.importers.base import Conversation, Item, Kept, Record, Said, Warned
from sessions_app.importers.branches import Knot, Tree
from sessions_app.importers.conversations import App, Told
from sessions_app.importers.shapes import list_of, moment, record_of, short, text

name = "chatgpt"
suffixes = (".json", ".zip")

ID_FIELDS = ("conversation_id", "id")
AROUND = frozenset(
    {*ID_FIELDS, "title", "create_time", "update_time", "mapping", "current_node", "current_leaf"}
)
NO_MESSAGE = ("record", "unknown")
ROLES = ("system", "user", "assistant", "tool")
NO_TOOL = ("", "all", "user", "assistant")
IN_PARTS = ("text", "multimodal_text")
OF_THE_APP = ("reasoning_recap", "user_editable_context", "model_editable_context")
CONTENT_FIELDS = frozenset({"content_type", "parts", "text", "result", "thoughts"})
USUAL = {"status": "finished_successfully", "weight": 1.0, "recipient": "all"}


def find() -> list[Path]:
    """There is no usual place for an export."""
    return []


def holds(found: Any) -> bool:
    """Whether a found is a conversation."""
    return isinstance(found, dict) and isinstance(found.get("mapping"), dict)


def read(path: Path) -> Iterator[Item]:
    """The sessions of one export. Raises Unreadable for a file that cannot be used at all."""
    yield from conversations.read(path, App("ChatGPT", holds, _items))


def _items(told: Told) -> Iterator[Item]:
    talk = _Talk(told)
    if talk.tree.roots:
        yield from talk.items()


# -- the tree ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Node:
    """A node of the mapping; `call` is the id of the call it makes or answers."""

    id: str
    rank: int
    message: Record
    parent: str | None
    kind: str
    call: str | None = None
    children: list[_Node] = field(default_factory=list)


class _Calls(NamedTuple):
    """The calls above a node that have no result yet, newest last, as (id, tool); and the one that
    was answered just now."""

    waiting: tuple[tuple[str, str], ...] = ()
    answered: tuple[str, str] | None = None


class _Talk:
    """One conversation with its nodes in order."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.record = told.record
        self.tree = Tree()
        self.at = moment(self.record.get("create_time"))
        self.circles = 0
        self._nodes: dict[str, _Node] = {}
        self._kept: list[Kept] = []
        self._times: dict[str, int | None] = {}
        for rank, (key, node) in enumerate(self.record["mapping"].items()):
            self._add(_id(key), rank, node)
        self._link()
        self._favour(_id(text(self.record.get("current_node"))))
        self._grow()

    def items(self) -> Iterator[Item]:
        """The branch of the current node as the session, the others as forks of it."""
        if self.circles:
            reason = "has messages that follow each other in a circle; they begin a branch"
            yield Warned(self.told.line, f"{self._key()} {reason}")
        metadata, over = conversations.around(self.record, AROUND)
        begun = Conversation(
            key=self._key(),
            title=self._title(),
            system=self._system(),
            metadata={"imported_from": name, **metadata},
            at=self.at,
        )
        yield from conversations.branches(self.tree, begun, self._said, [*over, *self._kept])

    def _add(self, key: str, rank: int, value: Any) -> None:
        node = record_of(value)
        message = record_of(node.get("message"))
        kind = _kind(message)
        parent = text(node.get("parent"))
        self._nodes[key] = _Node(key, rank, message, _id(parent) if parent else None, kind)
        if message and kind in NO_MESSAGE:
            self._kept.append(Kept(key, message, unknown=kind == "unknown"))
        elif not message and (node.get("message") or not isinstance(value, dict | None)):
            self._kept.append(Kept(key, value))

    def _link(self) -> None:
        """Hangs nodes on their parents; an older export tells only the children of some."""
        for key, value in self.record["mapping"].items():
            for child in list_of(record_of(value).get("children")):
                found = self._nodes.get(_id(child)) if isinstance(child, str) else None
                if found is not None and found.parent is None and child != key:
                    found.parent = _id(key)
        for node in self._nodes.values():
            parent = self._nodes.get(node.parent or "")
            if parent is None or parent is node:
                node.parent = None
            else:
                parent.children.append(node)

    def _favour(self, current: str) -> None:
        """Ranks the current node above all others, which makes its branch the newest one. Without
        one it is the newest message."""
        node = self._nodes.get(current)
        seen: set[str] = set()
        while node is not None and node.kind in NO_MESSAGE and node.id not in seen:
            seen.add(node.id)
            node = self._nodes.get(node.parent or "")
        if node is None or node.kind in NO_MESSAGE:
            said = [node for node in self._nodes.values() if node.kind not in NO_MESSAGE]
            node = max(said, key=_newness, default=None)
        if node is not None:
            node.rank = len(self._nodes)

    def _grow(self) -> None:
        """Walks down from the roots; what is reached from none of them follows itself in a circle,
        and is cut open at its first node."""
        seen: set[str] = set()
        roots = [node for node in self._nodes.values() if node.parent is None]
        for root in [*roots, *self._nodes.values()]:
            if root.id not in seen:
                self.circles += root.parent is not None
                self._walk(root, seen)

    def _walk(self, root: _Node, seen: set[str]) -> None:
        waiting: list[tuple[_Node, Knot | None, _Calls]] = [(root, None, _Calls())]
        while waiting:
            node, above, calls = waiting.pop()
            if node.id in seen:
                continue
            seen.add(node.id)
            above, calls = self._place(node, above, calls)
            waiting += [(child, above, calls) for child in reversed(node.children)]

    def _place(self, node: _Node, above: Knot | None, calls: _Calls) -> tuple[Knot | None, _Calls]:
        """Puts a node into the tree; returns what stands above its children."""
        time = moment(node.message.get("create_time"))
        before = self._times.get(node.parent or "", self.at)
        self._times[node.id] = before if time is None else time
        if node.kind in NO_MESSAGE:
            return above, calls
        place = (node.id, node.rank, 0)
        if node.kind == "result":
            node.call, calls = _answered(node, calls)
            parent = self._nodes.get(node.parent or "")
            if above is not None and parent is not None and _goes_on(parent, node):
                self.tree.join(above, place)
                return above, calls
        elif node.kind == "call":
            node.call = node.id
            tool = text(node.message.get("recipient"))
            waiting = () if calls.answered else calls.waiting
            calls = _Calls((*waiting, (node.id, tool)))
        elif node.kind == "message":
            calls = _Calls()
        return self.tree.grow(above, place, said=True), calls

    # -- what is told --------------------------------------------------------------------------

    def _key(self) -> str:
        own = next((given for key in ID_FIELDS if (given := text(self.record.get(key)))), "")
        if not own:
            first = [*list(self._nodes)[:2], text(self.record.get("title"))]
            own = hashlib.sha256(orjson.dumps(first)).hexdigest()[:24]
        return base.bounded_key(f"{name}:{own}")

    def _title(self) -> str:
        asked = (
            _words(node.message) for node in self._nodes.values() if _role(node.message) == "user"
        )
        return base.title_from([text(self.record.get("title")), *asked])

    def _system(self) -> str | None:
        """The custom instructions, as the app showed them to the model."""
        for node in self._nodes.values():
            told = [part for part in _instructions(node.message) if part.strip()]
            if told:
                return "\n\n".join(told)
        return None

    def _said(self, knot: Knot) -> Iterator[Item]:
        nodes = [self._nodes[source] for source in knot.sources]
        payload: Record = _payload(nodes)
        at = self._times[nodes[0].id]
        if at is not None:
            payload["created_at"] = instants.render(at)
        extra: Record = {}
        for node in nodes:
            extra |= _extra(node.message)
        spans = (1,) * len(nodes) if len(nodes) > 1 else ()
        repaired = self.told.is_repaired(payload)
        yield from base.said(Said(payload, knot.sources, spans, self.told.line, repaired), extra)


def _id(key: str) -> str:
    return base.bounded_key(key or "-")


def _newness(node: _Node) -> tuple[int, int]:
    return moment(node.message.get("create_time")) or 0, node.rank


def _answered(node: _Node, calls: _Calls) -> tuple[str, _Calls]:
    """The id of the call that a tool's message answers, and the calls left."""
    tool = _author(node.message)
    if calls.answered and calls.answered[1] == tool and not _asked(calls, tool):
        return calls.answered[0], calls
    found = _asked(calls, tool) or (calls.waiting[-1] if calls.waiting else None)
    if found is None:
        return (calls.answered[0] if calls.answered else node.id), calls
    waiting = tuple(call for call in calls.waiting if call is not found)
    return found[0], _Calls(waiting, (found[0], tool))


def _asked(calls: _Calls, tool: str) -> tuple[str, str] | None:
    """The oldest waiting call of a tool, which may be named with a function of it behind."""
    return next((call for call in calls.waiting if _same_tool(call[1], tool)), None)


def _same_tool(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _goes_on(parent: _Node, node: _Node) -> bool:
    """Whether a tool's message is a further part of the result before it."""
    return parent.kind == "result" and parent.call == node.call and len(parent.children) == 1


# -- one message -------------------------------------------------------------------------------


def _kind(message: Record) -> str:
    """`message`, `call`, `result`, `thoughts`; `record` and `unknown` are no messages."""
    role, content = _role(message), record_of(message.get("content"))
    told = content.get("content_type")
    if not message or told in OF_THE_APP or (role == "system" and message.get("weight") == 0):
        return "record"
    if role == "tool":
        return "result"
    if role not in ROLES:
        return "unknown"
    if told == "thoughts":
        return "thoughts" if role == "assistant" and _thoughts(content).strip() else "record"
    if role == "assistant" and text(message.get("recipient")) not in NO_TOOL:
        return "call"
    if told not in (*IN_PARTS, "code", None) and not _words(message):
        return "unknown"
    return "message" if _words(message).strip() else "record"


def _role(message: Record) -> str:
    return text(record_of(message.get("author")).get("role"))


def _author(message: Record) -> str:
    return text(record_of(message.get("author")).get("name"))


def _payload(nodes: list[_Node]) -> Record:
    """The message of a node, or of the nodes of one result."""
    first = nodes[0]
    if first.kind == "result":
        answers = [_answer(node.message) for node in nodes]
        parts = [{"type": "text", "text": answer} for answer in answers]
        content: Any = answers[0] if len(nodes) == 1 else parts
        return {"role": "tool", "tool_call_id": first.call, "content": content}
    payload: Record = {"role": _role(first.message), "content": _words(first.message)}
    if first.kind == "thoughts":
        thought = _thoughts(record_of(first.message.get("content")))
        payload["content"] = [{"type": "thinking", "thinking": thought}]
    elif first.kind == "call":
        payload |= {"content": None, "tool_calls": [_call(first)]}
    metadata = record_of(first.message.get("metadata"))
    if metadata.get("is_visually_hidden_from_conversation") is True and payload["role"] == "user":
        payload["author"] = "harness"
    if payload["role"] == "assistant":
        ended = record_of(metadata.get("finish_details")).get("type")
        payload |= {"model": short(metadata.get("model_slug")), "finish_reason": short(ended)}
    return payload


def _call(node: _Node) -> Record:
    """Arguments that are no JSON object, as Python code is none, make a call with free text."""
    given = _words(node.message)
    tool = text(node.message.get("recipient"))
    try:
        arguments = orjson.loads(given)
    except orjson.JSONDecodeError:
        arguments = None
    if isinstance(arguments, dict):
        function = {"name": tool, "arguments": given}
        return {"id": node.call, "type": "function", "function": function}
    return {"id": node.call, "type": "custom", "custom": {"name": tool, "input": given}}


def _answer(message: Record) -> str:
    """What a tool answered; content of an unknown kind as the JSON it is."""
    content = record_of(message.get("content"))
    told = content.get("content_type")
    words = _words(message)
    if told == "tether_quote":
        place = [text(content.get("title")), text(content.get("url"))]
        return "\n".join(filter(None, [*place, words]))
    if told in (*IN_PARTS, None) or words:
        return words
    return orjson.dumps(content).decode() if len(content) > 1 else ""


def _words(message: Record) -> str:
    """The text of a content, with a part in square brackets for what is no text."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    content = record_of(content)
    if isinstance(content.get("parts"), list):
        return "\n".join(filter(None, map(_part, content["parts"])))
    return text(content.get("text")) or text(content.get("result"))


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return "" if part is None else orjson.dumps(part).decode()
    if isinstance(part.get("text"), str):
        return str(part["text"])
    kind = text(part.get("content_type")).partition("_")[0] or "part"
    pointer = text(part.get("asset_pointer"))
    return f"[{kind}: {pointer}]" if pointer else f"[{kind}]"


def _instructions(message: Record) -> list[str]:
    """What the user wants the model to know always; older exports have it in the metadata."""
    content = record_of(message.get("content"))
    if content.get("content_type") == "user_editable_context":
        return [text(content.get("user_profile")), text(content.get("user_instructions"))]
    told = record_of(record_of(message.get("metadata")).get("user_context_message_data"))
    return [text(told.get("about_user_message")), text(told.get("about_model_message"))]


def _thoughts(content: Record) -> str:
    """Each thought is a short summary and what was thought."""
    steps = [record_of(step) for step in list_of(content.get("thoughts"))]
    told = [text(step.get(part)) for step in steps for part in ("summary", "content")]
    return "\n".join(filter(None, told)) or text(content.get("text"))


def _extra(message: Record) -> Record:
    """What the export says beyond the message itself."""
    extra = {
        key: value
        for key, value in message.items()
        if key not in ("id", "author", "content", "create_time", "metadata")
        and value != USUAL.get(key)
    }
    author = record_of(message.get("author"))
    extra |= {f"author_{key}": author[key] for key in author if key != "role" and author[key]}
    content = record_of(message.get("content"))
    extra |= {key: content[key] for key in content if key not in CONTENT_FIELDS and content[key]}
    if content.get("content_type") not in (None, "text"):
        extra["content_type"] = content["content_type"]
    parts = [part for part in list_of(content.get("parts")) if not isinstance(part, str)]
    extra |= {"parts": parts} if parts else {}
    told = record_of(message.get("metadata"))
    return extra | ({"metadata": told} if told else {})
