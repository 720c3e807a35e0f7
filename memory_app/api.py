"""The HTTP calls about contexts and policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Router

from memory_app import (
    asking,
    compressions,
    context,
    fates,
    hotcontexts,
    observing,
    policies,
    providing,
    recall,
    records,
    tracing,
)
from memory_app.context import Ask
from memory_app.core import policy as rules
from memory_app.hotcontexts import Wanted
from memory_app.providing import Answer
from sessions_app import answers, auth, bodies, paging, parameters, preparing
from sessions_app.auth import ADMIN, WRITE
from sessions_app.calls import OF_A_SESSION, Call, Gives, Parameter, Takes, route, session_id, store
from sessions_app.core import errors, fields
from sessions_app.core.appending import Prepared
from sessions_app.core.fields import Field, Fields
from sessions_app.http import bytes_response, json_response
from sessions_app.parameters import LARGEST, PAGE, SEARCH
from sessions_app.schemas import (
    ANY_OBJECT,
    DURABILITY,
    FLAG,
    ID,
    INSTANT,
    NUMBER,
    TEXT,
    WHOLE,
    listed,
    maybe,
    thing,
)
from sessions_app.store.base import Appended, Changed, Guard

contexts = Router(tags=["context"])
compression = Router(tags=["compression"])
kept_policies = Router(tags=["policies"])

LARGEST_BUDGET = 2**53
HITS = 10

ASKED: Mapping[str, Parameter] = {
    "tokens": parameters.integer(1, LARGEST_BUDGET, "The most tokens; the policy's when left out."),
    "query": parameters.text(SEARCH, "What the context should help to answer."),
    "format": parameters.choice("The provider's form.", *context.FORMS),
    "at": parameters.integer(1, LARGEST, "As of this version."),
    "policy": parameters.text(64, "Another policy than the session's own."),
    "record": parameters.boolean("Keep it under the id in the answer."),
    "max_stale": parameters.max_stale(
        "One that was right at most so many seconds ago will do; `version` says of what."
    ),
}


def _one_or_more(value: Any, place: str) -> list[Prepared]:
    if isinstance(value, list):
        return preparing.batch(value, path=place)
    return preparing.batch([value], path=place)


ASKED_AND_SAID: Fields = {
    "append": Field(
        _one_or_more,
        {
            "anyOf": [
                {"$ref": "#/components/schemas/MessageIn"},
                {"type": "array", "items": {"$ref": "#/components/schemas/MessageIn"}},
            ]
        },
    ),
    "tokens": fields.integer(1, LARGEST_BUDGET),
    "query": fields.text(SEARCH),
    "format": fields.choice(*context.FORMS),
    "at": fields.integer(1, LARGEST),
    "policy": bodies.POLICY,
    "record": fields.boolean(),
}


def _a_list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise errors.InvalidField(f"`{place}` must be a list of messages.", param=place)
    return value


OBSERVED: Fields = {
    "messages": fields.needed(
        Field(_a_list, {"type": "array", "items": {"$ref": "#/components/schemas/MessageIn"}})
    ),
    "model": fields.text(255),
    "query": fields.text(SEARCH),
}

COMPRESSED: Fields = {
    "trigger": fields.choice("manual"),
    "dry_run": fields.boolean(),
    "policy": bodies.POLICY,
    "instructions": fields.text(4_000),
}

_POLICY_TYPES: Mapping[str, dict[str, Any]] = {
    "window": WHOLE,
    "reserve": WHOLE,
    "strategy": {"enum": list(rules.STRATEGIES)},
    "turns": WHOLE,
    "marks": listed(NUMBER),
    "summary": WHOLE,
    "summary_share": NUMBER,
    "retained": NUMBER,
    "facts": NUMBER,
    "recalled": NUMBER,
    "floor": NUMBER,
    "idle": WHOLE,
    "resume": WHOLE,
    "learn": FLAG,
    "categories": {"type": "object", "additionalProperties": listed(TEXT)},
    "preference_days": WHOLE,
}
_POLICY = {
    name: {**schema, "description": rules.MEANINGS[name]} for name, schema in _POLICY_TYPES.items()
}
_VERSIONED = {"name": TEXT, "version": WHOLE, "created_at": INSTANT}
SCHEMAS: Mapping[str, dict[str, Any]] = {
    "Context": thing(
        {
            "id": ID,
            "session": ID,
            "version": WHOLE,
            "messages": listed(ANY_OBJECT),
            "tokens": WHOLE,
            "budget": thing({"limit": WHOLE, "used": WHOLE, "free": WHOLE}),
            "parts": listed(ANY_OBJECT),
            "left_out": listed(ANY_OBJECT),
            "near_misses": listed(ANY_OBJECT),
            "stable_prefix_tokens": WHOLE,
            "mode": {"enum": ["full", "partial", "degraded"]},
            "notices": listed(ANY_OBJECT),
            "digest": TEXT,
            "took_ms": NUMBER,
        },
        optional={
            "format": {"enum": list(context.FORMS)},
            "policy": ANY_OBJECT,
            "system": {},
            "tools": listed(ANY_OBJECT),
            "appended": {"$ref": "#/components/schemas/Appended"},
        },
    ),
    "ContextRecord": thing(
        {
            "id": ID,
            "session": ID,
            "kind": {"enum": ["built", "observed"]},
            "version": WHOLE,
            "query": maybe(TEXT),
            "tokens": WHOLE,
            "digest": TEXT,
            "created_at": INSTANT,
            "answered_by": listed(WHOLE),
        },
        optional={
            "format": {"enum": list(context.FORMS)},
            "policy": ANY_OBJECT,
            "budget": ANY_OBJECT,
            "parts": listed(ANY_OBJECT),
            "proved": FLAG,
            "differs": listed(TEXT),
            "rebuilt_digest": TEXT,
            "messages": maybe(listed(ANY_OBJECT)),
            "system": {},
            "tools": listed(ANY_OBJECT),
            "left_out": listed(ANY_OBJECT),
            "near_misses": listed(ANY_OBJECT),
            "stable_prefix_tokens": WHOLE,
            "mode": {"enum": ["full", "partial", "degraded"]},
            "notices": listed(ANY_OBJECT),
            "model": maybe(TEXT),
            "sent": WHOLE,
            "compared": listed(WHOLE),
            "there": listed(listed(WHOLE)),
            "ours": listed(WHOLE),
            "altered": listed(ANY_OBJECT),
            "absent": listed(listed(WHOLE)),
            "foreign": listed(ANY_OBJECT),
            "counts": ANY_OBJECT,
            **DURABILITY,
        },
    ),
    "Compression": thing(
        {
            "id": maybe(ID),
            "session": ID,
            "version": maybe(WHOLE),
            "trigger": TEXT,
            "range": maybe(listed(WHOLE)),
            "tokens_before": WHOLE,
            "tokens_after": WHOLE,
            "decisions": listed(ANY_OBJECT),
            "summary": maybe(TEXT),
            "facts": listed(ANY_OBJECT),
            "attempts": WHOLE,
            "outcome": {"enum": ["queued", "running", "applied", "failed", "refused", "nothing"]},
            "error": maybe(TEXT),
        },
        optional={
            "ordinal": maybe(WHOLE),
            "policy": ANY_OBJECT,
            "engine": TEXT,
            "audit": ANY_OBJECT,
            "queued_at": INSTANT,
            "started_at": maybe(INSTANT),
            "finished_at": maybe(INSTANT),
            "lag_ms": maybe(WHOLE),
            "tried": listed(ANY_OBJECT),
            "dry_run": {"type": "boolean"},
        },
    ),
    "Compressions": thing(
        {"data": listed({"$ref": "#/components/schemas/Compression"}), "next": maybe(TEXT)}
    ),
    "Recalled": thing(
        {
            "data": listed(
                thing(
                    {
                        "kind": TEXT,
                        "text": TEXT,
                        "role": TEXT,
                        "author": maybe(TEXT),
                        "said_at": INSTANT,
                        "score": NUMBER,
                        "parts": ANY_OBJECT,
                        "sources": listed(thing({"session": ID, "seq": WHOLE, "quote": TEXT})),
                    }
                )
            ),
            "notices": listed(ANY_OBJECT),
        }
    ),
    "Fates": thing(
        {"version": WHOLE, "messages": WHOLE, "runs": listed(ANY_OBJECT), "counts": ANY_OBJECT}
    ),
    "Trace": thing(
        {
            "text": TEXT,
            "version": WHOLE,
            "said": listed(ANY_OBJECT),
            "summaries": listed(ANY_OBJECT),
            "facts": listed(ANY_OBJECT),
            "carried": listed(TEXT),
            "lost_at": maybe(ANY_OBJECT),
            "contexts": listed(ANY_OBJECT),
        }
    ),
    "Policy": thing({**_VERSIONED, **_POLICY}, optional=DURABILITY),
    "Policies": thing(
        {"data": listed({"$ref": "#/components/schemas/Policy"}), "next": maybe(TEXT)}
    ),
    "PolicyIn": {"type": "object", "additionalProperties": False, "properties": _POLICY},
}


# ── Context ──────────────────────────────────────────────────────────────────────────────────


@route(
    contexts,
    "GET",
    "/sessions/{session}/context",
    takes=Takes(query=ASKED),
    gives=Gives({200: "Context"}, errors=(*OF_A_SESSION, 507)),
)
def get_context(call: Call, session: str) -> HttpResponse:
    """Build the context of a session: what the model sees next, and why.

    It never holds more than `tokens`, and asking for it changes nothing. With `record=true` what
    it is made of is kept for `GET /contexts/{id}`; that needs the scope `write`.
    """
    number = session_id(session)
    if call.query.get("record"):
        return json_response(200, _built(call, number, call.query).as_json())
    return bytes_response(200, hotcontexts.answer(store(), _wanted(call, number)))


def _wanted(call: Call, session: UUID) -> Wanted:
    max_stale, epoch = call.query.get("max_stale", 0), call.caller.epoch
    return Wanted(call.project, session, _ask(call.query), max_stale, epoch)


def _built(call: Call, session: UUID, given: Mapping[str, Any]) -> context.Context:
    """The context that was asked for, kept if that was asked too."""
    if not given.get("record"):
        return context.build(store(), call.project, session, _ask(given))
    call.caller.need(WRITE)
    guard = Guard(request=call.key)
    return records.build(store(), call.project, session, _ask(given), guard)


@route(
    contexts,
    "POST",
    "/sessions/{session}/context",
    takes=Takes(fields=ASKED_AND_SAID, keyed=True, matched=True, leased=True),
    gives=Gives({200: "Context"}, errors=(*OF_A_SESSION, 409, 507)),
)
def append_and_get_context(call: Call, session: str) -> HttpResponse:
    """Store what is in `append`, then build the context with it, in one call.

    With `record` what it is made of is kept for `GET /contexts/{id}`. Storing either needs the
    scope `write`. Where no context can be built, nothing is stored either. With an Idempotency-Key
    the messages are stored once, and a repeated request gets the context as of then: the same
    messages and digest.
    """
    number = session_id(session)
    batch = call.body.get("append")
    if batch is None:
        return json_response(200, _built(call, number, call.body).as_json())
    call.caller.need(WRITE)
    shown: dict[int, context.Context] = {}
    # Looked for before the transaction, so among what is committed, and not in the question itself.
    found = _found(call, number, call.body.get("query"))
    said = _provided(call, number)

    def build(done: Appended, said: Sequence[Answer] = said) -> dict[str, Any]:
        ask = _ask({"at": done.version, **call.body})
        built = context.build(store(), call.project, number, ask, found, said)
        shown[done.version] = built
        return {"id": str(built.id), "took_ms": built.took_ms}

    def keep(done: Appended) -> dict[str, Any]:
        told = build(done)
        if call.body.get("record"):
            found = store().get(call.project, number)
            records.write(store(), found, shown[done.version], call.body.get("query"))
        return told

    done = store().append(call.project, number, batch, call.guard, check=keep)
    told = done.told or {}
    if done.version not in shown:  # a repeated request: the same context, under the same id
        build(done, records.provided(store(), call.project, UUID(told["id"])))
    payload = {**shown[done.version].as_json(), **told}
    return json_response(200, {**payload, "appended": answers.appended_out(done)})


@route(
    contexts,
    "POST",
    "/sessions/{session}/contexts",
    takes=Takes(WRITE, fields=OBSERVED, keyed=True, matched=True, leased=True),
    gives=Gives({201: "ContextRecord"}, errors=(*OF_A_SESSION, 409)),
)
def record_sent_context(call: Call, session: str) -> HttpResponse:
    """Keep what the caller's own code sent to a model, and answer how it stands to the log.

    Messages are compared by what they say, in whatever form they come: those that are `there`,
    `altered` ones with what differs, `absent` ones of the log, and `foreign` ones that nobody said.
    """
    number = session_id(session)
    model, query = call.body.get("model"), call.body.get("query")
    sent = observing.read(call.body["messages"], model, query)
    done = observing.observe(store(), call.project, number, sent, call.guard)
    return json_response(201, done)


@route(
    contexts,
    "GET",
    "/contexts/{record}",
    takes=Takes(),
    gives=Gives({200: "ContextRecord"}, errors=OF_A_SESSION),
)
def get_recorded_context(call: Call, record: str) -> HttpResponse:
    """Read a context that was kept.

    One that was built here is built again as of its version: `proved` says whether that gives the
    same to the byte, and `differs` names the parts that are not what they were.
    """
    found = records.shown(store(), call.project, _context_id(record))
    return json_response(200, found)


def _context_id(text: str) -> UUID:
    try:
        return UUID(text) if len(text) in (32, 36) else UUID("")
    except ValueError:
        raise errors.NotFound("There is no such context in this project. Check its id.") from None


def _ask(given: Mapping[str, Any]) -> Ask:
    return Ask(
        tokens=given.get("tokens"),
        query=given.get("query"),
        form=given.get("format", "openai"),
        at=given.get("at"),
        policy=given.get("policy"),
    )


def _found(call: Call, session: UUID, query: str | None) -> recall.Found | None:
    if not query or call.body.get("at") is not None:
        return None
    return recall.recall(store(), store().get(call.project, session), query)


def _provided(call: Call, session: UUID) -> tuple[Answer, ...]:
    """What context providers say: asked before the transaction, which waits for no host's code."""
    if not providing.is_configured():
        return ()
    found = store().get(call.project, session)
    return providing.answers(found, call.body.get("query"), past="at" in call.body)


