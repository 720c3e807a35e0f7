import hashlib
import io
import json
import logging
import uuid
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import pytest
from django.core.exceptions import (
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.handlers.asgi import ASGIRequest
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from sessions_app import http
from sessions_app.core import errors, strict

LIMIT = 1_000
JSON = "application/json"


class Fate(StrEnum):
    VERBATIM = "verbatim"


class Stream(io.BytesIO):
    """A socket's stream: gives a few bytes at a time and counts them."""

    given = 0

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(min(size, 300) if size and size > 0 else size)
        self.given += len(chunk)
        return chunk


class BrokenStream(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError("connection reset")


def post(
    body: bytes = b"{}", content_type: str = JSON, *, headers: dict[str, str] | None = None
) -> HttpRequest:
    return RequestFactory().generic("POST", "/x", body, content_type, headers=headers)


def read_body(request: HttpRequest, *, limit: int, depth: int = strict.MAX_DEPTH) -> Any:
    """The body as a call reads it."""
    raw = http.read_raw(request, limit=limit)
    return strict.loads(raw, limit=depth) if raw else None


def chunked(stream: io.BytesIO, content_type: str = JSON) -> ASGIRequest:
    """A request without Content-Length, as a server hands it on under ASGI."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "query_string": b"",
        "headers": [(b"content-type", content_type.encode())],
    }
    return ASGIRequest(scope, stream)


def error_of(response: HttpResponseBase) -> dict[str, Any]:
    assert isinstance(response, HttpResponse)
    assert response["Content-Type"] == JSON
    error: dict[str, Any] = json.loads(response.content)["error"]
    return error


# ── Answers ──────────────────────────────────────────────────────────────────────────────────


def test_an_answer_is_json_with_its_status_and_headers() -> None:
    response = http.json_response(201, {"a": "é"}, headers={"ETag": '"41"'})
    assert (response.status_code, response.content) == (201, '{"a":"é"}'.encode())
    assert (response["Content-Type"], response["ETag"]) == (JSON, '"41"')


def test_str_subclasses_and_ids_are_written_as_text_even_as_keys() -> None:
    session = uuid.UUID(int=7)
    response = http.json_response(200, {Fate.VERBATIM: Fate.VERBATIM, "id": session})
    assert json.loads(response.content) == {"verbatim": "verbatim", "id": str(session)}


def test_an_error_has_the_one_shape() -> None:
    request = post(headers={"X-Request-Id": "abc-1"})
    response = http.error_response(
        errors.StaleVersion(param="If-Match", current_version=41, missed=[]), request
    )
    assert response.status_code == 409
    assert response["X-Request-Id"] == "abc-1"
    error = error_of(response)
    assert error.pop("message")
    assert error == {
        "code": "stale_version",
        "type": "conflict_error",
        "param": "If-Match",
        "retryable": False,
        "request_id": "abc-1",
        "current_version": 41,
        "missed": [],
    }


def test_every_error_of_the_tree_can_be_written() -> None:
    for leaf in errors.leaves():
        response = http.error_response(leaf(), post())
        assert response.status_code == leaf.status
        assert error_of(response)["code"] == leaf.code


@pytest.mark.parametrize(
    ("error", "header", "value"),
    [
        (errors.StoreBusy(), "Retry-After", "1"),
        (errors.RateLimited(retry_after=30), "Retry-After", "30"),
        (errors.Unauthorized(), "WWW-Authenticate", 'Bearer realm="holdfast"'),
        (errors.MethodNotAllowed(allow=["GET", "POST"]), "Allow", "GET, POST"),
    ],
)
def test_a_status_brings_its_header(error: errors.HoldfastError, header: str, value: str) -> None:
    assert http.error_response(error, post())[header] == value


def test_an_error_about_half_a_surrogate_pair_can_still_be_written() -> None:
    response = http.error_response(errors.InvalidField("no \ud800", param="\udfff"), post())
    assert error_of(response)["param"] == "\\udfff"


@pytest.mark.parametrize("sent", ["a", "A.b_c-9", "x" * 128])
def test_a_well_formed_request_id_is_taken_over(sent: str) -> None:
    assert http.request_id(post(headers={"X-Request-Id": sent})) == sent


@pytest.mark.parametrize("sent", ["", "x" * 129, "a b", "a\n", "<b>", "é"])
def test_another_request_id_is_replaced_by_one_that_stays(sent: str) -> None:
    request = post(headers={"X-Request-Id": sent})
    made = http.request_id(request)
    assert made != sent
    assert uuid.UUID(made).version == 7
    assert http.request_id(request) == made


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────


def test_a_body_is_read_strictly() -> None:
    assert read_body(post(b'{"a":[1]}'), limit=LIMIT) == {"a": [1]}
    with pytest.raises(errors.DuplicateKey):
        read_body(post(b'{"a":1,"a":1}'), limit=LIMIT)
    with pytest.raises(errors.TooDeep):
        read_body(post(b"[[1]]"), limit=LIMIT, depth=1)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("content_type", ["", JSON, "text/plain"])
def test_no_body_is_none_whatever_its_type(method: str, content_type: str) -> None:
    request = RequestFactory().generic(method, "/x", b"", content_type)
    assert read_body(request, limit=LIMIT) is None


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonl",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
    ],
)
def test_a_body_that_is_not_json_is_415_on_every_method(method: str, content_type: str) -> None:
    with pytest.raises(errors.UnsupportedMediaType):
        read_body(RequestFactory().generic(method, "/x", b"{}", content_type), limit=LIMIT)
    with pytest.raises(errors.UnsupportedMediaType):
        read_body(chunked(io.BytesIO(b"{}"), content_type), limit=LIMIT)


def test_a_form_that_a_middleware_has_read_is_415() -> None:
    request = RequestFactory().post("/x", {"a": "1"})
    assert request.POST["a"] == "1"
    with pytest.raises(errors.UnsupportedMediaType):
        read_body(request, limit=LIMIT)


@pytest.mark.parametrize(
    "content_type",
    [
        "Application/JSON",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"; v=1',
    ],
)
def test_parameters_and_case_of_the_type_do_not_matter(content_type: str) -> None:
    assert read_body(post(b"{}", content_type), limit=LIMIT) == {}


@pytest.mark.parametrize("encoding", ["gzip", "identity, gzip", "br"])
def test_a_compressed_body_is_415(encoding: str) -> None:
    with pytest.raises(errors.UnsupportedMediaType):
        read_body(post(headers={"Content-Encoding": encoding}), limit=LIMIT)
    assert read_body(post(headers={"Content-Encoding": "Identity"}), limit=LIMIT) == {}


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_413() -> None:
    body = b'"' + b"x" * (LIMIT - 2) + b'"'
    for request in (post, lambda raw: chunked(Stream(raw))):
        assert http.read_raw(request(body), limit=LIMIT) == body
        with pytest.raises(errors.BodyTooLarge, match="1000 bytes"):
            http.read_raw(request(body + b" "), limit=LIMIT)


def test_a_declared_length_over_the_limit_is_refused_before_a_byte_is_read() -> None:
    request = post(b"x" * (LIMIT + 1))
    with pytest.raises(errors.BodyTooLarge):
        http.read_raw(request, limit=LIMIT)
    assert request.read(1) == b"x"


def test_a_body_without_a_length_is_read_no_further_than_the_limit() -> None:
    stream = Stream(b"x" * 100_000)
    with pytest.raises(errors.BodyTooLarge):
        http.read_raw(chunked(stream), limit=LIMIT)
    assert stream.given == LIMIT + 1


def test_the_limit_is_ours_and_not_that_of_django(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    body = json.dumps("x" * 100).encode()
    assert http.read_raw(post(body), limit=LIMIT) == body
    assert http.read_raw(chunked(io.BytesIO(body)), limit=LIMIT) == body


def test_a_second_reader_gets_the_same_bytes() -> None:
    request = post(b'{"a":1}')
    assert http.read_raw(request, limit=LIMIT) == b'{"a":1}'
    assert read_body(request, limit=LIMIT) == {"a": 1}
    assert request.body == b'{"a":1}'


def test_a_body_read_by_a_middleware_is_read_again_and_measured() -> None:
    request = chunked(io.BytesIO(b"[1,2,3]"))
    assert request.body
    assert read_body(request, limit=LIMIT) == [1, 2, 3]
    with pytest.raises(errors.BodyTooLarge):
        http.read_raw(request, limit=3)


def test_a_body_that_ends_before_its_length_is_400() -> None:
    request = post(b"[1]   ")
    request.read(2)
    with pytest.raises(errors.InvalidJson, match="broke off"):
        read_body(request, limit=LIMIT)


@pytest.mark.parametrize("length", ["", "x", "-1", "٣", "1.5"])
def test_a_malformed_length_is_taken_as_none(length: str) -> None:
    request = chunked(io.BytesIO(b"[]"))
    request.META["CONTENT_LENGTH"] = length
    assert read_body(request, limit=LIMIT) == []


def test_an_absurd_length_is_413() -> None:
    request = post()
    request.META["CONTENT_LENGTH"] = "9" * 5_000
    with pytest.raises(errors.BodyTooLarge):
        read_body(request, limit=LIMIT)


# ── Queries and headers ──────────────────────────────────────────────────────────────────────

ALLOWED = {"q": strict.text(512), "tag": strict.many(strict.text(20)), "n": strict.integer(0, 9)}


def get(query: str) -> HttpRequest:
    return RequestFactory().get("/x", QUERY_STRING=query)


def asgi_get(query: str) -> HttpRequest:
    scope = {"type": "http", "method": "GET", "path": "/x", "query_string": query.encode()}
    return ASGIRequest({**scope, "headers": []}, io.BytesIO())


@pytest.mark.parametrize("make", [get, asgi_get])
def test_a_query_is_read_with_the_allow_list(make: Callable[[str], HttpRequest]) -> None:
    assert http.read_query(make(""), ALLOWED) == {}
    read = http.read_query(make("q=a+b%C3%A9%26&tag=x&tag=y;z&n=3"), ALLOWED)
    assert read == {"q": "a bé&", "tag": ["x", "y;z"], "n": 3}
    assert http.read_query(make("q="), ALLOWED) == {"q": ""}


def test_letters_that_came_unescaped_are_read_as_utf8() -> None:
    assert http.read_query(asgi_get("q=é"), ALLOWED) == {"q": "é"}
    assert http.read_query(get("q=é".encode().decode("latin-1")), ALLOWED) == {"q": "é"}


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("q=%FF", errors.InvalidUtf8),
        ("%FF=1", errors.InvalidUtf8),
        ("q=%ED%A0%80", errors.InvalidUnicode),
        ("q=%00", errors.NulCharacter),
        ("q=" + "x" * 513, errors.TooLong),
        ("meta__x__regex=1", errors.UnknownFilter),
        ("n", errors.InvalidField),
        ("n=1&n=1", errors.InvalidField),
        ("tag=x&" * 101, errors.InvalidField),
    ],
)
def test_a_query_that_is_not_right_is_refused(
    query: str, error: type[errors.HoldfastError]
) -> None:
    with pytest.raises(error):
        http.read_query(get(query), ALLOWED)


@pytest.mark.parametrize(
    ("sent", "version"),
    [("41", 41), ('"41"', 41), (" 41 ", 41), ("0", 0), ("*", None), ("9" * 18, 10**18 - 1)],
)
def test_if_match_is_a_version_or_a_star(sent: str, version: int | None) -> None:
    assert http.if_match(post(headers={"If-Match": sent})) == version


def test_without_if_match_nothing_is_checked() -> None:
    assert http.if_match(post()) is None


@pytest.mark.parametrize(
    "sent",
    [
        *("", 'W/"41"', '"41", "42"', "41,42", '"41', '41"', "041", "-1", "+1", "4.0", "٤", '"*"'),
        *("41\n", "9" * 50, "true", "**"),
    ],
)
def test_any_other_if_match_is_refused(sent: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        http.if_match(post(headers={"If-Match": sent}))
    assert caught.value.param == "If-Match"


@pytest.mark.parametrize("sent", ["k", "!~", "x" * 255])
def test_an_idempotency_key_is_visible_ascii(sent: str) -> None:
    assert http.idempotency_key(post(headers={"Idempotency-Key": sent})) == sent


@pytest.mark.parametrize("sent", ["", "x" * 256, "a b", "a\t", "é", "\x7f", "a\n"])
def test_any_other_idempotency_key_is_refused(sent: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        http.idempotency_key(post(headers={"Idempotency-Key": sent}))
    assert caught.value.param == "Idempotency-Key"
    assert http.idempotency_key(post()) is None


requests = st.tuples(st.sampled_from(["POST", "PATCH", "P"]), st.text(max_size=9), st.binary())


@given(requests, requests)
def test_two_requests_share_a_fingerprint_only_if_they_are_the_same(
    one: tuple[str, str, bytes], other: tuple[str, str, bytes]
) -> None:
    assert (http.fingerprint(*one) == http.fingerprint(*other)) is (one == other)


def test_the_parts_of_a_fingerprint_cannot_run_into_each_other() -> None:
    assert http.fingerprint("POST", "/a", b"b") != http.fingerprint("POST", "/ab", b"")
    assert len(http.fingerprint("POST", "/a", b"b")) == hashlib.sha256().digest_size


# ── Views ────────────────────────────────────────────────────────────────────────────────────


def failing(error: BaseException) -> Callable[[HttpRequest], HttpResponseBase]:
    @http.contract
    def view(request: HttpRequest) -> HttpResponseBase:
        raise error

    return view


def test_an_answer_carries_the_request_id_and_the_view_gets_its_arguments() -> None:
    @http.contract
    def view(request: HttpRequest, session: str, *, seq: int) -> HttpResponseBase:
        return http.json_response(200, [session, seq])

    response = view(post(headers={"X-Request-Id": "abc"}), "s", seq=3)
    assert isinstance(response, HttpResponse)
    assert (response.content, response["X-Request-Id"]) == (b'["s",3]', "abc")
    assert view.__name__ == "view"


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (errors.SessionEnded(), 409, "session_ended"),
        (RequestDataTooBig("x"), 413, "body_too_large"),
        (UnreadablePostError("x"), 400, "invalid_json"),
        (DisallowedHost("evil.example"), 400, "bad_host"),
        (Http404("No Session matches the given query."), 404, "not_found"),
        (PermissionDenied("secret"), 403, "forbidden"),
        (SuspiciousOperation("secret"), 422, "invalid_field"),
    ],
)
def test_an_expected_error_is_answered_without_a_trace_in_the_log(
    raised: Exception, status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = failing(raised)(post())
    error = error_of(response)
    assert (response.status_code, error["code"]) == (status, code)
    assert error["request_id"] == response["X-Request-Id"]
    assert "secret" not in json.dumps(error)
    assert "Session matches" not in json.dumps(error)
    assert not caplog.records


def test_a_bug_is_500_with_its_trace_in_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    response = failing(KeyError("hf_secret"))(post(headers={"X-Request-Id": "abc"}))
    assert response.status_code == 500
    assert isinstance(response, HttpResponse)
    assert b"hf_secret" not in response.content
    assert b"KeyError" not in response.content
    assert error_of(response)["code"] == "internal"
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("holdfast.http", logging.ERROR)
    assert "abc" in record.getMessage()
    assert record.exc_info


def test_a_path_cannot_write_lines_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    failing(KeyError())(RequestFactory().get("/a%0AERROR forged"))
    assert "\n" not in caplog.records[0].getMessage()


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit()])
def test_a_stop_of_the_process_is_let_through(stop: BaseException) -> None:
    with pytest.raises(type(stop)):
        failing(stop)(post())


def test_a_broken_connection_is_answered_in_the_shape() -> None:
    @http.contract
    def view(request: HttpRequest) -> HttpResponseBase:
        return http.json_response(200, read_body(request, limit=LIMIT))

    assert error_of(view(chunked(BrokenStream(b"{}"))))["code"] == "invalid_json"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("atomic_requests", "kept"), [(True, False), (False, True)])
def test_an_error_rolls_the_transaction_of_a_request_back(
    atomic_requests: bool, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic_requests)

    @http.contract
    def view(request: HttpRequest) -> HttpResponseBase:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE contract_probe (n integer)")
        raise errors.NotFound

    with transaction.atomic():
        assert view(post()).status_code == 404
    stored = "contract_probe" in connection.introspection.table_names()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS contract_probe")
    assert stored is kept
