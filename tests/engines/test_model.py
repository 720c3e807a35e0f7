"""A model's endpoint at its best and at its worst."""

from __future__ import annotations

import gzip
import itertools
import json
import logging
import subprocess
import sys
import time
import traceback
from collections.abc import Callable

import pytest

from memory_app.core.work import EngineFailed
from memory_app.openai_calls import CALLS
from memory_app.openai_engine import OpenAI
from tests.engines.conftest import KEY
from tests.engines.endpoint import (
    HEAD,
    WAIT_SECONDS,
    Act,
    Endpoint,
    completion,
    drips,
    hangs,
    points,
    raw,
    resets,
    says,
    sends,
    streams,
)
from tests.engines.works import GOOD, work

SHORT = 0.3
Maker = Callable[..., OpenAI]
good = says(points(*GOOD))
stuck = says(points(*[("The refund is made and " + "the refund is made and " * 40, [4])]))


def failure(engine: OpenAI, **changes: object) -> EngineFailed:
    with pytest.raises(EngineFailed) as caught:
        engine.summarise(work(**changes))
    return caught.value


def failed_text(engine: OpenAI) -> str:
    """All that a failure would show to whoever logs it, also with the variables of each frame;
    nothing for a success."""
    try:
        engine.summarise(work())
    except EngineFailed as failed:
        frames = [frame.f_locals for frame, _ in traceback.walk_tb(failed.__traceback__)]
        held = [vars(failed), failed.__cause__, failed.__context__, *frames]
        return "".join(traceback.format_exception(failed)) + repr(failed) + repr(held)
    return ""


def test_a_good_answer_becomes_points_with_sources_and_scores(
    endpoint: Endpoint, model: Maker
) -> None:
    endpoint.plays(good)
    found = model().summarise(work())
    assert [(point.text, list(point.seqs)) for point in found] == list(GOOD)
    assert [point.score for point in found] == [0.4, 0.9, 0.5]
    assert len(endpoint.asked) == 1
    assert endpoint.asked[0]["model"] == "small"


def test_the_endpoint_gets_the_key_and_nothing_of_the_environment(
    endpoint: Endpoint, model: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/elsewhere")
    endpoint.plays(good)
    model().summarise(work())
    model(key="").summarise(work())
    sent = endpoint.headers[0]
    assert sent["authorization"] == f"Bearer {KEY}"
    assert sent["host"] == f"127.0.0.1:{endpoint.port}"
    assert set(sent) <= {
        *("host", "authorization", "content-type", "content-length", "accept"),
        *("accept-encoding", "user-agent", "connection"),
    }
    assert "elsewhere" not in str(endpoint.headers)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (hangs, "timeout"),
        (drips(b"", b"H"), "timeout"),
        (drips(HEAD, b"X-More: 1\r\n"), "timeout"),
        (drips(HEAD + b"Content-Length: 100000\r\n\r\n", b"{"), "timeout"),
        (drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n"), "timeout"),
        (drips(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"), "timeout"),
    ],
    ids=["hangs", "drips a status", "drips headers", "drips a body", "drips chunks", "continues"],
)
def test_a_slow_endpoint_is_cut_off_at_the_deadline_of_the_whole_call(
    endpoint: Endpoint, model: Maker, act: Act, reason: str
) -> None:
    endpoint.plays(act)
    began = time.monotonic()
    failed = failure(model(timeout=SHORT))
    assert SHORT <= time.monotonic() - began < SHORT + 5
    assert (failed.reason, failed.retryable) == (reason, True)
    assert len(endpoint.asked) == 1
    if act is not hangs:
        assert endpoint.cut.wait(WAIT_SECONDS)


def test_a_resolver_that_hangs_is_left_behind_at_the_deadline(
    endpoint: Endpoint, model: Maker
) -> None:
    def resolve(host: str, port: int) -> list[str]:
        endpoint.released.wait(WAIT_SECONDS)
        return ["127.0.0.1"]

    assert failure(model(timeout=SHORT, resolve=resolve)).reason == "timeout"
    assert endpoint.asked == []


@pytest.mark.parametrize(
    ("act", "reason", "retryable"),
    [
        (sends(b"", 429), "rate_limited", True),
        (sends(b"", 500), "server_error", True),
        (sends(b"", 503), "server_error", True),
        (sends(b"", 401), "rejected", False),
        (sends(b"", 404), "rejected", False),
        (resets, "connection", True),
        (raw(), "connection", True),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), "connection", True),
        (raw(b"\x16\x03\x01\x00\xff" * 20), "invalid_answer", False),
        (raw(HEAD + b"X-Huge: " + b"x" * 300_000 + b"\r\n\r\n{}"), "invalid_answer", False),
        (raw(HEAD + b"X: 1\r\n" * 30_000 + b"\r\n{}"), "invalid_answer", False),
        (sends(b"\xff\xfe garbage"), "invalid_answer", False),
        (sends(b"<html>hello</html>"), "invalid_answer", False),
        (sends(b""), "invalid_answer", False),
        (sends(b"[]"), "invalid_answer", False),
        (sends(b'{"choices": []}'), "invalid_answer", False),
        (sends(b'{"choices": [{"message": null}]}'), "invalid_answer", False),
        (sends(b"[" * 100_000), "invalid_answer", False),
        (sends(gzip.compress(b"{}"), Content_Encoding="gzip"), "invalid_answer", False),
        (says(None), "empty", False),
        (says("  \n"), "empty", False),
        (says(points(*GOOD), ended="length"), "too_long", False),
        (says("Here is the summary you wanted."), "invalid_answer", False),
        (says('{"points": [{"text": "Refund."}]}'), "invalid_answer", False),
        (says('{"points": [{"text": "Refund.", "sources": [99]}]}'), "invalid_answer", False),
        (says('{"points": [{"text": "Refund.", "sources": ["4"]}]}'), "invalid_answer", False),
        (says('{"points": [{"text": "Refund.", "sources": [true]}]}'), "invalid_answer", False),
        (says('{"points": [{"text": 5, "sources": [4]}]}'), "invalid_answer", False),
        (says('{"points": []}'), "empty", False),
        (says('{"points": [{"text": "  ", "sources": [4]}]}'), "empty", False),
        (stuck, "degenerate", False),
        (says(points(("... ... ...", [4]))), "degenerate", False),
        (says(points(("The refund is $901.", [4]))), "invented", False),
    ],
)
def test_each_way_to_fail_has_its_reason(
    endpoint: Endpoint, model: Maker, act: Act, reason: str, retryable: bool
) -> None:
    endpoint.plays(act)
    failed = failure(model())
    assert (failed.reason, failed.retryable) == (reason, retryable)
    assert len(endpoint.asked) <= CALLS


