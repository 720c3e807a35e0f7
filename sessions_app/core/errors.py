"""Every error Holdfast raises on purpose, as one small tree.

A leaf names one `code` of the HTTP contract with its status; its docstring is the message a
caller reads, so it says what to do next. Driver errors are wrapped at the store; bugs are let
through.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar


class HoldfastError(Exception):
    """Something went wrong in Holdfast."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str | None = None, *, param: str | None = None, **details: Any
    ) -> None:
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.param = param
        self.details = details
        super().__init__(self.message)

    def payload(self, request_id: str | None = None) -> dict[str, Any]:
        """The error object of the HTTP contract; details stand beside the fixed fields."""
        return {
            "code": self.code,
            "message": self.message,
            "type": type(self).type,
            "param": self.param,
            "retryable": self.retryable,
            "request_id": request_id,
            **self.details,
        }


class InvalidRequest(HoldfastError):
    """The request is not valid."""

    code = "invalid_field"
    status = 422
    type = "invalid_request_error"


class InvalidJson(InvalidRequest):
    """The body is not valid JSON. Send one JSON object in UTF-8."""

    code = "invalid_json"
    status = 400


class InvalidUtf8(InvalidRequest):
    """The body is not valid UTF-8. Encode it as UTF-8 and send it again."""

    code = "invalid_utf8"
    status = 400


class DuplicateKey(InvalidRequest):
    """A JSON object names the same key twice. Send each key once."""

    code = "duplicate_key"
    status = 400


class BadCursor(InvalidRequest):
    """The cursor is not one of ours. Start again without `after`, or pass `next` unchanged."""

    code = "bad_cursor"
    status = 400


class BadHost(InvalidRequest):
    """The Host header is not one this server answers to. Use its own address, or add the host
    to ALLOWED_HOSTS."""

    code = "bad_host"
    status = 400


class BodyTooLarge(InvalidRequest):
    """The body is larger than the limit. Send less in one call."""

    code = "body_too_large"
    status = 413


class UnsupportedMediaType(InvalidRequest):
    """Send the body as `Content-Type: application/json`, not compressed."""

    code = "unsupported_media_type"
    status = 415


class MethodNotAllowed(InvalidRequest):
    """This path does not take that method."""

    code = "method_not_allowed"
    status = 405


class InvalidField(InvalidRequest):
    """A field has the wrong type or value."""


class UnknownField(InvalidRequest):
    """This field is not part of the contract. Remove it; free data belongs in `metadata`."""

    code = "unknown_field"


class UnknownFilter(InvalidRequest):
    """This query parameter is not known here. See the API reference for the ones that are."""

    code = "unknown_filter"


class TooLong(InvalidRequest):
    """A text is longer than its limit."""

    code = "too_long"


class TooDeep(InvalidRequest):
    """The JSON is nested deeper than the limit. Flatten it, or send it as text."""

    code = "too_deep"


class NulCharacter(InvalidRequest):
    """A text holds the NUL character (U+0000), which no database keeps. Remove it."""

    code = "nul_character"


class InvalidUnicode(InvalidRequest):
    """A text holds half of a surrogate pair, which is not valid Unicode. Repair or replace it."""

    code = "invalid_unicode"


class NonFiniteNumber(InvalidRequest):
    """NaN and Infinity are not JSON. Send null or a text instead."""

    code = "non_finite_number"


class NumberOutOfRange(InvalidRequest):
    """A number is outside its range. Send larger whole numbers as text."""

    code = "number_out_of_range"


class IdempotencyMismatch(InvalidRequest):
    """This Idempotency-Key was used for another request. Use a new key for a new request."""

    code = "idempotency_mismatch"


class IdempotencyNotSupported(InvalidRequest):
    """This call shows a secret once and cannot be repeated from memory. Send it without a key."""

    code = "idempotency_not_supported"


class BudgetTooSmall(InvalidRequest):
    """What must be in the context does not fit. Ask for at least `least` tokens."""

    code = "budget_too_small"


class VersionNotFound(InvalidRequest):
    """The session has no such version yet. Ask for one between 1 and `current_version`."""

    code = "version_not_found"


class Unauthorized(HoldfastError):
    """Send `Authorization: Bearer hf_...`. `holdfast key create` makes a key."""

    code = "unauthorized"
    status = 401
    type = "authentication_error"


class Forbidden(HoldfastError):
    """This key does not have the right to do that. Use one with the scope named in `scope`."""

    code = "forbidden"
    status = 403
    type = "permission_error"


class ForeignOrigin(HoldfastError):
    """A page of another origin may not change anything here."""

    code = "foreign_origin"
    status = 403
    type = "permission_error"


class NotFound(HoldfastError):
    """There is nothing at this address. Check the id and that the key belongs to its project."""

    code = "not_found"
    status = 404
    type = "not_found_error"


class SessionDeleted(HoldfastError):
    """The session was deleted. Restore it with POST /sessions/{id}/restore before `purge_at`."""

    code = "session_deleted"
    status = 410
    type = "not_found_error"


class Conflict(HoldfastError):
    """The request does not fit the present state."""

    code = "conflict"
    status = 409
    type = "conflict_error"


class StaleVersion(Conflict):
    """The session has moved on since that version. Read what was `missed`, decide again, and send
    the `current_version`."""

    code = "stale_version"


class SessionEnded(Conflict):
    """The session has ended. Reopen it with POST /sessions/{id}/reopen to go on."""

    code = "session_ended"


class UserMismatch(Conflict):
    """A session with this key belongs to another user. Use another key, or that user."""

    code = "user_mismatch"


class SessionBusy(Conflict):
    """Another agent has the lease of this session, `holder`, until `expires_at`. Try again when it
    is released or over, or wait for it with `wait` in POST /sessions/{id}/lease."""

    code = "session_busy"
    retryable = True


class LeaseLost(Conflict):
    """The lease is over or another holder has taken over, or the session changed under the work.
    Nothing of it was stored; look at the session again."""

    code = "lease_lost"


class RateLimited(HoldfastError):
    """Too many requests. Wait for the time in Retry-After."""

    code = "rate_limited"
    status = 429
    type = "rate_limit_error"
    retryable = True


class Internal(HoldfastError):
    """Something failed on our side; nothing was changed unless an answer said so. Try again, and
    report the request id if it stays."""

    retryable = True


class StoreBusy(HoldfastError):
    """Another process holds the database. Nothing was stored; try again shortly."""

    code = "store_busy"
    status = 503
    retryable = True


class StoreUnavailable(HoldfastError):
    """The database cannot be reached. Nothing was acknowledged; try again with the same
    Idempotency-Key."""

    code = "store_unavailable"
    status = 503
    retryable = True


class StorageFull(HoldfastError):
    """The disk is full or not writable. Nothing was stored; free some space and try again."""

    code = "storage_full"
    status = 507
    retryable = True


class MessageDamaged(HoldfastError):
    """A message is damaged in the database. Run `holdfast verify`, and restore the message from a
    backup or an export."""

    code = "message_damaged"


def leaves(root: type[HoldfastError] = HoldfastError) -> Iterator[type[HoldfastError]]:
    """Every class of the tree below `root`, for the reference page and its test."""
    for child in root.__subclasses__():
        yield child
        yield from leaves(child)
