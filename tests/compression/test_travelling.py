"""A folded session travels with all that memory keeps of it, or not at all."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from memory_app import episodes
from memory_app.models import Compression, Episode, Fact, FateRun, Summary
from sessions_app import exporting, importers
from tests.compression.conftest import Desk
from tests.compression.test_contexts import folded

TABLES = (Compression, Summary, FateRun, Fact, Episode)


def export(desk: Desk, folder: Path) -> Path:
    path = folder / "all.jsonl"
    path.write_bytes(b"".join(exporting.holdfast(desk.store, desk.project)))
    return path


def counted() -> list[int]:
    return [table._base_manager.count() for table in TABLES]


def test_it_comes_back_to_the_byte_and_the_digest(desk: Desk, tmp_path: Path) -> None:
    session = folded(desk, parcels=60)
    desk.store.end(desk.project, session)
    episodes.tell(desk.store, 0)
    digest, rows = desk.context(session).digest, counted()
    assert all(rows)
    path = export(desk, tmp_path)
    first = path.read_bytes()
    desk.store.purge(desk.project, session)
    assert not any(counted())
    report = importers.run(desk.store, desk.project, "holdfast", [path])
    assert (report.errors, report.sessions) == ([], 1)
    assert counted() == rows
    assert desk.context(session).digest == digest
    assert export(desk, tmp_path).read_bytes() == first
    # It goes on as it was: the numbers of its policy are there, so it becomes due.
    assert desk.due(session).due_tokens < 2**62


@pytest.mark.parametrize(
    "change",
    [
        {"table": "user"},
        {"of": "memory", "row": {"first": 1}},
        {"row": {"first": {"a": 1}}},
    ],
)
def test_a_row_that_is_none_refuses_its_session(
    desk: Desk, tmp_path: Path, change: dict[str, object]
) -> None:
    session = folded(desk)
    path = export(desk, tmp_path)
    desk.store.purge(desk.project, session)
    lines = path.read_bytes().splitlines()
    at = next(at for at, line in enumerate(lines) if b'"table":"fate_run"' in line)
    value = orjson.loads(lines[at])
    value["beside"] |= change
    lines[at] = orjson.dumps(value)
    path.write_bytes(b"\n".join(lines) + b"\n")
    report = importers.run(desk.store, desk.project, "holdfast", [path])
    assert len(report.errors) == 1
    assert not any(counted())
