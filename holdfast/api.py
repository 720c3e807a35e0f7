"""The HTTP API put together: its calls, its document, its health, and JSON for all the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI

from holdfast.version import VERSION
from memory_app import api as memory
from memory_app import episodes_api as told
from memory_app import facts_api as remembered
from memory_app import users_api as known
from sessions_app import api as said
from sessions_app import auth, conditions, schemas
from sessions_app import leases_api as leased
from sessions_app.calls import CALLS, MAX_BODY
from sessions_app.core import instants
from sessions_app.core.errors import HoldfastError, MethodNotAllowed, NotFound
from sessions_app.http import PREFIX, contract, json_response, read_raw
from sessions_app.models import Project
from sessions_app.store import get_store, redis_url
from sessions_app.store.database import Database

View = Callable[..., HttpResponse]


def build() -> NinjaAPI:
    """All calls under one API. ninja renders no error: `guarded` does, in the one shape."""
    api = NinjaAPI(
        title="Holdfast",
        version=VERSION,
        description="Keeps the state of LLM conversations.",
        urls_namespace="holdfast",
        openapi_url=None,
        docs_url=None,
    )
    api.add_exception_handler(Exception, _let_through)
    for router in (
        said.sessions,
        said.messages,
        leased.leases,
        memory.contexts,
        memory.compression,
        memory.kept_policies,
        remembered.kept_facts,
        told.told,
        known.users,
    ):
        api.add_router("", router)
    return api


def _let_through(_request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    raise error


# ── Addresses ────────────────────────────────────────────────────────────────────────────────


def urls() -> tuple[list[URLPattern], str, str]:
    """The API's addresses below `api/v1/`, for `path()`."""
    found = [path("openapi.json", guarded(openapi_document), name="openapi")]
    for declared, views in CALLS.items():
        route = declared.removeprefix("/").replace("{", "<").replace("}", ">")
        view = guarded(_by_method(views))
        found.append(path(route, view, name=next(iter(views.values())).__name__))
    return found, "ninja", API.urls_namespace


def catch_all() -> URLPattern:
    """What is below `api/v1/` and no call: 404 in the one shape. Comes after `urls()`.

    Not below `api/`: at the root of a host site that may be the host's.
    """
    return re_path(rf"^{PREFIX}(?:/.*)?\Z", guarded(_nothing_here))


def guarded(view: View) -> View:
    """A view held to the contract whatever site it runs in: host checked, JSON for every error,
    no login of the site's before it, and in no transaction of the site's, so that what it calls
    durable is. What the database fails at is told as that, by whichever query it was met."""

    @contract
    def run(request: HttpRequest, /, **parameters: Any) -> HttpResponse:
        request.get_host()
        with Database(auth.alias()).reading():
            response = _as_get(view, request, parameters)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    outside = transaction.non_atomic_requests(using=auth.alias())(run)
    outside.is_call = True  # type: ignore[attr-defined]
    return csrf_exempt(login_not_required(outside))  # type: ignore[return-value]


def _by_method(views: Mapping[str, View]) -> View:
    """The calls of one path. Past ninja's own view, which would look for parameters in a request
    that is read already."""

    def run(request: HttpRequest, **parameters: Any) -> HttpResponse:
        view = views.get(request.method or "")
        if view is None:
            raise MethodNotAllowed(allow=_allowed(list(views)))
        return view(request, **parameters)

    return run


def _as_get(view: View, request: HttpRequest, parameters: dict[str, Any]) -> HttpResponse:
    """HEAD is a GET whose body the server leaves out."""
    method = request.method
    if method == "HEAD":
        request.method = "GET"
    try:
        return view(request, **parameters)
    finally:
        request.method = method


def _nothing_here(request: HttpRequest) -> HttpResponse:
    raise NotFound("There is no such call. GET api/v1/openapi.json lists them all.")


def _allowed(methods: list[str]) -> list[str]:
    return sorted({*methods, "HEAD"} if "GET" in methods else methods)


def _only_get(request: HttpRequest) -> None:
    if request.method != "GET":
        raise MethodNotAllowed(allow=_allowed(["GET"]))
    read_raw(request, limit=MAX_BODY)


# ── The document ─────────────────────────────────────────────────────────────────────────────


def openapi_document(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document of this API."""
    _only_get(request)
    site = request.path.removesuffix(f"/{PREFIX}/openapi.json")
    return HttpResponse(_document(site), content_type="application/json")


@lru_cache(maxsize=4)
def _document(site: str) -> bytes:
    return orjson.dumps(document(site), option=orjson.OPT_NON_STR_KEYS)


def document(site: str = "") -> dict[str, Any]:
    """The OpenAPI document as data; `site` is what its paths stand below, "" for the root."""
    written = dict(API.get_openapi_schema(path_prefix=f"{PREFIX}/"))
    if site:
        written["servers"] = [{"url": site}]
    key = {"type": "http", "scheme": "bearer", "bearerFormat": "hf_<prefix>_<secret>"}
    written["components"] = {
        "schemas": {
            **schemas.SCHEMAS,
            **memory.SCHEMAS,
            **remembered.SCHEMAS,
            **told.SCHEMAS,
            **known.SCHEMAS,
        },
        "securitySchemes": {"key": key},
    }
    return written


# ── Health ───────────────────────────────────────────────────────────────────────────────────


def health(request: HttpRequest) -> HttpResponse:
    """Whether this server can do its work: 200, or 503 when the database cannot be read."""
    _only_get(request)
    database = _database_health(auth.alias())
    ok = bool(database["ok"])
    parts = {"database": database, **_others()}
    mode = conditions.worse(conditions.FULL) if ok else conditions.DEGRADED
    shown = {"mode": mode, "version": VERSION, "parts": parts}
    return json_response(200 if ok else 503, shown, headers={"Cache-Control": "no-store"})


def _others() -> dict[str, dict[str, Any]]:
    """The parts beside reading the database: whether writes go on, and Redis and replicas where
    they are named."""
    names = [conditions.WRITES]
    if redis_url() is not None:
        names.append(conditions.REDIS)
    if (replicas := get_store(auth.alias()).replicas) is not None:
        names += [replica.part.name for replica in replicas.all]
    found: dict[str, dict[str, Any]] = {name: {"ok": True} for name in names}
    for one in conditions.broken():
        since = instants.render(one.since_us)
        found[one.part] = {"ok": False, "error": one.cause, "since": since}
    return found


def _database_health(alias: str) -> dict[str, Any]:
    database = Database(alias)
    known = {"vendor": database.connection.vendor}
    try:
        with database.reading():
            Project.objects.using(alias).exists()
    except HoldfastError as error:
        return {"ok": False, **known, "error": error.code}
    except DatabaseError:
        return {"ok": False, **known, "error": "not_migrated"}
    return {"ok": True, **known}


API = build()
