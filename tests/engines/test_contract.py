"""What every engine promises, whoever writes the summary."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django import Settings

from memory_app import engines
from memory_app.core.passages import Point
from memory_app.core.summarise import render
from memory_app.engines import EngineFailed, Summariser
from memory_app.openai_engine import OpenAI
from tests.engines.conftest import KEY
from tests.engines.endpoint import Endpoint, points, says
from tests.engines.works import GOOD, SAID, work


@pytest.fixture(params=["embedded", "model"])
def summariser(
    request: pytest.FixtureRequest,
    endpoint: Endpoint,
    model: Callable[..., OpenAI],
) -> Summariser:
    if request.param == "model":
        endpoint.plays(says(points(*GOOD)))
        return model(count=engines.counter())
    return engines.Embedded()


def test_points_say_something_and_name_given_messages(summariser: Summariser) -> None:
    given = {2, *(passage.seq for passage in SAID)}
    found = summariser.summarise(work())
    assert found
    for point in found:
        assert point.text.strip()
        assert point.seqs
        assert given.issuperset(point.seqs)
        assert 0 <= point.score <= 1


def test_points_fit_the_size(summariser: Summariser) -> None:
    found = summariser.summarise(work(size=60))
    for style in ("narrative", "key_facts"):
        assert engines.counter()(render(found, style)) <= 60


def test_the_same_work_gives_the_same_points(summariser: Summariser) -> None:
    assert summariser.summarise(work()) == summariser.summarise(work())


def test_nothing_to_summarise_is_a_failure_and_no_empty_summary(summariser: Summariser) -> None:
    with pytest.raises(EngineFailed) as caught:
        summariser.summarise(work(previous=(), passages=(), scores={}))
    assert (caught.value.reason, caught.value.retryable) == ("empty", False)


def test_what_was_taken_back_is_no_source(summariser: Summariser) -> None:
    try:
        found = summariser.summarise(work(gone=frozenset({2, 4})))
    except EngineFailed:
        found = []
    assert not {2, 4} & {seq for point in found for seq in point.seqs}


def test_an_engine_says_its_name(summariser: Summariser) -> None:
    assert summariser.name in ("embedded", "openai:small")


def test_without_any_setting_the_embedded_engine_writes(settings: Settings) -> None:
    del settings.HOLDFAST_SUMMARISER
    assert engines.engine().name == "embedded"


def test_a_setting_chooses_the_model_and_its_limits(settings: Settings) -> None:
    settings.HOLDFAST_SUMMARISER = "memory_app.engines.openai"
    settings.HOLDFAST_MODEL = "small"
    settings.HOLDFAST_MODEL_URL = "http://127.0.0.1:11434/v1"
    settings.HOLDFAST_MODEL_KEY = KEY
    settings.HOLDFAST_MODEL_TIMEOUT = 7
    settings.HOLDFAST_MODEL_LOCAL = True
    chosen = engines.engine()
    assert isinstance(chosen, OpenAI)
    assert (chosen.name, chosen.key, chosen.timeout, chosen.local) == ("openai:small", KEY, 7, True)
    assert KEY not in repr(chosen)


def test_an_engine_of_the_sites_own_is_taken(settings: Settings) -> None:
    settings.HOLDFAST_SUMMARISER = f"{__name__}.Parrot"
    assert engines.engine().name == "parrot"


class Parrot:
    """Says the last thing again."""

    name = "parrot"

    def summarise(self, work: engines.Work) -> list[Point]:
        last = work.passages[-1]
        return [Point(last.text, (last.seq,), 1.0)]
