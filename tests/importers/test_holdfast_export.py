"""Our own export: lossless there and back, and refused when it was touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from sessions_app import exporting, preparing
from sessions_app.core import chain, errors
from sessions_app.store.base import Edit, Guard, NewSession, Snapshot
from sessions_app.verifying import verify
from tests.importers.importing import POLICY, Importing

FORM = "holdfast"
Line = dict[str, Any]


def filled(importing: Importing, key: str = "talk") -> Snapshot:
    """A session with every kind of entry."""
    store, project = importing.store, importing.project
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    new = NewSession(
        key=key,
        user="ada",
        title="Engine ☂",
        prompt=preparing.prompt("Be brief.", tools),
        metadata={"n": 1.5, "big": 2**63},
        tags=("b", "a"),
    )
    session = store.open(project, new).session.id
    said = [
        {"role": "user", "content": "one", "created_at": "1999-01-01T00:00:00Z"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "r"}]},
    ]
    store.append(project, session, preparing.batch(said))
    store.pin(project, session, 1)
    store.edit(project, session, Edit(title="Renamed", tags=("c",)))
    store.append(project, session, preparing.batch([{"role": "user", "content": "two"}]))
    store.retract(project, session, (4, 4), "a slip")
    store.note(project, session, "imported_summary", {"summary": "s"})
    store.end(project, session)
    store.archive(project, session)
    return store.get(project, session)


def text_of(importing: Importing, project: int | None = None) -> bytes:
    where = importing.project if project is None else project
    return b"".join(exporting.holdfast(importing.store, where))


def emptied(importing: Importing) -> None:
    for session in list(importing.store.sessions(importing.project)):
        importing.store.purge(importing.project, session.id)


@pytest.fixture
def path(importing: Importing) -> Path:
    return importing.folder / "export.jsonl"


def touched(path: Path, number: int, change: Callable[[Line], None]) -> None:
    """Changes one line, counted from 1."""
    lines = path.read_bytes().splitlines(keepends=True)
    line = orjson.loads(lines[number - 1])
    change(line)
    lines[number - 1] = orjson.dumps(line) + b"\n"
    path.write_bytes(b"".join(lines))


def test_an_export_of_what_was_imported_is_the_same_to_the_byte(
    importing: Importing, path: Path
) -> None:
    session = filled(importing)
    importing.store.fork(importing.project, session.id, 4, "aside")
    path.write_bytes(text_of(importing))
    emptied(importing)
    other = importing.store.project("elsewhere", [POLICY]).pk
    importing.project = other
    report = importing.run(FORM, path)
    assert (report.sessions, report.new, report.skipped, report.errors) == (2, 7, 0, [])
    assert text_of(importing, other) == path.read_bytes()


def test_the_copy_is_the_session_in_every_column(importing: Importing, path: Path) -> None:
    before = filled(importing)
    state = importing.store.state(before)
    said = importing.said("talk")
    path.write_bytes(text_of(importing))
    emptied(importing)
    importing.run(FORM, path)
    after = importing.session("talk")
    for name in Snapshot._fields:
        if name != "number":
            assert getattr(after, name) == getattr(before, name), name
    assert importing.store.state(after) == state
    assert importing.said("talk") == said
    assert chain.head_at(importing.store.links(after.number, after.version)) == after.head


def test_the_same_export_twice_is_skipped(importing: Importing, path: Path) -> None:
    filled(importing)
    path.write_bytes(text_of(importing))
    assert str(importing.run(FORM, path)) == "0 new, 4 skipped"
    emptied(importing)
    importing.run(FORM, path)
    assert str(importing.run(FORM, path)) == "0 new, 4 skipped"


def test_a_later_export_goes_on_where_the_session_stands(importing: Importing, path: Path) -> None:
    store, project = importing.store, importing.project
    early = importing.folder / "early.jsonl"
    session = store.open(project, NewSession(key="talk")).session.id
    store.append(project, session, preparing.batch([{"role": "user", "content": "one"}]))
    early.write_bytes(text_of(importing))
    store.append(project, session, preparing.batch([{"role": "assistant", "content": "two"}]))
    path.write_bytes(text_of(importing))
    emptied(importing)
    importing.run(FORM, early)
    assert str(importing.run(FORM, path)) == "1 new, 1 skipped"
    assert text_of(importing) == path.read_bytes()
    assert str(importing.run(FORM, early)) == "0 new, 1 skipped"


def test_a_session_that_went_another_way_is_refused(importing: Importing, path: Path) -> None:
    store, project = importing.store, importing.project
    session = store.open(project, NewSession(key="talk")).session.id
    store.append(project, session, preparing.batch([{"role": "user", "content": "one"}]))
    early = text_of(importing)
    store.append(project, session, preparing.batch([{"role": "user", "content": "here"}]))
    path.write_bytes(text_of(importing))
    emptied(importing)
    (importing.folder / "early.jsonl").write_bytes(early)
    importing.run(FORM, importing.folder / "early.jsonl")
    store.append(project, session, preparing.batch([{"role": "user", "content": "there"}]))
    report = importing.run(FORM, path)
    assert report.new == 0
    assert "different ways" in report.errors[0][2]
    assert importing.session("talk").messages == 2


def test_a_session_of_another_project_is_not_taken_over(importing: Importing, path: Path) -> None:
    filled(importing)
    path.write_bytes(text_of(importing))
    importing.project = importing.store.project("elsewhere", [POLICY]).pk
    report = importing.run(FORM, path)
    assert (report.new, len(report.errors)) == (0, 1)
    assert importing.keys() == []


def test_another_session_with_the_key_is_not_replaced(importing: Importing, path: Path) -> None:
    filled(importing)
    path.write_bytes(text_of(importing))
    emptied(importing)
    importing.store.open(importing.project, NewSession(key="talk"))
    report = importing.run(FORM, path)
    assert "same key" in report.errors[0][2]
    assert importing.session("talk").messages == 0


TAMPERED: dict[str, tuple[int, Callable[[Line], None]]] = {
    "a word of a body": (4, lambda line: line["message"].update(body='{"content":"two!"}')),
    "a role": (4, lambda line: line["message"].update(role="assistant")),
    "a time": (4, lambda line: line["message"].update(at=5)),
    "a body that is no JSON": (4, lambda line: line["message"].update(body="{")),
    "a form": (5, lambda line: line["message"].update(form="smoke")),
    "an event": (3, lambda line: line["event"].update(data='{"a":1}')),
    "a version": (5, lambda line: line["message"].update(version=4)),
    "a digest": (6, lambda line: line["message"].update(digest="00")),
    "a field more": (6, lambda line: line["message"].update(extra=1)),
    "a number as text": (6, lambda line: line["message"].update(seq="3")),
    "another kind of line": (6, lambda line: line.update(note={}, message=None)),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_line_refuses_the_session(importing: Importing, path: Path, what: str) -> None:
    number, change = TAMPERED[what]
    filled(importing)
    path.write_bytes(text_of(importing))
    emptied(importing)
    touched(path, number, change)
    report = importing.run(FORM, path)
    assert importing.keys() == []
    assert report.errors[0][:2] == (str(path), number)


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row.update(title="Other"),
        lambda row: row.update(active_tokens=0),
        lambda row: row.update(head="00" * 32),
        lambda row: row.update(messages=3),
        lambda row: row.update(tags=["x"]),
        lambda row: row.update(status="active"),
    ],
)
def test_a_tampered_session_line_is_refused(
    importing: Importing, path: Path, change: Callable[[Line], None]
) -> None:
    filled(importing)
    path.write_bytes(text_of(importing))
    emptied(importing)
    touched(path, 2, lambda line: change(line["session"]))
    assert len(importing.run(FORM, path).errors) == 1
    assert importing.keys() == []


def test_a_line_that_is_missing_refuses_the_session(importing: Importing, path: Path) -> None:
    filled(importing)
    lines = text_of(importing).splitlines(keepends=True)
    emptied(importing)
    path.write_bytes(b"".join(lines[:4] + lines[5:]))
    ((_, line, reason),) = importing.run(FORM, path).errors
    assert line == 5
    assert "does not follow" in reason


def test_a_good_session_behind_a_bad_one_comes_in(importing: Importing, path: Path) -> None:
    filled(importing, "bad")
    filled(importing, "good")
    path.write_bytes(text_of(importing))
    emptied(importing)
    touched(path, 4, lambda line: line["message"].update(at=5))
    report = importing.run(FORM, path)
    assert len(report.errors) == 1
    assert importing.keys() == ["good"]


@pytest.mark.parametrize("keep", [1, 2, 5, -1, -2])
def test_an_export_that_is_cut_off_says_so(importing: Importing, path: Path, keep: int) -> None:
    filled(importing)
    lines = text_of(importing).splitlines(keepends=True)
    emptied(importing)
    path.write_bytes(b"".join(lines[:keep]))
    report = importing.run(FORM, path)
    assert "cut off" in report.errors[-1][2]
    assert importing.keys() == (["talk"] if keep == -1 else [])


def test_an_erased_message_travels_without_its_content(importing: Importing, path: Path) -> None:
    session = filled(importing)
    importing.store.db.run(
        "UPDATE holdfast_message SET body = '', salt = ? WHERE session_id = ? AND seq = 1",
        (b"", session.number),
    )
    path.write_bytes(text_of(importing))
    emptied(importing)
    assert importing.run(FORM, path).errors == []
    assert importing.said("talk")[0].body == ""
    assert text_of(importing) == path.read_bytes()


def test_a_packed_message_travels_whole_and_is_packed_where_it_arrives(
    importing: Importing, path: Path
) -> None:
    session = filled(importing)
    text = "".join(f"line {number} ☂\n" for number in range(4_000))
    store, project = importing.store, importing.project
    store.reopen(project, session.id)
    store.append(project, session.id, preparing.batch([{"role": "user", "content": text}]))
    path.write_bytes(text_of(importing))
    assert (
        json.dumps(text, ensure_ascii=False)[1:-1]
        in orjson.loads(
            next(line for line in path.read_bytes().splitlines() if b"line 3999" in line)
        )["message"]["body"]
    )
    emptied(importing)
    assert importing.run(FORM, path).errors == []
    ((body, octets),) = store.db.rows(
        "SELECT body, LENGTH(packed) FROM holdfast_message WHERE packed IS NOT NULL"
    )
    assert body.startswith("~000")
    assert 0 < octets < len(text) / 2
    assert text_of(importing) == path.read_bytes()
    assert not list(verify(store, project=project))


def test_a_dry_run_checks_and_stores_nothing(importing: Importing, path: Path) -> None:
    filled(importing)
    path.write_bytes(text_of(importing))
    emptied(importing)
    assert str(importing.run(FORM, path, dry_run=True)) == "4 new, 0 skipped"
    touched(path, 4, lambda line: line["message"].update(at=5))
    assert len(importing.run(FORM, path, dry_run=True).errors) == 1
    assert importing.keys() == []


def test_one_session_can_be_exported_alone(importing: Importing) -> None:
    filled(importing, "one")
    chosen = filled(importing, "two")
    lines = list(exporting.holdfast(importing.store, importing.project, chosen.id))
    ids = [json.loads(line)["session"]["id"] for line in lines if line.startswith(b'{"session"')]
    assert ids == [str(chosen.id)]
    assert json.loads(lines[-1]) == {"sessions": 1}


def test_a_deleted_session_is_not_exported(importing: Importing) -> None:
    session = filled(importing)
    importing.store.delete(importing.project, session.id)
    assert len(text_of(importing).splitlines()) == 2
    with pytest.raises(errors.SessionDeleted):
        exporting.holdfast(importing.store, importing.project, session.id)


def test_a_note_is_one_of_the_known_kinds_and_guarded(importing: Importing) -> None:
    store, project = importing.store, importing.project
    session = store.open(project, NewSession()).session
    with pytest.raises(errors.InvalidField):
        store.note(project, session.id, "created", {})
    with pytest.raises(errors.StaleVersion):
        store.note(project, session.id, "imported_boundary", {}, Guard(7))
    done = store.note(project, session.id, "imported_boundary", {"trigger": "auto"}, Guard(1))
    assert done.session.version == 2
