"""A stored turn as a file: all that a context was built from, taken out of the rows.

The session's log travels up to the context's version, with the summary and fates that stand there
and the facts as they were. A context at a version is chosen anew from that wherever the file is
read. One that was kept may hold what was chosen by other means (turns of the user's other sessions,
vectors, what was known in that second); of such a one the file says what was chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from memory_app import facts, links, policies, records
from memory_app.context import Ask, Chosen, Context
from memory_app.core import policy as rules
from memory_app.core import turnfile
from memory_app.models import ContextRecord, Fact, FateRun, Summary
from memory_app.statements import RUN, SUMMARY
from sessions_app import preparing
from sessions_app.core import errors, instants
from sessions_app.core.entries import FORM_NAMES, StoredMessage
from sessions_app.core.logbook import LogEvent, LogMessage
from sessions_app.store.base import Snapshot
from sessions_app.store.reading import Reader

HERE, ELSEWHERE = "here", "elsewhere"
"""Which session a fact came of: the turn's own, or some other."""
JSON = ("points", "totals")


class Turn(NamedTuple):
    """A context of a session, how it was asked for, and its record where it was kept."""

    session: Snapshot
    ask: Ask
    built: Context
    record: ContextRecord | None = None


def file(store: Reader, turn: Turn) -> bytes:
    """The turn as a file that `turnfile.read` takes. Raises TooLong where the session is too long
    to be kept beside a test."""
    session, ask, built, record = turn
    log = _log(store, _as_of(store, session, built.version))
    chosen = None if record is None else records.choices_of(store, record)
    now = instants.parse(log[-1]["at"]) if chosen is None else chosen.choices.now_us
    policy = policies.stored(store, session.project, *built.policy)
    known = _facts(store, session, built.version, now + 1, chosen)
    document = {
        "session": {
            "id": str(session.id),
            "key": session.key,
            "created_at": instants.render(session.created_us),
            "has_user": session.user is not None,
        },
        "at": built.version,
        "ask": {"tokens": ask.tokens, "query": ask.query or None, "format": built.form},
        "encoder": preparing.encoder(),
        "policy": {
            "name": policy.name,
            "version": policy.version,
            "rules": rules.as_json(policy.rules),
        },
        "sent": {"digest": built.digest, "tokens": built.tokens},
        "log": log,
        "folded": _folded(store, session, built.version),
        "facts": known,
        "chosen": None if chosen is None else _chosen(session, chosen, known),
        "others": [] if chosen is None else _others(store, session, chosen),
        "provided": [list(one) for one in built.provided],
    }
    return turnfile.written(document)


# -- the log -------------------------------------------------------------------------------------


def _as_of(store: Reader, session: Snapshot, version: int) -> Snapshot:
    """The session's row as far as its log is read."""
    messages = store.messages_at(session, version)
    if messages > turnfile.MOST_MESSAGES:
        raise errors.TooLong(
            f"The session has {messages:,} messages at version {version}; a test's file holds "
            f"{turnfile.MOST_MESSAGES:,} at most. Take an earlier version of the session."
        )
    return session._replace(version=version, messages=messages)


def _log(store: Reader, session: Snapshot) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    size = 0
    for entry in store.log(session):
        text = entry.body if isinstance(entry, LogMessage) else entry.data
        size += len(text)
        if size > turnfile.MOST_BYTES:
            raise errors.TooLong(
                f"The session takes more than {turnfile.MOST_BYTES:,} bytes at version "
                f"{session.version}; a test's file holds no more. Take an earlier version."
            )
        found.append(_said(entry) if isinstance(entry, LogMessage) else _happened(entry))
    return found


def _said(entry: LogMessage) -> dict[str, Any]:
    return {
        "version": entry.version,
        "at": instants.render(entry.at),
        "message": entry.seq,
        "role": entry.role,
        "form": FORM_NAMES[entry.form],
        "tokens": entry.tokens,
        "estimated": bool(entry.estimated),
        "body": _readable(entry.body),
    }


def _happened(entry: LogEvent) -> dict[str, Any]:
    return {
        "version": entry.version,
        "at": instants.render(entry.at),
        "event": entry.kind,
        "data": _readable(entry.data),
    }


def _readable(text: str) -> Any:
    """The object of a JSON text, None of what was erased; the text itself where its object would
    not give it back to the byte."""
    if not text:
        return None
    value = orjson.loads(text)
    return value if orjson.dumps(value).decode() == text else text


# -- what stands beside the log ------------------------------------------------------------------


