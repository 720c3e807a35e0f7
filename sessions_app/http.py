"""Requests read and answers written by the HTTP contract, for plain Django views.

No middleware: `contract` around a view is all that a host site needs to keep the one error shape.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import parse_qs, quote

import orjson
from django.core.exceptions import (
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.handlers.wsgi import WSGIRequest
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase

from sessions_app import ids
from sessions_app.core import strict
from sessions_app.core.errors import (
    BadHost,
    BodyTooLarge,
    Forbidden,
    HoldfastError,
    Internal,
    InvalidField,
    InvalidJson,
    InvalidRequest,
    InvalidUtf8,
    NotFound,
    UnsupportedMediaType,
)

logger = logging.getLogger("holdfast.http")

PREFIX = "api/v1"
"""What the paths of all calls begin with, below the address where the product stands."""
AT_ONCE = "holdfast.at_once"
"""Stands in the environment of a call that is answered so; if it meets a writer, it is asked again
in a thread, and nobody is told of the first answer."""
LEASE = "Holdfast-Lease"
"""The header that carries the token of the lease a change is made under."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_VERSION = re.compile(r'(")?(0|[1-9][0-9]{0,17})(?(1)")')
_TOKEN = re.compile(r"[1-9][0-9]{0,17}")
_VISIBLE_ASCII = re.compile(r"[!-~]{1,255}")
_MOST_PARAMETERS = 100
_ASCII = bytes(range(128))
_RETRY_AFTER = 1

_Args = ParamSpec("_Args")


# ── Answers ──────────────────────────────────────────────────────────────────────────────────


def json_response(
    status: int, payload: Any, *, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """An answer of orjson bytes. `payload` is plain JSON, with UUIDs, str subclasses and tuples."""
    payload = orjson.dumps(payload, option=orjson.OPT_NON_STR_KEYS)
    return bytes_response(status, payload, headers=headers)


def bytes_response(
    status: int, payload: bytes, *, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """An answer that is JSON already."""
    return HttpResponse(payload, status=status, content_type="application/json", headers=headers)


def error_response(error: HoldfastError, request: HttpRequest) -> HttpResponse:
    """The one error shape, with the headers its status asks for."""
    this_request = request_id(request)
    payload = error.payload(this_request)
    # What a caller sent can stand in a message; half a surrogate pair could not be encoded.
    shown = {name: _encodable(value) for name, value in payload.items()}
    headers = {"X-Request-Id": this_request, **_headers_of(error)}
    return json_response(error.status, {"error": shown}, headers=headers)


def is_busy(status: int, body: bytes) -> bool:
    """Whether an answer says that another writer was met, so that nothing was done."""
    return status == 503 and b'"code":"store_busy"' in body


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _headers_of(error: HoldfastError) -> dict[str, str]:
    """`retry_after` (seconds) and `allow` (methods) of the error's details become headers."""
    headers = {}
    if error.status in (429, 503) or "retry_after" in error.details:
        headers["Retry-After"] = str(error.details.get("retry_after", _RETRY_AFTER))
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="holdfast"'
    if error.status == 405 and "allow" in error.details:
        headers["Allow"] = ", ".join(error.details["allow"])
    return headers


def request_id(request: HttpRequest) -> str:
    """The caller's well-formed `X-Request-Id`, else a new one; the same all through a request."""
    known = request.META.get("holdfast.request_id")
    if known is None:
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        known = sent if _REQUEST_ID.fullmatch(sent) else ids.new_id().hex
        request.META["holdfast.request_id"] = known
    return str(known)


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────


def read_raw(request: HttpRequest, *, limit: int) -> bytes:
    """The bytes of the body, b"" when there is none; a second call gives the same bytes.

    Never holds more than `limit` + 1 bytes. Raises BodyTooLarge, UnsupportedMediaType, and
    InvalidJson when the body ends before its Content-Length.
    """
    declared = _content_length(request)
    if declared > limit:
        raise _too_large(limit)
    if declared:
        _require_json(request)
    raw = _body_bytes(request, limit)
    if len(raw) > limit:
        raise _too_large(limit)
    if len(raw) < declared:
        raise InvalidJson("The body broke off before its end. Send it again.")
    if raw:
        _require_json(request)
    return raw


def hold_body(request: HttpRequest, *, limit: int) -> None:
    """Has the body read, for Django to take apart. `limit` is in bytes; raises BodyTooLarge."""
    if _content_length(request) > limit or len(_body_bytes(request, limit)) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {limit} bytes. Send less in one call.")


def _content_length(request: HttpRequest) -> int:
    sent = request.META.get("CONTENT_LENGTH") or "0"
    return int(sent[:20]) if sent.isascii() and sent.isdigit() else 0


def _require_json(request: HttpRequest) -> None:
    charset = (request.content_params or {}).get("charset", "utf-8")
    encoding = request.META.get("HTTP_CONTENT_ENCODING") or "identity"
    if (
        request.content_type != "application/json"
        or charset.lower() not in ("utf-8", "utf8")
        or encoding.strip().lower() != "identity"
    ):
        raise UnsupportedMediaType


def _body_bytes(request: HttpRequest, limit: int) -> bytes:
    """Read past Django's `body`, whose own limit is another setting and answers in HTML."""
    if not hasattr(request, "_body"):
        # Django's `body` gives these bytes to whoever asks after us.
        request._body = _read_stream(request, limit + 1)
    return request._body


def _read_stream(request: HttpRequest, room: int) -> bytes:
    chunks = []
    while room and (chunk := request.read(room)):
        chunks.append(chunk)
        room -= len(chunk)
    return b"".join(chunks)


# ── Queries and headers ──────────────────────────────────────────────────────────────────────


def read_query(request: HttpRequest, allowed: Mapping[str, strict.Reader]) -> dict[str, Any]:
    """The query read by `strict.query`. Django would turn bytes that are not UTF-8 into U+FFFD.

    Raises InvalidUtf8, InvalidField (more than 100 parameters), and all of `strict.query`.
    """
    text = request.META.get("QUERY_STRING", "")
    if not text:
        return {}
    if not text.isascii():
        octets = text.encode("latin-1" if isinstance(request, WSGIRequest) else "utf-8")
        text = quote(octets, safe=_ASCII)
    return strict.query(_parameters(text), allowed)


def _parameters(text: str) -> dict[str, list[str]]:
    if text.count("&") >= _MOST_PARAMETERS:
        raise InvalidField("The query has too many parameters.")
    try:
        return parse_qs(text, keep_blank_values=True, errors="surrogatepass")
    except UnicodeDecodeError:
        raise InvalidUtf8("The query is not valid UTF-8. Encode it as UTF-8.") from None


def if_match(request: HttpRequest) -> int | None:
    """The version a change expects, from `41` or `"41"`; None for `*` or no header.

    Raises InvalidField for weak tags, lists and anything else.
    """
    sent = request.META.get("HTTP_IF_MATCH")
    if sent is None or sent.strip(" \t") == "*":
        return None
    match = _VERSION.fullmatch(sent.strip(" \t"))
    if match is None:
        raise InvalidField('Send If-Match as one version, 41 or "41", or *.', param="If-Match")
    return int(match[2])


def lease_token(request: HttpRequest) -> int | None:
    """The token of the lease a change is made under; None without one. Raises InvalidField."""
    sent = request.META.get("HTTP_HOLDFAST_LEASE")
    if sent is None:
        return None
    if _TOKEN.fullmatch(sent.strip(" \t")) is None:
        raise InvalidField(f"Send {LEASE} as the token of your lease, such as 7.", param=LEASE)
    return int(sent)


def idempotency_key(request: HttpRequest) -> str | None:
    """The `Idempotency-Key`, None without one. Raises InvalidField."""
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and not _VISIBLE_ASCII.fullmatch(key):
        raise InvalidField(
            "An Idempotency-Key is 1 to 255 visible ASCII characters.", param="Idempotency-Key"
        )
    return key


def fingerprint(method: str, full_path: str, raw_body: bytes) -> bytes:
    """What makes two requests the same: method, path with query, and the body to the byte."""
    digest = hashlib.sha256()
    for part in (method.encode(), full_path.encode("utf-8", "surrogatepass"), raw_body):
        digest.update(len(part).to_bytes(8) + part)
    return digest.digest()


# ── Views ────────────────────────────────────────────────────────────────────────────────────


def contract(
    view: Callable[Concatenate[HttpRequest, _Args], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, _Args], HttpResponseBase]:
    """Hold a sync view to the contract: a request id on every answer, every error in one shape.

    A site's ATOMIC_REQUESTS transaction is rolled back with an error, as if it had been raised.
    """

    @wraps(view)
    def held(
        request: HttpRequest, /, *args: _Args.args, **kwargs: _Args.kwargs
    ) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Exception as error:
            if not isinstance(error, _EXPECTED):
                logger.exception(
                    "%s %r failed (request %s)", request.method, request.path, request_id(request)
                )
            _roll_back()
            return error_response(_as_ours(error), request)
        response.headers["X-Request-Id"] = request_id(request)
        return response

    return held


_OURS: tuple[tuple[type[Exception], Callable[[], HoldfastError]], ...] = (
    (RequestDataTooBig, BodyTooLarge),
    (DisallowedHost, BadHost),
    (UnreadablePostError, lambda: InvalidJson("The body broke off. Send it again.")),
    (Http404, NotFound),
    (PermissionDenied, lambda: Forbidden("You do not have the right to do that.")),
    (SuspiciousOperation, InvalidRequest),
)
_EXPECTED: tuple[type[Exception], ...] = (HoldfastError, *(theirs for theirs, _ in _OURS))


def _as_ours(error: Exception) -> HoldfastError:
    if isinstance(error, HoldfastError):
        return error
    for theirs, ours in _OURS:
        if isinstance(error, theirs):
            return ours()
    return Internal()


def _roll_back() -> None:
    for connection in connections.all(initialized_only=True):
        if connection.settings_dict["ATOMIC_REQUESTS"] and connection.in_atomic_block:
            connection.set_rollback(True)
