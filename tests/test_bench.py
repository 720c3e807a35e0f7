"""The bench runs and reports; what it measures is never asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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


def test_the_bench_prints_a_table_with_a_row_for_each_figure(
    run: tuple[str, dict[str, Any]],
) -> None:
    output, found = run
    rows = [line for line in output.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(found["figures"])
    assert len({row.count(" | ") for row in rows}) == 1


def test_the_json_holds_each_figure_with_its_target(run: tuple[str, dict[str, Any]]) -> None:
    figures = run[1]["figures"]
    assert {(figure["database"], figure["unit"]) for figure in figures} == {("sqlite", "bytes")}
    small, packed, plain = (figure["value"] for figure in figures)
    assert (figures[0]["target"], figures[1]["target"]) == (850, None)
    assert 608 < small < packed < plain
    assert figures[0]["reached"] is (small <= 850)
    assert figures[1]["reached"] is None
    assert run[1]["skipped"] == {}


def test_the_json_says_where_it_was_measured(run: tuple[str, dict[str, Any]]) -> None:
    assert {"python", "sqlite", "cpus", "load", "file_system"} <= run[1]["surroundings"].keys()


def test_an_unknown_subject_is_refused() -> None:
    command = [sys.executable, "-m", "bench", "--only", "nothing"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "invalid choice" in result.stderr
