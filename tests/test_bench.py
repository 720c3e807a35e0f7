"""The bench runs and reports; what it measures is never asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from itertools import count, cycle, pairwise
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client, override_settings

from bench import cloning, payload, plots
from bench.__main__ import APART, SUBJECTS
from bench.bare_app import ANNOUNCED
from bench.clients import Clients, request
from bench.crowding import Run, Runs, Threads, rounds
from bench.ground import Place
from bench.http import API, answer, prepare, serving
from bench.peers.peer import durability
from bench.rawsql import BEGUN, TABLES
from bench.report import Figure, Point
from bench.results import Results
from holdfast.projects import LOCAL, ensure_project
from sessions_app import verifying
from sessions_app.models import Session
from sessions_app.store import get_store

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """The output and the JSON of the cheapest subject."""
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    command = [sys.executable, "-m", "bench", "--quick", "--only", "storage"]
    command += ["--database", "sqlite", "--json", str(file)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout, json.loads(file.read_text())


@pytest.mark.long
def test_the_bench_prints_a_table_with_a_row_for_each_figure(
    run: tuple[str, dict[str, Any]],
) -> None:
    output, found = run
    rows = [line for line in output.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(found["figures"])
    assert len({row.count(" | ") for row in rows}) == 1


@pytest.mark.long
def test_the_json_holds_each_figure_with_its_target(run: tuple[str, dict[str, Any]]) -> None:
    figures = run[1]["figures"]
    assert {(figure["database"], figure["unit"]) for figure in figures} == {("sqlite", "bytes")}
    small, packed, plain = (figure["value"] for figure in figures)
    assert (figures[0]["target"], figures[1]["target"]) == (850, None)
    assert 608 < small < packed < plain
    assert figures[0]["reached"] is (small <= 850)
    assert figures[1]["reached"] is None
    assert run[1]["skipped"] == {}


@pytest.mark.long
def test_the_json_says_where_it_was_measured(run: tuple[str, dict[str, Any]]) -> None:
    around = run[1]["surroundings"]["storage on sqlite"]
    assert {"python", "sqlite", "cpus", "load", "file_system", "at"} <= around.keys()


def test_an_unknown_subject_is_refused() -> None:
    command = [sys.executable, "-m", "bench", "--only", "nothing"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "invalid choice" in result.stderr


@pytest.mark.parametrize("name", [*SUBJECTS, *APART])
def test_every_subject_says_what_it_measures_on_which_database(name: str) -> None:
    subject = import_module(f"bench.{name}")
    assert subject.measure.__doc__
    assert set(subject.DATABASES) <= {"sqlite", "postgres"}


# -- figures and results -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figure", "reached"),
    [
        (Figure("f", "sqlite", 1.5), None),
        (Figure("f", "sqlite", 1.5, target=1.5), True),
        (Figure("f", "sqlite", 1.5, target=1.4), False),
        (Figure("f", "sqlite", 8.0, target=8.0, at_least=True), True),
        (Figure("f", "sqlite", 7.9, target=8.0, at_least=True), False),
        (Figure("f", "sqlite", 1.0, target=1.4, p99=1.6, target_p99=1.5), False),
        (Figure("f", "sqlite", 9.0, p99=1.5, target_p99=1.5), True),
    ],
)
def test_a_figure_is_reached_when_every_target_it_has_is(
    figure: Figure, reached: bool | None
) -> None:
    assert figure.reached is reached


def test_a_row_tells_both_targets() -> None:
    figure = Figure("f", "sqlite", 1.234, target=1.4, p99=1.6, target_p99=1.5)
    assert figure.cells()[2:6] == ("1.23x", "1.60x", "<= 1.4x, p99 <= 1.5x", "**no**")


def test_a_figure_comes_back_from_its_json() -> None:
    figure = Figure(
        "f", "sqlite", 1.0, points=(Point("chart", "line", 200, 0.1),), subject="append"
    )
    assert Figure.of_json(json.loads(json.dumps(figure.as_json()))) == figure


def test_a_new_run_takes_the_place_of_its_own_subject_alone() -> None:
    old, new = Results(), Results()
    old.take("append", "sqlite", iter([Figure("a", "sqlite", 1.0)]), {})
    old.take("append", "postgres", iter([Figure("a", "postgres", 2.0)]), {})
    new.take("append", "sqlite", iter([Figure("a", "sqlite", 3.0)]), {})
    found = old.renewed(new)
    assert [(one.database, one.value) for one in found.figures] == [
        ("postgres", 2.0),
        ("sqlite", 3.0),
    ]


def test_what_was_measured_before_a_subject_broke_is_kept() -> None:
    def breaking() -> Iterator[Figure]:
        yield Figure("a", "sqlite", 1.0)
        raise RuntimeError("no more")

    results = Results()
    with pytest.raises(RuntimeError, match="no more"):
        results.take("append", "sqlite", breaking(), {})
    assert [one.what for one in results.figures] == ["a"]


# -- many at once --------------------------------------------------------------------------------


def test_each_thread_of_a_crowd_calls_in_every_round() -> None:
    numbers = [count() for _ in range(4)]
    crowd = Threads([lambda own=own: next(own) for own in numbers])  # type: ignore[misc]
    taken = rounds({"all": crowd}, number=2, seconds=0.01)["all"]
    crowd.close()
    assert len(taken.runs) == 2
    assert all(next(own) >= 3 for own in numbers)


def test_the_rate_of_a_crowd_is_the_median_of_its_rounds() -> None:
    runs = Runs([Run([1_000_000] * calls, 2.0, own=0.5) for calls in (10, 40, 20)])
    assert (runs.rate, runs.spread) == (10.0, (5.0, 20.0))
    assert (runs.percentile(0.99), runs.own_share) == (1.0, 0.25)


@pytest.mark.parametrize(
    ("database", "said", "shown"),
    [
        ("sqlite", 2, "durable (synchronous=FULL)"),
        ("sqlite", "1", "not durable (synchronous=NORMAL)"),
        ("postgres", "on", "durable (synchronous_commit=on)"),
        ("postgres", "off", "not durable (synchronous_commit=off)"),
    ],
)
def test_what_a_library_promises_is_what_its_connection_says(
    database: str, said: object, shown: str
) -> None:
    assert durability(database, said) == shown


# -- HTTP ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file = tmp_path_factory.mktemp("bare") / "bare.sqlite3"
    command = [sys.executable, "-m", "bench.bare_app", str(file)]
    with serving(command, ANNOUNCED) as address:
        yield address


def test_the_bare_application_answers_as_the_api_does(bare: str) -> None:
    session = prepare(bare, 2, 200)[0]
    said = [request("POST", bare, f"{API}/{session}/messages", payload.message(5))]
    client = Clients(bare, [cycle(said)])
    assert len(client.once(3).took) == 3
    client.close()
    newest = _get(bare, f"{API}/{session}/messages?limit=20&order=desc")
    assert newest["has_more"] is True
    assert [one["seq"] for one in newest["data"]] == list(range(203, 183, -1))
    assert newest["data"][0] == {
        "seq": 203,
        "id": f"msg_{session}_203",
        "version": 203,
        **payload.message(5),
    }


def test_an_answer_that_is_no_success_ends_the_run(bare: str) -> None:
    client = Clients(bare, [cycle([request("GET", bare, "/nowhere")])])
    with pytest.raises(RuntimeError, match="404"):
        client.once(1)
    client.close()


class Closing(BaseHTTPRequestHandler):
    """Answers, and closes the connection behind the answer."""

    callers: ClassVar[set[Any]] = set()

    def do_GET(self) -> None:
        self.callers.add(self.client_address)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


def test_a_client_whose_connection_is_closed_comes_again() -> None:
    with HTTPServer(("127.0.0.1", 0), Closing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        address = f"127.0.0.1:{server.server_port}"
        client = Clients(address, [cycle([request("GET", address, "/")]) for _ in range(2)])
        try:
            assert len(client.once(3).took) == 6
        finally:
            client.close()
            server.shutdown()
            thread.join()
    assert len(Closing.callers) == 6


def _get(address: str, path: str) -> Any:
    with closing(HTTPConnection(address)) as opened:
        return answer(opened, "GET", path)[1]


@pytest.mark.django_db(transaction=True)
@override_settings(ROOT_URLCONF="bench.guest_site.urls")
def test_the_views_of_the_site_store_and_show_messages() -> None:
    kinds = ["ours"]
    if connection.vendor == "postgresql":
        kinds.append("bare")
        with connection.cursor() as cursor:
            for statement in (*TABLES, BEGUN.format(1)):
                cursor.execute(statement)
    client, said = Client(), payload.message(1)
    for kind in kinds:
        done = client.post(f"/{kind}/append/1", said, content_type="application/json")
        assert (done.status_code, done.json()["durable"]) == (201, True)
        (shown,) = client.get(f"/{kind}/last/1").json()["data"]
        assert {name: shown[name] for name in said} == said


# -- what grows ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_cloned_sessions_are_as_the_store_makes_them() -> None:
    place = _place_of_the_suite()
    made = cloning.sessions(place, 30, 2)
    assert len(set(made)) == Session.objects.of(place.project).count() == 30
    assert list(verifying.verify(place.store, project=place.project)) == []
    place.fill(made[7], 1)
    found = place.store.find(place.project, "clone-7")
    assert (found.id, found.messages) == (made[7], 3)


def _place_of_the_suite() -> Place:
    """The suite's own database as the bench sees one of its own."""
    known = connection.settings_dict
    kind, address = "sqlite", str(known["NAME"])
    if connection.vendor == "postgresql":
        where = f"{known['USER']}@{known['HOST']}:{known['PORT']}"
        kind, address = "postgres", f"postgresql://{where}/{known['NAME']}"
    project = ensure_project(LOCAL, "default").pk
    return Place(kind, address, "default", get_store(), project, ExitStack())


