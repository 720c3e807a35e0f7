"""Who is calling: API keys, their scopes, and the one person of local mode."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from sessions_app import clock
from sessions_app.core import instants
from sessions_app.core.errors import (
    BadHost,
    Forbidden,
    ForeignOrigin,
    InvalidField,
    NotFound,
    TooLong,
    Unauthorized,
)
from sessions_app.models import ApiKey, ApiKeyQuerySet, Project
from sessions_app.store import redis_url, replica_aliases, statements
from sessions_app.store.database import Database, Row

READ, WRITE, ADMIN = "read", "write", "admin"
SCOPES = (READ, WRITE, ADMIN)
_IMPLIED = {READ: {READ}, WRITE: {READ, WRITE}, ADMIN: set(SCOPES)}

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_LOCAL_HOST = re.compile(r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?")
_KEY = re.compile(r"hf_([a-z0-9]{12})_([A-Za-z0-9]{40})")
_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +(\S+)")
_PREFIX_LETTERS = string.ascii_lowercase + string.digits
_SECRET_LETTERS = string.ascii_letters + string.digits
_NO_DIGEST = bytes(32)
LONGEST_LABEL = 255


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose project a request is about, what it may do there, and by what name it is known."""

    project: int
    scopes: frozenset[str]
    name: str = "local"
    epoch: str | None = None
    """The database's epoch as of this request, where a hot tier or a replica needs it."""

    def need(self, scope: str) -> None:
        """Raises Forbidden unless the caller has `scope`."""
        if scope not in self.scopes:
            raise Forbidden(scope=scope)


# ── Requests ─────────────────────────────────────────────────────────────────────────────────


def authenticate(request: HttpRequest) -> Caller:
    """The caller of an API request: its key's project, or in local mode the one project.

    A key that is sent is checked in local mode too. Raises BadHost, ForeignOrigin, Unauthorized.
    """
    check_local(request)
    sent = request.META.get("HTTP_AUTHORIZATION")
    if sent is None:
        if not is_local():
            raise Unauthorized
        return _of_local()
    bearer = _BEARER.fullmatch(sent.strip())
    if bearer is None:
        raise Unauthorized
    return _of_key(bearer[1])


def is_local() -> bool:
    """Whether this server is for one person on one machine, without keys and logins."""
    return bool(getattr(settings, "HOLDFAST_LOCAL", False))


def check_local(request: HttpRequest) -> None:
    """In local mode the browser is the only fence: the Host must be local, and nothing is changed
    from a page of another origin. Raises BadHost, ForeignOrigin."""
    host = request.get_host()
    if not is_local():
        return
    if _LOCAL_HOST.fullmatch(host.lower()) is None:
        raise BadHost
    if request.method not in SAFE_METHODS:
        check_origin(request)


def check_origin(request: HttpRequest) -> None:
    """Raises ForeignOrigin when a browser says that another origin's page sent this request."""
    origin = request.META.get("HTTP_ORIGIN")
    own = f"{request.scheme}://{request.get_host()}"
    if origin is not None and origin.lower() != own.lower():
        raise ForeignOrigin
    if request.META.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
        raise ForeignOrigin


def local_project() -> int:
    """The row number of the one project of local use. Raises NotFound before the first start."""
    return _of_local().project


def _of_local() -> Caller:
    row = _row(_with_epoch(statements.LOCAL_PROJECT, statements.LOCAL_PROJECT_AND_EPOCH))
    if row is None:
        raise NotFound("There is no project yet. `holdfast serve` makes one at its first start.")
    return Caller(int(row[0]), frozenset(SCOPES), epoch=_epoch(row[1:]))


def _of_key(text: str) -> Caller:
    match = _KEY.fullmatch(text)
    if match is None:
        raise Unauthorized
    statement = _with_epoch(statements.LIVE_KEY, statements.LIVE_KEY_AND_EPOCH)
    project, digest, scopes, *epoch = _row(statement, match[1]) or (0, _NO_DIGEST, "")
    # Compared for an unknown prefix too, so that the time tells nothing.
    if not hmac.compare_digest(bytes(digest), _digest(text)):
        raise Unauthorized
    return Caller(project, _granted(scopes.split()), f"hf_{match[1]}", _epoch(epoch))


def _with_epoch(plain: str, with_epoch: str) -> str:
    """The statement that also asks for the epoch, where what Redis or a replica has is read by
    it."""
    return plain if redis_url() is None and not replica_aliases() else with_epoch


def _epoch(told: Sequence[str | None]) -> str | None:
    return (told[0] or "") if told else None


def _row(statement: str, *params: str) -> Row | None:
    """One row, below the ORM: this is asked for every request."""
    database = Database(alias())
    with database.reading():
        return database.row(statement, params)


def _granted(scopes: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*(_IMPLIED[scope] for scope in scopes))


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────


def create_key(project: Project, scopes: Iterable[str], label: str = "") -> tuple[ApiKey, str]:
    """A new key of `project` and its text, which is shown this once. Raises InvalidField,
    TooLong."""
    granted = tuple(scopes)
    if not granted or not set(granted) <= set(SCOPES):
        raise InvalidField(f"Name one or more of: {', '.join(SCOPES)}.", param="scopes")
    if len(label) > LONGEST_LABEL:
        raise TooLong(f"A label has at most {LONGEST_LABEL} characters.", param="label")
    prefix = _random(_PREFIX_LETTERS, 12)
    text = f"hf_{prefix}_{_random(_SECRET_LETTERS, 40)}"
    key = ApiKey.objects.using(alias()).create(
        project=project,
        prefix=prefix,
        digest=_digest(text),
        scopes=" ".join(scope for scope in SCOPES if scope in granted),
        label=label,
        created_us=clock.now_us(),
    )
    return key, text


def revoke_key(prefix: str) -> ApiKey:
    """Ends a key at once; `prefix` is what stands after `hf_`. Raises NotFound."""
    if not _keys().named(prefix).update(revoked_us=clock.now_us()):
        raise NotFound(f"There is no live key {prefix!r}. `holdfast key list` shows them.")
    return ApiKey.objects.using(alias()).get(prefix=prefix)


def page_of_keys(project: int, before: int | None, limit: int) -> list[ApiKey]:
    """Up to `limit` keys of a project, the newest first, those made before a row number."""
    found = ApiKey.objects.using(alias()).of(project).newest()
    if before is not None:
        found = found.filter(pk__lt=before)
    with Database(alias()).reading():
        return list(found[:limit])


def key_named(prefix: str) -> ApiKey:
    """A key, revoked or not. Raises NotFound."""
    with Database(alias()).reading():
        found = ApiKey.objects.using(alias()).named(prefix).select_related("project").first()
    if found is None:
        raise NotFound("There is no such key.")
    return found


def keys(project: Project) -> list[ApiKey]:
    """All keys of `project`, revoked ones too, oldest first."""
    found = ApiKey.objects.using(alias()).filter(project=project).order_by("created_us", "pk")
    return list(found)


def key_out(key: ApiKey) -> dict[str, Any]:
    """A key as it is told: without its secret, which nobody has."""
    return {
        "prefix": key.prefix,
        "scopes": key.scopes,
        "label": key.label,
        "created_at": instants.render(key.created_us),
        "revoked_at": instants.render(key.revoked_us) if key.revoked_us else None,
    }


def _keys() -> ApiKeyQuerySet:
    return ApiKey.objects.using(alias()).live()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def alias() -> str:
    """The Django alias of the database that holds Holdfast's rows."""
    return str(getattr(settings, "HOLDFAST_DATABASE", "default"))