RECALLED: Fields = {
    "query": fields.needed(fields.text(SEARCH, least=1)),
    "limit": fields.integer(1, 50),
}


@route(
    contexts,
    "POST",
    "/sessions/{session}/recall",
    takes=Takes(fields=RECALLED),
    gives=Gives({200: "Recalled"}, errors=OF_A_SESSION),
)
def recall_turns(call: Call, session: str) -> HttpResponse:
    """Find what was said earlier that answers a question, in the session and in the others of its
    user: the best turns with the parts of their scores. Nothing where it was never said."""
    found = store().get(call.project, session_id(session))
    asked, limit = call.body["query"], call.body.get("limit", HITS)
    return json_response(200, recall.hits(store(), found, asked, limit))


# ── Compression ─────────────────────────────────────────────────────────────────────────────


@route(
    compression,
    "POST",
    "/sessions/{session}/compress",
    takes=Takes(WRITE, fields=COMPRESSED, keyed=True, matched=True, leased=True),
    gives=Gives({200: "Compression", 202: "Compression"}, errors=(*OF_A_SESSION, 409)),
)
def compress(call: Call, session: str) -> HttpResponse:
    """Fold what is older than the kept turns, at any level.

    202 when it is not done within five seconds: ask for the compression again then. `dry_run`
    answers what would be done and stores nothing; where a model takes too long or fails, what the
    embedded engine would do.
    """
    asked = asking.Asked(
        trigger=call.body.get("trigger") or "manual",
        policy=call.body.get("policy"),
        instructions=call.body.get("instructions") or "",
        dry_run=bool(call.body.get("dry_run")),
    )
    done = asking.compress(store(), call.project, session_id(session), asked, call.guard)
    return json_response(202 if done["outcome"] in ("queued", "running") else 200, done)


