"""What must not get in: each is refused by its code, in the one shape, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from sessions_app.models import EndUser, Event, Message, Policy, RequestKey, Session
from tests.personas import Persona, refused

JSON = "application/json"
SAID = b'{"role": "user", "content": %b}'
WITH_METADATA = b'{"role": "user", "content": "x", "metadata": %b}'


@dataclass(frozen=True)
class Bad:
    """A request that is refused; `{s}` in the path is a session with one message."""

    request: str
    body: bytes
    status: int
    code: str
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def said(content: bytes, status: int, code: str, param: str | None = "content") -> Bad:
    return Bad("POST /sessions/{s}/messages", SAID % content, status, code, param)


def metadata(value: bytes, status: int, code: str, param: str | None) -> Bad:
    return Bad("POST /sessions/{s}/messages", WITH_METADATA % value, status, code, param)


def opened(body: bytes, status: int, code: str, param: str | None) -> Bad:
    return Bad("POST /sessions", body, status, code, param)


def edited(body: bytes, status: int, code: str, param: str | None) -> Bad:
    return Bad("PATCH /sessions/{s}", body, status, code, param)


def typed(kind: str, **headers: str) -> Bad:
    return Bad(
        "POST /sessions",
        b'{"title": "x"}',
        415,
        "unsupported_media_type",
        headers={"Content-Type": kind, **headers},
    )


def queried(query: str, code: str, param: str | None, status: int = 422) -> Bad:
    return Bad(f"GET /sessions?{query}", b"", status, code, param)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


CASES: dict[str, Bad] = {
    "nul in content": said(rb'"a\u0000b"', 422, "nul_character"),
    "nul in metadata": metadata(rb'{"a": ["\u0000"]}', 422, "nul_character", "metadata.a[0]"),
    "nul in a metadata key": metadata(
        rb'{"a\u0000": 1}', 422, "nul_character", 'metadata["a\\u0000"]'
    ),
    "nul in a title": opened(rb'{"title": "\u0000"}', 422, "nul_character", "title"),
    "nul in a key": opened(rb'{"key": "a\u0000"}', 422, "nul_character", "key"),
    "nul in a user": opened(rb'{"user": "a\u0000"}', 422, "nul_character", "user"),
    "nul in a tag": opened(rb'{"tags": ["a\u0000"]}', 422, "nul_character", "tags[0]"),
    "nul in a path": Bad("GET /sessions/a%00b", b"", 404, "not_found"),
    "nul in a query": queried("q=a%00", "nul_character", "q"),
    "half a pair in content": said(rb'"\ud800"', 422, "invalid_unicode"),
    "half a pair in metadata": metadata(rb'{"a": "\udc00"}', 422, "invalid_unicode", "metadata.a"),
    "half a pair in a key": opened(rb'{"key": "\ud800"}', 422, "invalid_unicode", "key"),
    "half a pair in a field name": opened(rb'{"\ud800": 1}', 422, "invalid_unicode", '["\\ud800"]'),
    "nan": metadata(b'{"a": NaN}', 422, "non_finite_number", "metadata.a"),
    "infinity": metadata(b'{"a": Infinity}', 422, "non_finite_number", "metadata.a"),
    "minus infinity": metadata(b'{"a": -Infinity}', 422, "non_finite_number", "metadata.a"),
    "1e999": metadata(b'{"a": 1e999}', 422, "non_finite_number", "metadata.a"),
    "2^70": metadata(b'{"a": 1180591620717411303424}', 422, "number_out_of_range", "metadata.a"),
    "5,000 digits": metadata(
        b'{"a": %b}' % (b"9" * 5_000), 422, "number_out_of_range", "metadata.a"
    ),
    "a key twice": opened(b'{"title": "a", "title": "b"}', 400, "duplicate_key", "title"),
    "a key twice deep inside": metadata(b'{"a": [{"b": 1, "b": 1}]}', 400, "duplicate_key", "b"),
    "an unknown field": opened(b'{"tittle": "a"}', 422, "unknown_field", "tittle"),
    "an unknown field with a long name": opened(
        b'{"%b": 1}' % (b"x" * 999), 422, "unknown_field", "x" * 61 + "..."
    ),
    "an unknown field of a message": Bad(
        "POST /sessions/{s}/messages",
        b'{"role": "user", "content": "x", "tone": 1}',
        422,
        "unknown_field",
        "tone",
    ),
    "text for an integer": Bad(
        "POST /sessions/{s}/retract", b'{"from": "1"}', 422, "invalid_field", "from"
    ),
    "true for an integer": Bad(
        "POST /sessions/{s}/retract", b'{"from": true}', 422, "invalid_field", "from"
    ),
    "1.0 for an integer": Bad(
        "POST /sessions/{s}/retract", b'{"from": 1.0}', 422, "invalid_field", "from"
    ),
    "1e0 for an integer": Bad(
        "POST /sessions/{s}/retract", b'{"from": 1e0}', 422, "invalid_field", "from"
    ),
    "2^63 for an integer": Bad(
        "POST /sessions/{s}/retract",
        b'{"from": 9223372036854775808}',
        422,
        "number_out_of_range",
        "from",
    ),
    "metadata 900 deep": metadata(nested(900), 422, "too_deep", None),
    "metadata 33 deep": metadata(nested(33), 422, "too_deep", None),
    "metadata of a session 33 deep": opened(
        b'{"metadata": %b}' % nested(33), 422, "too_deep", None
    ),
    "a body 100,000 deep": Bad("POST /sessions", b"[" * 100_000, 400, "invalid_json"),
    "a body 100,000 deep that closes": Bad(
        "POST /sessions", b"[" * 100_000 + b"]" * 100_000, 400, "invalid_json"
    ),
    "metadata of 17 KiB": opened(
        b'{"metadata": {"a": "%b"}}' % (b"x" * 17_000), 422, "too_long", "metadata"
    ),
    "a list as metadata": opened(b'{"metadata": []}', 422, "invalid_field", "metadata"),
    "a key of 256": opened(b'{"key": "%b"}' % (b"x" * 256), 422, "too_long", "key"),
    "a key of 300": opened(b'{"key": "%b"}' % (b"x" * 300), 422, "too_long", "key"),
    "an empty key": opened(b'{"key": ""}', 422, "invalid_field", "key"),
    "a title of 300": edited(b'{"title": "%b"}' % (b"x" * 300), 422, "too_long", "title"),
    "a user of 300": opened(b'{"user": "%b"}' % (b"x" * 300), 422, "too_long", "user"),
    "a tag of 300": opened(b'{"tags": ["%b"]}' % (b"x" * 300), 422, "too_long", "tags[0]"),
    "a tag twice": opened(b'{"tags": ["a", "a"]}', 422, "invalid_field", "tags"),
    "a number as a tag": opened(b'{"tags": [1]}', 422, "invalid_field", "tags[0]"),
    "a number as a title": opened(b'{"title": 1}', 422, "invalid_field", "title"),
    "a list as the system text": opened(b'{"system": [1]}', 422, "invalid_field", "system"),
    "a list of text as tools": opened(b'{"tools": ["x"]}', 422, "invalid_field", "tools[0]"),
    **{
        f"limit {limit}": queried(f"limit={limit}", "invalid_field", "limit")
        for limit in (
            "-1",
            "0",
            "501",
            "1000000000",
            "18446744073709551616",
            "9" * 400,
            "1.0",
            "01x",
            "true",
            "",
            "+5",
            "%D9%A3",
            "1_0",
            "%201",
        )
    },
    "an offset": queried("offset=-1", "unknown_filter", "offset"),
    "a forged cursor": queried("after=eyJhIjoxfQ", "bad_cursor", "after", 400),
    "a lookup as a filter": queried(
        "session__secret__startswith=a", "unknown_filter", "session__secret__startswith"
    ),
    "a connector as a filter": queried("_connector=OR", "unknown_filter", "_connector"),
    "a path in json as a filter": queried("meta__x__regex=a", "unknown_filter", "meta__x__regex"),
    "a filter in capitals": queried("Key=a", "unknown_filter", "Key"),
    "an unknown sort": queried("sort=head", "invalid_field", "sort"),
    "two signs before a sort": queried("sort=--tokens", "invalid_field", "sort"),
    "an unknown status": queried("status=gone", "invalid_field", "status"),
    "a time without an offset": queried(
        "active_since=2026-01-01T00:00:00", "invalid_field", "active_since"
    ),
    **{
        f"a level of {level}": queried(f"min_level={level}", "invalid_field", "min_level")
        for level in ("", "-1", "NaN", "Infinity", "1e999", "1e7", "0x1", "1_0", "true", ".5")
    },
    "a query that is not utf-8": queried("q=%FF", "invalid_utf8", None, 400),
    "a search of 513": queried(f"q={'x' * 513}", "too_long", "q"),
    "a search of 10,000": queried(f"q={'(a%2B)%2B$' * 1_250}", "too_long", "q"),
    "a body of 5 MiB": Bad(
        "POST /sessions", b'{"title": "%b"}' % (b"x" * 5 * 2**20), 413, "body_too_large"
    ),
    "a body of 5 MiB of another type": Bad(
        "POST /sessions",
        b"x" * 5 * 2**20,
        413,
        "body_too_large",
        headers={"Content-Type": "text/x"},
    ),
    "a message over 1 MiB": said(b'"%b"' % (b"x" * (2**20 + 1)), 422, "too_long"),
    "text/plain": typed("text/plain"),
    "a form": typed("application/x-www-form-urlencoded"),
    "a file": typed("multipart/form-data; boundary=x"),
    "no type": typed(""),
    "a type like json": typed("application/json-patch+json"),
    "json in utf-16": typed("application/json; charset=utf-16"),
    "gzip": typed(JSON, Content_Encoding="gzip"),
    "a body of another type on a get": Bad(
        "GET /sessions", b"x", 415, "unsupported_media_type", headers={"Content-Type": "text/plain"}
    ),
    "a field on a get": Bad("GET /sessions", b'{"limit": 1}', 422, "unknown_field", "limit"),
    "bytes that are not utf-8": Bad("POST /sessions", b'{"title": "\xff"}', 400, "invalid_utf8"),
    "a byte order mark": Bad("POST /sessions", b"\xef\xbb\xbf{}", 400, "invalid_json"),
    "half an object": Bad("POST /sessions", b'{"title": ', 400, "invalid_json"),
    "two objects": Bad("POST /sessions", b"{} {}", 400, "invalid_json"),
    "a comma at the end": Bad("POST /sessions", b'{"title": "a",}', 400, "invalid_json"),
    "blanks": Bad("POST /sessions", b"   ", 400, "invalid_json"),
    "a list": Bad("POST /sessions", b"[]", 422, "invalid_field"),
    **{
        f"role {role!r}": Bad(
            "POST /sessions/{s}/messages",
            f'{{"role": "{role}", "content": "x"}}'.encode(),
            422,
            "invalid_field",
            "role",
        )
        for role in ("system ", " user", "root", "User", "us\u0435r", "", "user\u200b")
    },
    "no role": Bad(
        "POST /sessions/{s}/messages", b'{"content": "x"}', 422, "invalid_field", "role"
    ),
    **{
        f"a budget of {budget}": Bad(
            f"GET /sessions/{{s}}/context?tokens={budget}", b"", 422, "invalid_field", "tokens"
        )
        for budget in ("0", "-1", "1.5", "18446744073709551616")
    },
    "a policy with an unknown field": Bad(
        "PUT /policies/mine", b'{"windw": 1}', 422, "unknown_field", "windw"
    ),
    "a policy over its bounds": Bad(
        "PUT /policies/mine", b'{"window": 1e999}', 422, "non_finite_number", "window"
    ),
    "a request key with a blank": Bad(
        "POST /sessions", b"{}", 422, "invalid_field", "Idempotency-Key", {"Idempotency-Key": "a b"}
    ),
    "a version that is none": Bad(
        "PATCH /sessions/{s}", b"{}", 422, "invalid_field", "If-Match", {"If-Match": "1.0"}
    ),
}

Row = tuple[object, ...]


def everything_stored() -> list[Row]:
    """All rows that a call could have written."""
    managers: list[Callable[[], list[Row]]] = [
        lambda model=model: list(model._base_manager.order_by("pk").values_list())  # type: ignore[misc]
        for model in (Session, EndUser, Message, Event, Policy, RequestKey)
    ]
    return [row for rows in managers for row in rows()]


@pytest.mark.parametrize("bad", CASES.values(), ids=CASES)
def test_bad_input_is_refused_by_name_and_leaves_nothing(owner: Persona, bad: Bad) -> None:
    session = owner.opened()["id"]
    owner.said(session, "hello")
    before = everything_stored()
    method, path = bad.request.split(" ")
    headers = {name.replace("-", "_"): value for name, value in bad.headers.items()}
    response = owner.call(method, path.replace("{s}", session), bad.body, **headers)
    error = refused(response, bad.status, bad.code)
    if bad.code != "too_deep":
        assert error["param"] == bad.param
    assert everything_stored() == before


@pytest.mark.parametrize(
    "content",
    [
        "<|endoftext|>",
        "a" * 2**20,
        " " * 2**20,
        "💡" * (2**20 // 4),
        "{{7*7}} <img src=x onerror=alert(1)> '; DROP TABLE x; --",
        "\u202e\u200b\ufeff\ue000",
    ],
    ids=["special", "letters", "blanks", "emoji", "attack", "odd"],
)
def test_strange_text_is_counted_and_kept_to_the_letter(owner: Persona, content: str) -> None:
    session = owner.opened()["id"]
    owner.said(session, content)
    (row,) = owner.get(f"/sessions/{session}/messages").json()["data"]  # type: ignore[attr-defined]
    assert row["content"] == content
    assert row["tokens"] > 0


def test_numbers_and_keys_of_metadata_come_back_as_they_were(owner: Persona) -> None:
    given = {"least": -(2**63), "most": 2**64 - 1, "é": 1, "e\u0301": 2, "": None, "f": 1.5}
    assert owner.opened(metadata=given)["metadata"] == given