def test_an_endless_answer_is_cut_off_by_its_size(endpoint: Endpoint, model: Maker) -> None:
    endless = streams(HEAD + b"Content-Length: 99999999999\r\n\r\n", itertools.repeat(b"x" * 65536))
    endpoint.plays(endless)
    assert failure(model()).reason == "too_long"
    assert endpoint.cut.wait(WAIT_SECONDS)


def test_a_summary_above_its_size_is_too_long(endpoint: Endpoint, model: Maker) -> None:
    endpoint.plays(good)
    assert failure(model(), size=10).reason == "too_long"


@pytest.mark.parametrize(
    "bad", [sends(b"", 500), sends(b"", 429), resets, raw()], ids=["500", "429", "reset", "closed"]
)
def test_a_passing_failure_is_tried_again(
    endpoint: Endpoint, model: Maker, waits: list[float], bad: Act
) -> None:
    endpoint.plays(bad, bad, good)
    assert len(model(backoff=1.0).summarise(work())) == 3
    assert len(endpoint.asked) == 3
    assert 0.5 <= waits[0] <= 1.0 <= waits[1] <= 2.0


def test_an_endpoint_that_keeps_failing_is_left_alone(
    endpoint: Endpoint, model: Maker, waits: list[float]
) -> None:
    endpoint.plays(sends(b"", 500))
    assert failure(model()).reason == "server_error"
    assert len(endpoint.asked) == CALLS
    assert len(waits) == CALLS - 1


def test_retry_after_is_waited_for(endpoint: Endpoint, model: Maker, waits: list[float]) -> None:
    endpoint.plays(sends(b"", 429, Retry_After="3"), good)
    model(backoff=0.5).summarise(work())
    assert 3 <= waits[0] <= 3.5


def test_a_retry_after_beyond_the_deadline_ends_the_call_at_once(
    endpoint: Endpoint, model: Maker, waits: list[float]
) -> None:
    endpoint.plays(sends(b"", 429, Retry_After="3600"), good)
    failed = failure(model())
    assert (failed.reason, failed.after) == ("rate_limited", 3600)
    assert waits == []
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused(endpoint: Endpoint, model: Maker, status: int) -> None:
    with Endpoint().running() as other:
        other.plays(good)
        endpoint.plays(sends(b"", status, Location=f"{other.url}/chat/completions"))
        assert failure(model()).reason == "refused_redirect"
        assert other.asked == []
    assert len(endpoint.asked) == 1