@route(
    compression,
    "GET",
    "/sessions/{session}/compressions",
    takes=Takes(query={"after": parameters.cursor(), "limit": parameters.limit()}),
    gives=Gives({200: "Compressions"}, errors=OF_A_SESSION),
)
def list_compressions(call: Call, session: str) -> HttpResponse:
    """List the compressions of a session, newest first."""
    found = store().get(call.project, session_id(session))
    limit = call.query.get("limit", PAGE)
    scope = f"compressions {call.project} {found.id.hex}"
    after = call.query.get("after")
    before = None if after is None else paging.read(scope, after)[0]
    with store().db.reading():
        rows = compressions.page(store(), found, before=before, limit=limit + 1)
        data = compressions.whole(store(), found.id, rows[:limit])
    following = paging.sign(scope, [rows[limit - 1].number]) if len(rows) > limit else None
    return json_response(200, {"data": data, "next": following})


@route(
    compression,
    "GET",
    "/compressions/{compression}",
    takes=Takes(),
    gives=Gives({200: "Compression"}, errors=OF_A_SESSION),
)
def get_compression(call: Call, compression: str) -> HttpResponse:
    """Read a compression: what it folded, decided, wrote and lost."""
    return json_response(200, asking.one(store(), call.project, _compression_id(compression)))


