"""Signed page cursors: a caller gives them back unchanged or not at all.

A cursor is bound to its scope (project, endpoint, filters and sort as one text), so one of
another listing is refused like a forged one.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from sessions_app.core.errors import BadCursor

_MAC_BYTES = 16
_LONGEST = 4_096


def sign(secret: bytes, scope: str, values: list[Any]) -> str:
    """Write the sort values of the last row as URL-safe text. `values` are plain JSON."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    payload = text.encode()
    return _encoded(_mac(secret, scope, payload) + payload)


def read(secret: bytes, scope: str, text: str) -> list[Any]:
    """The values of a cursor signed for this scope. Raises BadCursor for any other text."""
    raw = _decoded(text)
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(secret, scope, payload)):
        raise BadCursor(param="after")
    values: list[Any] = json.loads(payload)
    return values


def _decoded(text: str) -> bytes:
    if len(text) <= _LONGEST and text.isascii():
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            raise BadCursor(param="after") from None
        # Base64 has several spellings of the same bytes; only the one we write is ours.
        if _encoded(raw) == text:
            return raw
    raise BadCursor(param="after")


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _mac(secret: bytes, scope: str, payload: bytes) -> bytes:
    bound = scope.encode("utf-8", "surrogatepass")
    message = b"holdfast.cursor\0%d\0%b%b" % (len(bound), bound, payload)
    return hmac.digest(secret, message, "sha256")[:_MAC_BYTES]