def test_an_endpoint_that_is_not_there_is_a_connection_that_failed(model: Maker) -> None:
    with Endpoint().running() as gone:
        url = gone.url
    failed = failure(model(url=url))
    assert (failed.reason, failed.retryable) == ("connection", True)


def test_a_dropped_must_keep_is_asked_for_once_more_by_name(
    endpoint: Endpoint, model: Maker
) -> None:
    endpoint.plays(says(points(*GOOD[1:])), good)
    found = model().summarise(work(must=("lives in Lisbon", "order 8812")))
    assert len(found) == 3
    assert len(endpoint.asked) == 2
    *_, answered, corrected = endpoint.texts()
    assert answered == points(*GOOD[1:])
    assert "lives in Lisbon" in corrected
    assert "8812" not in corrected


def test_a_must_keep_that_is_dropped_twice_is_a_failure(endpoint: Endpoint, model: Maker) -> None:
    endpoint.plays(says(points(*GOOD[1:])))
    assert failure(model(), must=("lives in Lisbon",)).reason == "dropped_must_keep"
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize("fenced", ["```json\n{}\n```", "\n```\n{}\n```\n", "  {}  "])
def test_json_in_a_fence_is_read(endpoint: Endpoint, model: Maker, fenced: str) -> None:
    endpoint.plays(says(fenced.replace("{}", points(*GOOD))))
    assert len(model().summarise(work())) == 3


def test_a_work_without_anything_in_it_asks_nobody(endpoint: Endpoint, model: Maker) -> None:
    assert failure(model(), previous=(), passages=()).reason == "empty"
    assert failure(model(), gone=frozenset({2, 4, 5, 6})).reason == "empty"
    assert endpoint.asked == []


def test_what_was_taken_back_is_neither_sent_nor_a_source(endpoint: Endpoint, model: Maker) -> None:
    endpoint.plays(says(points(("Letters go to Nadia Brandt.", [4, 6]))))
    assert failure(model(), gone=frozenset({2, 4})).reason == "invalid_answer"
    sent = json.dumps(endpoint.asked)
    assert "Lisbon" not in sent
    assert "never came" not in sent
    assert "Nadia" in sent


@pytest.mark.parametrize(
    "act", [good, sends(b"", 401), sends(b"", 302), resets, hangs, says("nonsense")]
)
def test_the_key_is_in_no_log_no_error_and_no_text(
    endpoint: Endpoint, model: Maker, caplog: pytest.LogCaptureFixture, act: Act
) -> None:
    caplog.set_level(logging.DEBUG)
    endpoint.plays(act)
    engine = model(timeout=SHORT)
    told = failed_text(engine)
    assert len(endpoint.headers) >= 1
    assert KEY not in f"{told}{caplog.text}{engine!r}{engine}"


def test_an_endpoint_that_repeats_the_key_is_not_repeated(endpoint: Endpoint, model: Maker) -> None:
    endpoint.plays(sends(f'{{"error": {{"message": "bad key {KEY}"}}}}'.encode(), 401))
    failed = failure(model())
    assert (failed.reason, KEY in str(failed)) == ("rejected", False)


def test_the_package_of_the_model_is_not_imported_before_it_is_asked() -> None:
    code = (
        "import sys, memory_app.openai_engine, memory_app.dialling;"
        "print([name for name in ('openai', 'httpx', 'httpx2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_thousand_points_are_more_than_a_summary(endpoint: Endpoint, model: Maker) -> None:
    endpoint.plays(sends(completion(points(*[("Refund.", [4])] * 1_001))))
    assert failure(model(), size=100_000).reason == "invalid_answer"


@pytest.mark.parametrize("key", [f"{KEY}\n", f" {KEY}", f"{KEY}\r\nX-More: 1", f"{KEY}\u00e9"])
def test_a_key_that_is_none_is_refused_without_being_shown(
    endpoint: Endpoint, model: Maker, key: str
) -> None:
    failed = failure(model(key=key))
    assert failed.reason == "rejected"
    assert KEY not in "".join(traceback.format_exception(failed))
    assert endpoint.asked == []


@pytest.mark.parametrize("host", ["a..b", "-x-", "xn--a", "x" * 70 + ".example", "_x.example", "."])
def test_odd_names_fail_as_any_other_name(model: Maker, host: str) -> None:
    assert failure(model(url=f"http://{host}/v1")).reason in (
        "connection",
        "forbidden_address",
        "rejected",
    )