def _compression_id(text: str) -> UUID:
    try:
        return session_id(text)
    except errors.NotFound:
        raise errors.NotFound(
            "There is no such compression in this project. Check its id."
        ) from None


@route(
    compression,
    "GET",
    "/sessions/{session}/fates",
    takes=Takes(query={"at": parameters.integer(1, LARGEST, "As of this version.")}),
    gives=Gives({200: "Fates"}, errors=OF_A_SESSION),
)
def get_fates(call: Call, session: str) -> HttpResponse:
    """Read where every message stands: exactly one fate each, at any version."""
    found = store().get(call.project, session_id(session))
    with store().db.reading():
        shown = fates.fates_out(store(), found, call.query.get("at"))
    return json_response(200, shown)


@route(
    compression,
    "GET",
    "/sessions/{session}/trace",
    takes=Takes(query={"text": parameters.text(SEARCH, "A phrase, number or name.")}),
    gives=Gives({200: "Trace"}, errors=OF_A_SESSION),
)
def get_trace(call: Call, session: str) -> HttpResponse:
    """Follow a phrase: who said it, how long it stood word for word, who carries it, where it was
    lost."""
    found = store().get(call.project, session_id(session))
    text = call.query.get("text")
    if not text:
        raise errors.InvalidField("Name the phrase to follow in `text`.", param="text")
    with store().db.reading():
        shown = tracing.trace(store(), found, text)
    return json_response(200, shown)


