"""The revisions of a fact as its page tells them: what changed, word by word. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from . import wording
from .wording import Line

TIMES = ("valid_us", "invalid_us", "confirmed_us")
LABELS: Mapping[str, str] = {
    "text": "Text",
    "category": "Category",
    "key": "Key",
    "subject": "Subject",
    "relation": "Relation",
    "object": "Object",
    "status": "Status",
    "pinned": "Pinned",
    "trust": "Whose word",
    "sources": "Sources",
    "valid_us": "Holds from",
    "invalid_us": "Holds until",
    "superseded_by": "Superseded by",
    "metadata": "Metadata",
    "confirmed_us": "Said again",
}
TRUST: Mapping[str, str] = {
    "user": "the user's own word",
    "editor": "the word of whoever stored or edited it",
    "tool": "what a tool gave",
    "model": "what the model said",
    "import": "imported; nobody here heard it",
}


TOLD = ("text", "status", "valid_us", "invalid_us")
"""What contexts are told of a fact, or whether they are."""


@dataclass(frozen=True, slots=True)
class Change:
    """A field that a revision changed. `lines` are of a text, word by word; any other value is
    `before` and `after`: text, microseconds of a time (`kind` "time"), the id of a fact ("fact"),
    or None for nothing."""

    label: str
    kind: str
    before: Any = None
    after: Any = None
    lines: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision: its number, who made it, when (microseconds) and why."""

    number: int
    editor: str
    reason: str
    at: int
    changes: Sequence[Change]

    @property
    def said_otherwise(self) -> bool:
        """Whether it changed what contexts are told."""
        return any(change.label in map(LABELS.get, TOLD) for change in self.changes)


def revision(row: Any) -> Revision:
    """A stored revision as it is shown."""
    changes = orjson.loads(row.changes)
    return Revision(row.revision, row.editor, row.reason, row.created_us, told(changes))


def first(told: Mapping[str, Any], at: int) -> Revision:
    """The fact as it was stored; `told` is its first revision as the contract shows it."""
    lines = wording.changes("", told["changes"]["text"]["to"])
    text = Change(LABELS["text"], "text", lines=lines)
    return Revision(1, told["editor"], told["reason"] or "", at, [text])


def told(changes: Mapping[str, Sequence[Any]]) -> list[Change]:
    """What changed, {field: [before, after]} as it is stored, in the order of the labels."""
    return [_change(name, *changes[name]) for name in LABELS if name in changes]


def _change(name: str, before: Any, after: Any) -> Change:
    label = LABELS[name]
    if name == "text":
        return Change(label, "text", lines=wording.changes(before, after))
    if name == "sources":
        return Change(label, "text", lines=wording.changes(_quotes(before), _quotes(after)))
    if name == "metadata":
        return Change(label, "text", lines=wording.changes(pretty(before), pretty(after)))
    if name in TIMES:
        return Change(label, "time", before, after)
    if name == "superseded_by":
        return Change(label, "fact", before, after)
    return Change(label, "plain", _plain(name, before), _plain(name, after))


def _plain(name: str, value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return TRUST.get(value, value) if name == "trust" else value or None


def _quotes(sources: str) -> str:
    """A line for each source."""
    lines = [f"#{one['seq']}: {' '.join(one['quote'].split())}" for one in orjson.loads(sources)]
    return "\n".join(lines)


def pretty(metadata: str) -> str:
    """Metadata as people write it; nothing for none."""
    found = orjson.loads(metadata)
    return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() if found else ""
