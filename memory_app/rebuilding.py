"""Builds the context of a stored turn again, from its file, in a database of no other use.

The caller gives an empty database and a transaction around it, and undoes that: rows that nobody
committed are remembered by no cache of this process, and the next turn finds the database empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from memory_app import context, keeping, policies, providing
from memory_app.context import Ask, Choices, Chosen, Context
from memory_app.core.turnfile import Document
from memory_app.models import FOR_EVER, Fact, UserLink
from memory_app.statements import RUN, SUMMARY
from memory_app.turns import HERE
from sessions_app.core import chain, instants
from sessions_app.core.entries import FORM_CODES
from sessions_app.core.logbook import Ledger, LogEntry, LogEvent, LogMessage
from sessions_app.models import Message
from sessions_app.store.base import NewSession, Snapshot
from sessions_app.store.durable import DurableStore

POLICY, USER = "turn", "user"
SALT = bytes(chain.SALT_BYTES)
"""The digests of the log stay behind: they prove a database, and this one is thrown away."""


def rebuilt(
    store: DurableStore, project: int, turn: Document, changes: Mapping[str, Any] | None = None
) -> Context:
    """The context of a turn; with `changes` under a policy of which these fields are others. Then
    everything is chosen anew from what the file holds.

    Raises what `context.build` and `policy.read` do, and Forged for a log that cannot be one.
    """
    rules = {**turn["policy"]["rules"], **(changes or {})}
    row, _ = policies.put(store, project, POLICY, rules)
    others = [_other(store, project, one) for one in turn["others"] if one["older"]]
    session = _session(store, project, turn)
    others += [_other(store, project, one) for one in turn["others"] if not one["older"]]
    _remember(store, session, turn)
    asked = turn["ask"]
    ask = Ask(asked["tokens"], asked["query"], asked["format"], turn["at"], POLICY, row.version)
    before = None if changes else _chosen(turn, [session.number, *others])
    said = providing.recorded((name, text) for name, text in turn["provided"])
    return context.build(store, project, session, ask, answers=said, before=before)


# -- the log -------------------------------------------------------------------------------------


def _session(store: DurableStore, project: int, turn: Document) -> Snapshot:
    entries = list(_entries(turn["log"]))
    ledger = Ledger()
    for entry in entries:
        ledger.add(entry)
    adopted = store.adopt(project, _row(turn, ledger), entries, {"memory": list(_beside(turn))})
    return adopted.session


def _row(turn: Document, ledger: Ledger) -> dict[str, Any]:
    """The session's row as an export has it, as far as a context looks at it."""
    session, rules = turn["session"], turn["policy"]["rules"]
    at = instants.parse(session["created_at"])
    told = {"title": "", "metadata": {}, "tags": [], "policy": POLICY, "policy_version": 1}
    return {
        "id": session["id"],
        "key": None,
        "user": USER if session["has_user"] else None,
        "status": "active",
        "version": ledger.version,
        "messages": ledger.messages,
        "active_tokens": ledger.tokens,
        "capacity": rules["window"] - rules["reserve"],
        "window": rules["window"],
        "created_us": at,
        "last_activity_us": at,
        "forked_from": None,
        "forked_at": None,
        "head": ledger.head,
        **told,
        **ledger.told,
    }


def _entries(log: Sequence[Mapping[str, Any]]) -> Iterator[LogEntry]:
    for entry in log:
        yield _message(entry) if "message" in entry else _event(entry)


def _message(entry: Mapping[str, Any]) -> LogMessage:
    body, at = _text(entry["body"]), instants.parse(entry["at"])
    salt, place = SALT if body else b"", (entry["version"], entry["message"])
    return LogMessage(
        seq=entry["message"],
        version=entry["version"],
        role=entry["role"],
        form=FORM_CODES[entry["form"]],
        tokens=entry["tokens"],
        estimated=entry["estimated"],
        batch_end=True,
        at=at,
        salt=salt,
        digest=chain.message_digest(salt, place, entry["role"], at, body),
        body=body,
    )


def _event(entry: Mapping[str, Any]) -> LogEvent:
    data, at = _text(entry["data"]), instants.parse(entry["at"])
    salt = SALT if data else b""
    digest = chain.event_digest(salt, entry["version"], entry["event"], at, data)
    return LogEvent(entry["version"], entry["event"], True, at, salt, digest, data)