# ── Pins ────────────────────────────────────────────────────────────────────────────────────


@route(
    compression,
    "POST",
    "/sessions/{session}/pins",
    takes=Takes(WRITE, fields=bodies.PINNED, keyed=True, matched=True, leased=True),
    gives=Gives({200: "MessageWithFate"}, errors=(*OF_A_SESSION, 409)),
)
def pin_message(call: Call, session: str) -> HttpResponse:
    """Pin a message: it stands word for word in every context."""
    seq, reason = call.body["seq"], call.body.get("reason")
    number = session_id(session)
    done = store().pin(call.project, number, seq, reason=reason, guard=call.guard)
    return _pinned(done, seq)


@route(
    compression,
    "DELETE",
    "/sessions/{session}/pins/{seq}",
    takes=Takes(WRITE, matched=True, leased=True),
    gives=Gives({200: "MessageWithFate"}, errors=(*OF_A_SESSION, 409)),
)
def unpin_message(call: Call, session: str, seq: str) -> HttpResponse:
    """Unpin a message."""
    place = _seq_of(seq)
    found = store().get(call.project, session_id(session))
    if place > found.messages:
        raise errors.NotFound(f"There is no message {place} in this session.")
    done = store().pin(call.project, found.id, place, pinned=False, guard=call.guard)
    return _pinned(done, place)


