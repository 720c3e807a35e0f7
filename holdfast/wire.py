"""HTTP to a Holdfast server: one kept connection a thread, deadlines, retries that do no harm.

What may have been done is sent again only where that cannot do it twice: reads, and changes with an
Idempotency-Key, which stays the same over all attempts of one call.
"""

from __future__ import annotations

import http.client
import os
import random
import ssl
import time
import weakref
from collections.abc import Mapping
from threading import local
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from holdfast.version import VERSION
from sessions_app.core import errors
from sessions_app.core.errors import HoldfastError, StoreUnavailable

ATTEMPTS = 4
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
TRY_AGAIN = (429, 500, 502, 503, 504)
FIXED = ("code", "message", "type", "param", "retryable")

_BY_CODE = {
    kind.code: kind for kind in errors.leaves() if kind.__module__ == HoldfastError.__module__
}
_BROKEN = (OSError, http.client.HTTPException)


class _Line:
    """A kept connection, which is closed when nobody holds it any longer."""

    def __init__(self, connection: http.client.HTTPConnection, process: int) -> None:
        self.connection = connection
        self.process = process
        weakref.finalize(self, connection.close)


class Wire:
    """The API at one address with one key; safe to share between threads."""

    def __init__(self, url: str, key: str | None = None, *, timeout: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("A server's address looks like http://127.0.0.1:8000.")
        self._address = (parts.hostname, parts.port)
        self._base = f"{parts.path.rstrip('/')}/api/v1"
        self._timeout = timeout
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._headers = {"Accept": "application/json", "User-Agent": f"holdfast-python/{VERSION}"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        self._kept = local()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer's JSON, None for an empty one. Raises the error the server answered with,
        or StoreUnavailable when no server answers."""
        target = self._base + path + (f"?{urlencode(query)}" if query else "")
        sent = {**self._headers, **(headers or {})}
        raw = None if body is None else orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
        if raw is not None:
            sent["Content-Type"] = "application/json"
        harmless = method == "GET" or "Idempotency-Key" in sent or "If-Match" not in sent
        if not harmless:
            # A kept connection may have been closed meanwhile, which would look like a failure.
            self._drop()
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                status, answer, pause = self._attempt(method, target, raw, sent)
            except _BROKEN as error:
                self._drop()
                if last or not (harmless or isinstance(error, ConnectionRefusedError)):
                    raise self._unreachable(error) from error
                pause = None
            else:
                if last or status not in TRY_AGAIN:
                    return _read(status, answer)
            time.sleep(_pause(attempt, pause))
        raise AssertionError("the last attempt returns or raises")

    def _attempt(
        self, method: str, target: str, raw: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, str | None]:
        connection = self._connection()
        connection.request(method, target, raw, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.will_close:
            self._drop()
        return response.status, answer, response.headers.get("Retry-After")

    def _connection(self) -> http.client.HTTPConnection:
        """This thread's connection; one from before a fork belongs to the parent."""
        line: _Line | None = getattr(self._kept, "line", None)
        if line is None or line.process != os.getpid():
            line = self._kept.line = _Line(self._new_connection(), os.getpid())
        return line.connection

    def _new_connection(self) -> http.client.HTTPConnection:
        host, port = self._address
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=self._timeout)
        return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._tls)

    def _drop(self) -> None:
        self._kept.line = None

    def _unreachable(self, error: Exception) -> StoreUnavailable:
        host, port = self._address
        place = host if port is None else f"{host}:{port}"
        reason = str(error) or type(error).__name__
        return StoreUnavailable(f"The server at {place} does not answer: {reason}.")


def _pause(attempt: int, asked: str | None) -> float:
    """Seconds to wait: what the server asked for, at least twice as long each time, never alike."""
    wanted = float(asked) if asked and asked.isdigit() else 0.0
    ours = FIRST_PAUSE * float(2**attempt) * random.uniform(1, 2)  # noqa: S311 - no secret
    return min(LONGEST_PAUSE, max(wanted, ours))


def _read(status: int, raw: bytes) -> Any:
    try:
        answer = orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        answer = ...
    if 200 <= status < 300 and answer is not ...:
        return answer
    raise error_of(status, answer)


def error_of(status: int, answer: Any) -> HoldfastError:
    """The error that the server raised, rebuilt from its answer."""
    found = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("code"), str):
        return StoreUnavailable(
            f"The answer (status {status}) is not from a Holdfast server. Check the address."
        )
    details = {name: value for name, value in found.items() if name not in FIXED}
    kind = _BY_CODE.get(found["code"]) or _newer(status, found)
    told = found.get("retryable")
    if isinstance(told, bool) and told != kind.retryable:
        # One code may be of causes that pass and of others: the server knows which it was.
        kind = type(kind.__name__, (kind,), {"retryable": told})
    return kind(found.get("message"), param=found.get("param"), **details)


def _newer(status: int, found: Mapping[str, Any]) -> type[HoldfastError]:
    """A class for a code that this version does not know yet."""
    retryable, kind = bool(found.get("retryable")), str(found.get("type"))
    known = {"code": found["code"], "status": status, "type": kind, "retryable": retryable}
    return type("NewerError", (HoldfastError,), known)
