"""Events as the lines between messages that they are in a transcript."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sessions_app.core.replay import Entry

from . import amounts
from .fate import Fold, lost

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Words:
    """What an event says: in words, why, and which message, other session or compression it is
    about."""

    text: str
    reason: str = ""
    seq: int | None = None
    session: str | None = None
    compression: str | None = None


def words(event: Entry, folds: Mapping[int, Fold] | None = None) -> Words:
    """The words for an event; a kind this release does not know is named as it is. `folds` are
    compressions by the version of their event, for what their events do not say."""
    if not event.data and event.kind in _NEEDS_DATA:
        return Words(f"{_plain(event.kind)} (erased)")
    if event.kind == "compressed":
        return _compressed(event.data, (folds or {}).get(event.version))
    say = _SAID.get(event.kind)
    return say(event.data) if say else Words(_plain(event.kind))


def _plain(kind: str) -> str:
    return kind.replace("_", " ").capitalize()


def _created(data: Data) -> Words:
    tools = len(data.get("tools") or ())
    having = [
        *(["a system text"] if data.get("system") else []),
        *([f"{tools} tool{'s' * (tools != 1)}"] if tools else []),
    ]
    return Words(f"Created with {' and '.join(having)}" if having else "Created")


def _prompt(data: Data) -> Words:
    return Words(f"System text and tools changed, now {len(data.get('tools') or ())} tools")


def _policy(data: Data) -> Words:
    return Words(f"Policy {data['policy']}, version {data['policy_version']}")


def _details(data: Data) -> Words:
    return Words(f"Changed: {', '.join(data)}")


def _retracted(data: Data) -> Words:
    first, last = int(data["from"]), int(data["to"])
    which = f"#{first}" if first == last else f"#{first} to #{last}"
    return Words(f"Retracted {which}", str(data.get("reason") or ""), seq=first)


def _pin(verb: str) -> Callable[[Data], Words]:
    def say(data: Data) -> Words:
        return Words(f"{verb} #{data['seq']}", str(data.get("reason") or ""), seq=int(data["seq"]))

    return say


def _forked(data: Data) -> Words:
    return Words(f"Forked at version {data['at']}", session=str(data["session"]))


def _records(data: Data) -> Words:
    records = data.get("records")
    kept = len(records) if isinstance(records, list) else 1
    return Words(f"Kept from the import as it was: {kept} record{'s' * (kept != 1)}")


def _compacted(data: Data) -> Words:
    """Why, how full it was and when, as far as the tool wrote it down."""
    tokens = data.get("pre_tokens")
    told = [
        *([str(data["trigger"])] if data.get("trigger") else []),
        *([f"at {tokens:,} tokens"] if isinstance(tokens, int) else []),
        *([str(data["at"])] if data.get("at") else []),
    ]
    return Words("Compacted by the tool it was imported from", ", ".join(told))


def _compressed(data: Data, fold: Fold | None) -> Words:
    before, after = (amounts.count(data[name]) for name in ("tokens_before", "tokens_after"))
    said = [
        f"Compression {fold.ordinal}" if fold else "Compression",
        trigger(str(data["trigger"])),
        f"folded {amounts.span_of(data['from'], data['to'])}",
        f"{before} \N{RIGHTWARDS ARROW} {after} tokens",
        *([lost(fold.lost)] if fold else []),
    ]
    return Words(" · ".join(said), compression=str(data["compression"]))


def trigger(name: str) -> str:
    """What a compression was done for; a mark is a level."""
    return f"{name} %" if name.isdigit() else TRIGGERS.get(name, name)


TRIGGERS = {"manual": "by hand", "resume": "resumed after a pause", "idle": "while idle"}
_NOTICES = {"context_nearly_full": "Nearly full"}


def _notice(data: Data) -> Words:
    code = str(data.get("code") or "notice")
    level = data.get("level")
    full = f": {amounts.percent(level)} of the context" if isinstance(level, int | float) else ""
    return Words(f"{_NOTICES.get(code, _plain(code))}{full}")


def _lease(data: Data) -> Words:
    said = {
        "taken_over": f"Taken over from {data.get('from')}, whose lease ran out, by",
        "released": "Lease released by",
        "freed": "Lease ended by a person, held by",
    }
    return Words(said.get(str(data["action"]), "Lease taken by"), str(data["holder"]))


def _remembered(data: Data) -> Words:
    stored = len(data.get("stored") or ())
    return Words(
        "A fact was stored" if stored == 1 else f"{amounts.count(stored)} facts were stored"
    )


def _just(text: str) -> Callable[[Data], Words]:
    return lambda _data: Words(text)


_NEEDS_DATA = frozenset(
    {"policy", "retracted", "pinned", "unpinned", "forked", "compressed", "lease"}
)
_SAID: Mapping[str, Callable[[Data], Words]] = {
    "created": _created,
    "prompt": _prompt,
    "policy": _policy,
    "details": _details,
    "retracted": _retracted,
    "pinned": _pin("Pinned"),
    "unpinned": _pin("Unpinned"),
    "remembered": _remembered,
    "revised": _just("A fact of this session was edited"),
    "forked": _forked,
    "ended": _just("Ended"),
    "archived": _just("Archived"),
    "reopened": _just("Reopened"),
    "deleted": _just("Deleted"),
    "restored": _just("Restored"),
    "notice": _notice,
    "lease": _lease,
    "imported_boundary": _compacted,
    "imported_summary": _just("Summary by the tool it was imported from"),
    "imported_records": _records,
}
