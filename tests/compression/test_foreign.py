"""What another tool lost when it compacted a session is found and told after the import."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import orjson
import pytest

from memory_app import compressions, foreign
from sessions_app import importers
from tests.cli.running import Shell
from tests.compression.conftest import Desk
from tests.importers.test_claude_code import KEY, SESSION, assistant, user

SAID = "The gate closes at 17:40 and the parcel is QX7-55912, in /srv/parcels/berlin."
SUMMARISED = "2026-03-01T10:00:01Z"


def transcript(folder: Path, summary: str) -> Path:
    boundary = {
        "type": "system",
        "subtype": "compact_boundary",
        "uuid": "b1",
        "parentUuid": None,
        "logicalParentUuid": "a1",
        "sessionId": SESSION,
        "timestamp": "2026-03-01T10:00:00Z",
        "content": "Conversation compacted",
        "compactMetadata": {"trigger": "auto", "preTokens": 155_000},
    }
    records = [
        user("u1", None, SAID),
        assistant("a1", "u1", "Noted."),
        boundary,
        user("k1", "b1", summary, isCompactSummary=True, timestamp=SUMMARISED),
        user("u2", "k1", "go on"),
    ]
    path = folder / "talk.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def audited(desk: Desk, folder: Path, summary: str) -> foreign.Found:
    report = importers.run(desk.store, desk.project, "claude-code", [transcript(folder, summary)])
    return foreign.audit_sessions(desk.store, desk.project, map(UUID, report.compacted))


def test_lost_items_are_named_with_their_message(desk: Desk, tmp_path: Path) -> None:
    found = audited(desk, tmp_path, "They spoke of a gate and a parcel QX7-55912.")
    assert (found.sessions, found.compactions) == (1, 1)
    session = desk.store.find(desk.project, KEY)
    assert session is not None
    (row,) = compressions.page(desk.store, session, before=None, limit=5)
    (shown,) = compressions.whole(desk.store, session.id, [row])
    assert (shown["trigger"], shown["engine"]) == ("claude-code", "claude-code")
    assert (shown["range"], shown["outcome"], shown["version"]) == ([1, 2], "applied", None)
    lost = {item["text"]: item["seq"] for item in shown["audit"]["lost"]}
    assert lost["17:40"] == 1
    assert any("/srv/parcels/berlin" in text for text in lost)
    assert "QX7-55912" not in lost
    assert found.lost == shown["audit"]["lost_items"] == len(lost)


def test_it_happened_when_the_tool_says(desk: Desk, tmp_path: Path) -> None:
    audited(desk, tmp_path, "They talked.")
    session = desk.store.find(desk.project, KEY)
    assert session is not None
    (row,) = compressions.page(desk.store, session, before=None, limit=5)
    (shown,) = compressions.whole(desk.store, session.id, [row])
    assert shown["queued_at"] == SUMMARISED


def test_a_summary_that_carries_everything_lost_nothing(desk: Desk, tmp_path: Path) -> None:
    assert audited(desk, tmp_path, SAID).lost == 0


def test_it_is_audited_once_and_folds_nothing(desk: Desk, tmp_path: Path) -> None:
    first = audited(desk, tmp_path, "They talked.")
    session = desk.store.find(desk.project, KEY)
    assert session is not None
    assert foreign.audit_sessions(desk.store, desk.project, [session.id]) == first
    assert len(desk.rows(session.id)) == 1
    assert (session.folded, session.compressions) == (0, 0)
    assert orjson.loads(desk.rows(session.id)[0].audit)["lost_items"] == first.lost


def test_the_import_command_says_it(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    path = transcript(tmp_path, "They talked.")
    ended = shell.run("import", "claude-code", path)
    assert ended.returncode == 0, ended.stderr
    assert "1 session was compacted by the tool itself" in ended.stdout
    assert "http://127.0.0.1:8000/compressions/" in ended.stdout
    told = json.loads(shell.run("import", "claude-code", path, "--json").stdout)
    assert told["compacted"] == []


@pytest.mark.long
def test_an_import_that_lost_nothing_says_so(tmp_path: Path) -> None:
    ended = Shell(tmp_path).run("import", "claude-code", transcript(tmp_path, SAID))
    assert "nothing that was audited was lost" in ended.stdout


@pytest.mark.long
def test_an_import_into_another_project_names_no_page(tmp_path: Path) -> None:
    """The pages of a local server show the default project."""
    shell = Shell(tmp_path)
    assert shell.run("key", "create", "--project", "other").returncode == 0
    path = transcript(tmp_path, "They talked.")
    told = json.loads(
        shell.run("import", "claude-code", path, "--project", "other", "--json").stdout
    )
    assert told["lost"]["sessions"] == 1
    assert told["page"] is None