def _seq_of(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 19 and text[0] != "0":
        return int(text)
    raise errors.NotFound("There is no such message. Name it by its seq.")


def _pinned(done: Changed, seq: int) -> HttpResponse:
    (row,) = store().picked(done.session.number, (seq,))
    with store().db.reading():
        fate = fates.of_message(store(), done.session, seq)
    overlay = store().overlay(done.session)
    return json_response(200, answers.pinned_out(done, row, overlay, fate=fate))


# ── Policies ─────────────────────────────────────────────────────────────────────────────────


@route(
    kept_policies,
    "GET",
    "/policies",
    takes=Takes(),
    gives=Gives({200: "Policies"}),
)
def list_policies(call: Call) -> HttpResponse:
    """List the newest version of each policy."""
    with store().db.reading():
        rows = policies.newest(call.project, auth.alias())
    data = [policies.policy_out(row) for row in rows]
    return json_response(200, {"data": data, "next": None})


@route(
    kept_policies,
    "GET",
    "/policies/{name}",
    takes=Takes(query={"version": parameters.integer(1, 2**31 - 1, "An older version.")}),
    gives=Gives({200: "Policy"}, errors=(404,)),
)
def get_policy(call: Call, name: str) -> HttpResponse:
    """Read a policy."""
    with store().db.reading():
        row = policies.one(call.project, name, call.query.get("version"), auth.alias())
    return json_response(200, policies.policy_out(row))


@route(
    kept_policies,
    "PUT",
    "/policies/{name}",
    takes=Takes(ADMIN, fields=None, schema={"$ref": "#/components/schemas/PolicyIn"}),
    gives=Gives({200: "Policy"}, errors=(404,)),
)
def put_policy(call: Call, name: str) -> HttpResponse:
    """Store the next version of a policy.

    Sessions keep the version they have. Fields that are left out get their defaults. The same
    rules as the newest version's make no new one.
    """
    _check_name(name)
    if not isinstance(call.payload, dict):
        raise errors.InvalidField("The body must be a JSON object.")
    with store().db.reading():
        row, _ = policies.put(store(), call.project, name, call.payload)
    return json_response(200, {**policies.policy_out(row), **_durability()})


def _check_name(name: str) -> None:
    if "\0" in name:
        raise errors.NotFound
    rules.named(name)


def _durability() -> dict[str, Any]:
    """How durable what was just stored is on this connection."""
    db = store().db
    if db.connection.in_atomic_block:
        return answers.durability_out(durable=False, by="commit")
    found = db.durability()
    return answers.durability_out(durable=found.durable, by=found.by)