def _text(value: Any) -> str:
    """The JSON text of a body, which is an object, that text itself, or None where it is blank."""
    if value is None or isinstance(value, str):
        return value or ""
    return orjson.dumps(value).decode()


def _other(store: DurableStore, project: int, other: Mapping[str, Any]) -> int:
    """A session that has just the messages that were told again, by its number."""
    number = store.open(project, NewSession()).session.number
    said = [_message(entry) for entry in other["messages"]]
    Message.objects.using(store.db.alias).bulk_create(
        Message(
            session_id=number, seq=one.seq, version=one.version, turn=1, turn_start=0,
            role=one.role, form=one.form, tokens=one.tokens, tokens_total=one.tokens,
            tokens_estimated=one.estimated, batch_end=True, created_us=one.at, salt=one.salt,
            digest=one.digest, body=one.body,
        )
        for one in said
    )  # fmt: skip
    return number


# -- what stands beside it -----------------------------------------------------------------------


def _beside(turn: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """The summary and the fates, as an export has them."""
    folded = turn["folded"]
    if folded is None:
        return
    if folded["summary"] is not None:
        summary = {name: folded["summary"][name] for name in SUMMARY}
        for name in ("points", "totals"):
            summary[name] = orjson.dumps(summary[name]).decode()
        yield "summary", summary
    for run in folded["runs"]:
        yield "fate_run", {**{name: run[name] for name in RUN}, "until": FOR_EVER}


def _remember(store: DurableStore, session: Snapshot, turn: Document) -> None:
    """The facts, each of the user it was of."""
    if not turn["facts"]:
        return
    project, alias = session.project, store.db.alias
    user = store.end_user(project, session.user)
    owners = [user]
    for place in range(max(fact["owner"] for fact in turn["facts"])):
        linked = store.end_user(project, f"linked {place + 1}")
        if user is not None and linked is not None:
            UserLink.objects.using(alias).create(reader_id=user, linked_id=linked, created_us=0)
        owners.append(linked)
    elsewhere = store.open(project, NewSession()).session.number
    numbers = {None: None, HERE: session.number}
    Fact.everything.using(alias).bulk_create(
        Fact(
            project_id=project,
            end_user_id=owners[fact["owner"]],
            session_id=numbers.get(fact["session"], elsewhere),
            learnt_in_id=numbers.get(fact["learnt_in"], elsewhere),
            **_columns(fact, turn["session"]["id"]),
        )
        for fact in turn["facts"]
    )


def _columns(fact: Mapping[str, Any], session: str) -> dict[str, Any]:
    same = (
        "number", "learnt_by", "text", "category", "pinned", "score", "trust", "seq", "since",
        "revision", "key", "subject", "relation", "object",
    )  # fmt: skip
    times = {"created": "created_at", "valid": "valid_at", "invalid": "invalid_at",
             "confirmed": "confirmed_at"}  # fmt: skip
    sources = [{"session": session, "seq": seq, "quote": ""} for seq in fact["seqs"]]
    return {
        **{name: fact[name] for name in same},
        **{
            f"{name}_us": None if fact[at] is None else instants.parse(fact[at])
            for name, at in times.items()
        },
        **keeping.measures(fact["text"]),
        "id": UUID(fact["id"]),
        "tokens": fact["tokens"],
        "sources": orjson.dumps(sources).decode(),
        "until": FOR_EVER,
    }


# -- what had been chosen ------------------------------------------------------------------------


def _chosen(turn: Document, numbers: Sequence[int]) -> Chosen | None:
    """The choices, with the sessions of the turns by their numbers here."""
    chosen = turn["chosen"]
    if chosen is None:
        return None
    revisions = {fact["id"]: fact["revision"] for fact in turn["facts"]}
    choices = Choices(
        now_us=instants.parse(chosen["at"]),
        reserved=chosen["reserved"],
        must=chosen["must"],
        likely=chosen["likely"],
        turns={numbers[place]: seqs for place, seqs in chosen["turns"]},
        revisions=tuple(revisions[fact] for fact in chosen["facts"]),
    )
    return Chosen(choices, tuple(UUID(fact) for fact in chosen["facts"]))