def _folded(store: Reader, session: Snapshot, version: int) -> dict[str, Any] | None:
    """The newest summary and the fates that stand at the version."""
    fold = store.state(session, version).fold_version
    if not fold:
        return None
    alias = store.db.alias
    with store.db.reading():
        rows = Summary.objects.using(alias).filter(session_id=session.number, version=fold)
        summary = rows.values(*SUMMARY).first()
        runs = list(FateRun.objects.using(alias).at(session.number, version).values(*RUN))
    if summary is not None:
        summary = {**summary, **{name: orjson.loads(summary[name]) for name in JSON}}
    return {"summary": summary, "runs": runs}


def _facts(
    store: Reader, session: Snapshot, version: int, until: int, chosen: Chosen | None
) -> list[dict[str, Any]]:
    """What came of the session and what was known of its user, as it was; of what was chosen the
    revision that was."""
    known = facts.as_of(store, session.number, version) if session.facts else []
    known = [fact for fact in known if fact.until > version]
    reads = links.read_in(store, session, until)
    linked: Sequence[int] = ()
    if reads is not None:
        linked = reads.linked
        rows = Fact.everything.using(store.db.alias).of_end_user(reads.user).shown().told()
        rows = rows.exclude(session_id=session.number)
        known += facts.before(store, rows, until) + links.theirs_before(store, reads, until)
    by_id = {fact.id: fact for fact in known}
    if chosen is not None and chosen.facts:
        wanted = dict(zip(chosen.facts, chosen.choices.revisions, strict=True))
        by_id |= {fact.id: fact for fact in facts.at_revisions(store, wanted)}
    found = sorted(by_id.values(), key=lambda fact: int(fact.number))
    return [_fact(fact, session, linked) for fact in found]


def _fact(fact: Any, session: Snapshot, linked: Sequence[int]) -> dict[str, Any]:
    """A fact without the quotes it came of; `owner` is 0 for the session's user, else the place of
    the linked user, from 1."""
    sources = orjson.loads(fact.sources)
    return {
        "id": str(fact.id),
        "number": fact.number,
        "owner": linked.index(fact.end_user_id) + 1 if fact.end_user_id in linked else 0,
        "session": _whose(fact.session_id, session),
        "learnt_in": _whose(fact.learnt_in_id, session),
        "learnt_by": fact.learnt_by,
        "text": fact.text,
        "category": fact.category,
        "pinned": bool(fact.pinned),
        "score": fact.score,
        "trust": fact.trust,
        "seq": fact.seq,
        "seqs": [one["seq"] for one in sources if one["session"] == str(session.id)],
        "tokens": fact.tokens,
        "since": fact.since,
        "revision": fact.revision,
        "created_at": instants.render(fact.created_us),
        "key": fact.key,
        "subject": fact.subject,
        "relation": fact.relation,
        "object": fact.object,
        "valid_at": _instant(fact.valid_us),
        "invalid_at": _instant(fact.invalid_us),
        "confirmed_at": _instant(fact.confirmed_us),
    }


def _whose(number: int | None, session: Snapshot) -> str | None:
    if number is None:
        return None
    return HERE if number == session.number else ELSEWHERE


def _instant(us: int | None) -> str | None:
    return None if us is None else instants.render(us)


# -- what had been chosen ------------------------------------------------------------------------


def _other_numbers(session: Snapshot, chosen: Chosen) -> list[int]:
    return sorted(number for number in chosen.choices.turns if number != session.number)


def _chosen(session: Snapshot, chosen: Chosen, known: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The choices; turns are of this session (0) or of the n-th of the others, from 1. A fact that
    was removed since is missing, as it is in the context."""
    choices, there = chosen.choices, {fact["id"] for fact in known}
    others = _other_numbers(session, chosen)
    return {
        "at": instants.render(choices.now_us),
        "reserved": choices.reserved,
        "must": choices.must,
        "likely": bool(choices.likely),
        "facts": [str(fact) for fact in chosen.facts if str(fact) in there],
        "turns": [
            [0 if number == session.number else others.index(number) + 1, list(seqs)]
            for number, seqs in choices.turns.items()
        ],
    }


def _others(store: Reader, session: Snapshot, chosen: Chosen) -> list[dict[str, Any]]:
    """The messages of other sessions that were told again, in the order of these."""
    return [
        {
            "older": number < session.number,
            "messages": list(_told(store.picked(number, tuple(chosen.choices.turns[number])))),
        }
        for number in _other_numbers(session, chosen)
    ]


def _told(rows: Iterable[StoredMessage]) -> Iterable[dict[str, Any]]:
    for row in rows:
        yield {
            "version": row.version,
            "at": instants.render(row.created_us),
            "message": row.seq,
            "role": row.role,
            "form": FORM_NAMES[row.form],
            "tokens": row.tokens,
            "estimated": bool(row.tokens_estimated),
            "body": _readable(row.body),
        }