# -- charts --------------------------------------------------------------------------------------


def test_charts_are_drawn_from_the_json_of_a_run(tmp_path: Path) -> None:
    chart = "appends a second by threads (sqlite)"
    points = tuple(
        Point(chart, line, number, number * factor)
        for line, factor in (("<store>", 800), ("raw & bare", 790))
        for number in (16, 64)
    )
    results = Results([Figure("f", "sqlite", 1.0, points=points), Figure("g", "sqlite", 2.0)])
    results.write(tmp_path / "figures.json")
    plots.main(tmp_path / "figures.json", tmp_path)
    (file,) = tmp_path.glob("*.svg")
    assert file.name == "bench-appends-a-second-by-threads-sqlite.svg"
    assert "prefers-color-scheme: dark" in file.read_text()
    drawn = ElementTree.parse(file)  # noqa: S314 - our own
    texts = [each.text for each in drawn.iter() if each.text]
    assert {"<store>", "raw & bare", chart, "16", "64", "10,000"} <= set(texts)


def test_labels_of_lines_that_end_together_are_apart() -> None:
    places = sorted(plots.spread({"a": 100.0, "b": 101.0, "c": 330.0, "d": 338.0}).values())
    gaps = [after - before for before, after in pairwise(places)]
    assert min(gaps) >= plots.LABEL
    assert places[-1] <= plots.HEIGHT - plots.BOTTOM
