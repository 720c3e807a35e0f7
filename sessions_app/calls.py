"""One call of the HTTP API: declared once, read in a fixed order, described by the same words.

The order for every call: host and origin, key, scope, size and media type, headers, query, body.
Only then does a view see it. ninja writes the OpenAPI document; it routes and parses nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Router

from sessions_app import auth, http
from sessions_app.auth import READ, Caller
from sessions_app.core import fields, strict
from sessions_app.core.errors import InvalidField, NotFound
from sessions_app.core.fields import Fields
from sessions_app.store import get_store
from sessions_app.store.base import Guard, Request
from sessions_app.store.durable import DurableStore

MAX_BODY = 4 * 1024 * 1024
READING = (400, 401, 403, 413, 415, 422, 500, 503)
WRITING = (*READING, 507)
OF_A_SESSION = (404, 410)


@dataclass(frozen=True)
class Parameter:
    """One query parameter: how it is read and what the document says of it."""

    reader: strict.Reader
    schema: Mapping[str, Any]
    description: str


@dataclass(frozen=True)
class Takes:
    """What a call takes. `fields` None leaves the body to the view, which describes it in
    `schema`; `keyed` calls know Idempotency-Key, `matched` ones If-Match, `leased` ones the token
    of a lease."""

    scope: str = READ
    query: Mapping[str, Parameter] = field(default_factory=dict)
    fields: Fields | None = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None
    keyed: bool = False
    matched: bool = False
    leased: bool = False


@dataclass(frozen=True)
class Gives:
    """What a call answers: the schema's name for each good status, and which errors beside the
    ones every call may answer."""

    answers: Mapping[int, str | None]
    errors: Iterable[int] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in and read."""

    request: HttpRequest
    caller: Caller
    query: dict[str, Any]
    payload: Any
    body: dict[str, Any]
    key: Request | None
    matched: bool
    leased: bool

    @property
    def project(self) -> int:
        return self.caller.project

    @property
    def guard(self) -> Guard:
        """What must hold for a change. Raises InvalidField for a bad If-Match or Holdfast-Lease."""
        return Guard(
            http.if_match(self.request) if self.matched else None,
            self.key,
            http.lease_token(self.request) if self.leased else None,
        )


View = Callable[..., HttpResponse]

CALLS: dict[str, dict[str, View]] = {}
"""Every call by its path below the API's, and its method; in the order of their declaration."""


def route(
    router: Router, method: str, path: str, *, takes: Takes, gives: Gives
) -> Callable[[View], View]:
    """Registers `view(call, *path parameters)` under `path`."""

    def register(view: View) -> View:
        summary, _, description = inspect.cleandoc(view.__doc__ or view.__name__).partition("\n")
        run = CALLS.setdefault(path, {})[method] = _run(view, takes)
        router.api_operation(
            [method],
            path,
            operation_id=view.__name__,
            summary=summary.rstrip("."),
            description=description.strip() or None,
            response=dict.fromkeys(gives.answers),
            openapi_extra=_described(takes, gives),
        )(run)
        return view

    return register


def _run(view: View, takes: Takes) -> View:
    readers = {name: parameter.reader for name, parameter in takes.query.items()}

    @wraps(view)
    def run(request: HttpRequest, **path: str) -> HttpResponse:
        return view(_read(request, takes, readers), **path)

    # ninja reads this to know the path's parameters; `call` is none of them.
    names = list(inspect.signature(view).parameters)[1:]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("request", kind, annotation=HttpRequest)]
    parameters += [inspect.Parameter(name, kind, annotation=str) for name in names]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _read(request: HttpRequest, takes: Takes, readers: Mapping[str, strict.Reader]) -> Call:
    caller = auth.authenticate(request)
    caller.need(takes.scope)
    limit = getattr(settings, "HOLDFAST_MAX_BODY", MAX_BODY)
    raw = http.read_raw(request, limit=limit)
    key = _request_key(request, raw) if takes.keyed else None
    query = http.read_query(request, readers)
    payload = strict.loads(raw, limit=strict.MAX_DEPTH) if raw else None
    if raw and payload is None:
        raise InvalidField("The body must be a JSON object, not null.")
    body = {} if takes.fields is None else fields.read(payload, takes.fields)
    return Call(request, caller, query, payload, body, key, takes.matched, takes.leased)


def _request_key(request: HttpRequest, raw: bytes) -> Request | None:
    key = http.idempotency_key(request)
    if key is None:
        return None
    method = request.method or ""
    return Request(key, http.fingerprint(method, request.get_full_path(), raw))


def store() -> DurableStore:
    """The store behind the API."""
    return get_store(auth.alias())


def session_id(text: str) -> UUID:
    """A session's id from a path. What is no UUID names nothing: raises NotFound."""
    if len(text) in (32, 36):
        try:
            return UUID(text)
        except ValueError:
            pass
    raise NotFound("There is no such session in this project. Check its id.")


# ── The document ─────────────────────────────────────────────────────────────────────────────


def _described(takes: Takes, gives: Gives) -> dict[str, Any]:
    changing = takes.scope != READ
    statuses = {*(WRITING if changing else READING), *gives.errors}
    described: dict[str, Any] = {
        "parameters": [*_query_parameters(takes), *_header_parameters(takes)],
        "responses": {
            **{status: _answer(status, name) for status, name in gives.answers.items()},
            **{status: _answer(status, "Error") for status in sorted(statuses)},
        },
        "security": [{"key": []}],
        "x-scope": takes.scope,
    }
    schema = takes.schema if takes.fields is None else takes.fields and fields.schema(takes.fields)
    if schema:
        required = takes.fields is None or bool(schema.get("required"))
        described["requestBody"] = {**_json(schema), "required": required}
    return described


def _query_parameters(takes: Takes) -> list[dict[str, Any]]:
    return [
        {
            "in": "query",
            "name": name,
            "required": False,
            "description": parameter.description,
            "schema": parameter.schema,
        }
        for name, parameter in takes.query.items()
    ]


def _header_parameters(takes: Takes) -> list[dict[str, Any]]:
    return [
        {"in": "header", "name": name, "required": False, "schema": schema}
        for name, used, schema in (
            ("Idempotency-Key", takes.keyed, {"type": "string", "pattern": "^[!-~]{1,255}$"}),
            (
                "If-Match",
                takes.matched,
                {"type": "string", "pattern": r'^(\*|"?(0|[1-9][0-9]{0,17})"?)$'},
            ),
            (http.LEASE, takes.leased, {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"}),
        )
        if used
    ]


def _answer(status: int, name: str | None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    return answer if name is None else {**answer, **_json(ref(name))}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def ref(name: str) -> dict[str, str]:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}
