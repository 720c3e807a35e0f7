"""Transcripts that are still being written: a real process follows them, and a look at a time."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_app import importers
from sessions_app.core import errors
from sessions_app.importers import Following, claude_code, files
from tests.cli.running import COMMAND, Shell
from tests.examples import examples
from tests.importers.importing import Importing
from tests.importers.test_claude_code import (
    KEY,
    SESSION,
    block_of,
    branched,
    call,
    check_branches,
    forked,
    result,
    spoken,
    talk,
    user,
)
from tests.test_serving import serving

FORM = "claude-code"
SECONDS = 120


def as_lines(records: list[Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def add(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def following(importing: Importing, *paths: Path, form: str = FORM, **options: Any) -> Following:
    reader = importers.FORMATS[form]
    where = list(paths) or [importing.folder]
    return Following(importing.store, importing.project, reader, where, **options)


def look(follow: Following) -> list[tuple[str, str, list[Any]]]:
    return [(path.name, str(report), report.errors) for path, report in follow.look()]


def news(follow: Following) -> int:
    return sum(report.new for _, report in follow.look())


# -- one look at a time ------------------------------------------------------------------------


def test_only_what_was_added_is_read(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    path = importing.write("talk.jsonl", talk(50))
    follow = following(importing)
    assert look(follow) == [("talk.jsonl", "100 new, 0 skipped", [])]
    read: list[int] = []
    whole = files.Source.line_at

    def counted(source: files.Source, offset: int) -> bytes:
        read.append(offset)
        return whole(source, offset)

    monkeypatch.setattr(files.Source, "line_at", counted)
    size = path.stat().st_size
    add(path, as_lines([user("u99", "a50", "on")]))
    assert look(follow) == [("talk.jsonl", "1 new, 0 skipped", [])]
    assert read == [size]
    assert look(follow) == []
    assert spoken(importing, KEY)[-1] == "on"


def test_a_line_is_taken_when_it_is_finished(importing: Importing) -> None:
    lines = as_lines(talk(2))
    path = importing.folder / "talk.jsonl"
    path.write_bytes(lines[:-50])
    follow = following(importing)
    assert look(follow) == [("talk.jsonl", "3 new, 0 skipped", [])]
    add(path, lines[-50:-20])
    assert look(follow) == []
    add(path, lines[-20:-1])
    assert look(follow) == [("talk.jsonl", "1 new, 0 skipped", [])]
    add(path, b"\n" + as_lines([user("u3", "a2", "on")]) + b"no\n")
    assert look(follow) == [
        ("talk.jsonl", "1 new, 0 skipped", [(str(path), 6, "is not valid JSON at column 1")])
    ]


def test_new_files_of_the_folder_are_taken_in(importing: Importing) -> None:
    follow = following(importing)
    assert look(follow) == []
    importing.write("inner/talk.jsonl", talk(1))
    assert look(follow) == [("talk.jsonl", "2 new, 0 skipped", [])]
    assert follow.watched == 1


@pytest.mark.parametrize("moved", [True, False])
def test_a_file_that_is_replaced_is_read_from_its_beginning(
    importing: Importing, moved: bool
) -> None:
    path = importing.write("talk.jsonl", talk(5))
    follow = following(importing)
    assert news(follow) == 10
    other = [user(f"x{n}", f"x{n - 1}" if n else None, f"other {n}") for n in range(40)]
    beside = importing.folder / "beside"
    beside.write_bytes(as_lines([{**line, "sessionId": "other"} for line in other]))
    if moved:
        beside.rename(path)
    else:
        path.write_bytes(beside.read_bytes())
    assert news(follow) == 40
    assert importing.session("claude-code:other").messages == 40


def test_a_file_that_shrinks_is_read_from_its_beginning(importing: Importing) -> None:
    path = importing.write("talk.jsonl", talk(5))
    follow = following(importing)
    assert news(follow) == 10
    path.write_bytes(as_lines(talk(2)))
    assert news(follow) == 0
    add(path, as_lines([user("u77", "a2", "another way")]))
    assert news(follow) == 1


def test_a_file_that_goes_and_comes_again_is_taken_up(importing: Importing) -> None:
    path = importing.write("talk.jsonl", talk(1))
    follow = following(importing, path)
    assert news(follow) == 2
    path.unlink()
    assert [error[2] for _, _, found in look(follow) for error in found] == [
        "cannot be read: No such file or directory"
    ]
    assert look(follow) == []
    importing.write("talk.jsonl", talk(2))
    assert news(follow) == 2


def test_a_branch_taken_while_following_retracts_the_one_left(importing: Importing) -> None:
    path = importing.write("talk.jsonl", branched()[:4])
    follow = following(importing)
    assert news(follow) == 4
    add(path, as_lines(branched()[4:]))
    look(follow)
    assert spoken(importing, KEY) == ["begin", "begun", "second thought", "second answer"]
    assert spoken(importing, f"{KEY}:u2") == ["begin", "begun", "first thought", "first answer"]
    add(path, as_lines([user("u4", "a2", "first after all")]))
    look(follow)
    assert spoken(importing, KEY)[2:] == ["first thought", "first answer", "first after all"]
    assert importing.run(FORM, path).new == 0


def test_an_answer_that_is_being_written_gets_its_missing_blocks(importing: Importing) -> None:
    begun = [user("u1", None, "go"), block_of("m1", "a1", "u1", {"type": "text", "text": "Yes."})]
    path = importing.write("talk.jsonl", begun)
    follow = following(importing)
    assert news(follow) == 2
    add(path, as_lines([block_of("m1", "a2", "a1", call("c1")), result("r1", "a2", "c1")]))
    assert news(follow) == 2
    assert [stored.role for stored in importing.said(KEY)] == [
        *("user", "assistant", "assistant", "tool"),
    ]
    assert importing.run(FORM, path).new == 0


def test_a_session_that_is_named_late_is_the_one_that_is_named(importing: Importing) -> None:
    path = importing.write("talk.jsonl", [{"type": "summary", "summary": "About it"}])
    follow = following(importing)
    assert look(follow) == []
    add(path, as_lines(talk(1)))
    assert news(follow) == 2
    assert importing.keys() == [KEY]
    assert importing.session(KEY).title == "About it"


def test_a_file_that_names_itself_late_is_read_anew(importing: Importing) -> None:
    path = importing.folder / f"{SESSION}.jsonl"
    path.write_bytes(as_lines([{**line, "sessionId": "before"} for line in talk(1)]))
    follow = following(importing)
    assert news(follow) == 2
    add(path, as_lines([user("u9", "a1", "resumed")]))
    assert news(follow) == 3
    assert spoken(importing, KEY) == ["question 1", "answer 1", "resumed"]


def test_what_somebody_else_imported_is_not_stored_again(importing: Importing) -> None:
    path = importing.write("talk.jsonl", talk(1))
    follow = following(importing)
    look(follow)
    add(path, as_lines(talk(2)[2:]))
    assert importing.run(FORM, path).new == 2
    assert news(follow) == 0
    add(path, as_lines(talk(3)[4:]))
    assert news(follow) == 2


def test_an_ended_session_is_told_once_and_costs_no_other(importing: Importing) -> None:
    path = importing.write("talk.jsonl", talk(1))
    follow = following(importing)
    look(follow)
    importing.store.end(importing.project, importing.session(KEY).id)
    add(path, as_lines(talk(2)[2:]))
    ((_, _, found),) = look(follow)
    assert "ended" in found[0][2]
    importing.write("other.jsonl", [{**line, "sessionId": "other"} for line in talk(1)])
    assert news(follow) == 2
    importing.store.reopen(importing.project, importing.session(KEY).id)
    add(path, as_lines(talk(3)[4:]))
    assert news(follow) == 4


def test_a_busy_store_is_tried_again(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    importing.write("talk.jsonl", talk(1))
    follow = following(importing)

    def busy(*args: Any, **options: Any) -> Any:
        raise errors.StoreBusy

    with monkeypatch.context() as patched:
        patched.setattr(importing.store, "append", busy)
        ((_, _, found),) = look(follow)
        assert "tried again" in found[0][2]
        assert look(follow) == []
    assert news(follow) == 2


@pytest.mark.parametrize("form", ["openai-chat", "anthropic"])
def test_every_log_that_grows_by_lines_can_be_followed(importing: Importing, form: str) -> None:
    lines = as_lines([{"messages": [{"role": "user", "content": f"m{n}"}]} for n in range(3)])
    path = importing.folder / "log.jsonl"
    path.write_bytes(lines[:-10])
    follow = following(importing, form=form)
    assert look(follow) == [("log.jsonl", "2 new, 0 skipped", [])]
    add(path, lines[-10:])
    assert look(follow) == [("log.jsonl", "1 new, 2 skipped", [])]


def test_few_files_are_remembered(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importers.following, "REMEMBERED", 1)
    paths = [
        importing.write(f"{n}.jsonl", [{**line, "sessionId": f"s{n}"} for line in talk(1)])
        for n in range(3)
    ]
    follow = following(importing)
    assert news(follow) == 6
    for n, path in enumerate(paths):
        add(path, as_lines([{**user("u9", "a1", "on"), "sessionId": f"s{n}"}]))
    assert news(follow) == 3
    assert follow.total.new == 9


cuts = st.lists(st.integers(0, 4000), max_size=6)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=cuts, parents=st.lists(st.none() | st.integers(0, 11), min_size=3, max_size=12))
def test_following_leads_to_what_one_import_gives(
    importing: Importing, cuts: list[int], parents: list[int | None]
) -> None:
    """Wherever the file is cut between looks, and wherever its branches go: the session in view
    and every fork are in the end what one import would make."""
    folder = importing.folder / os.urandom(6).hex()
    records = forked(parents, folder.name)
    whole = as_lines(records)
    folder.mkdir()
    path = folder / "talk.jsonl"
    follow = following(importing, folder)
    places = sorted(cut for cut in cuts if cut < len(whole))
    for start, end in zip([0, *places], [*places, len(whole)], strict=True):
        add(path, whole[start:end])
        assert all(not found for _, _, found in look(follow))
    check_branches(importing, folder.name, records)
    assert importing.run(FORM, path).new == 0


# -- a real process ----------------------------------------------------------------------------


class Told:
    """The lines a process says, as they come: results, and notes beside them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.results = self._lines(process.stdout)
        self.notes = self._lines(process.stderr)

    def _lines(self, stream: Any) -> queue.Queue[str]:
        lines: queue.Queue[str] = queue.Queue()

        def read() -> None:
            for line in stream:
                lines.put(line.rstrip("\n"))

        threading.Thread(target=read, daemon=True).start()
        return lines

    def result(self) -> str:
        return self.results.get(timeout=SECONDS)

    def note(self) -> str:
        return self.notes.get(timeout=SECONDS)


@contextmanager
def process(shell: Shell, *arguments: object) -> Iterator[Told]:
    running = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=shell.home,
        env=shell.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Told(running)
    finally:
        running.kill()
        running.communicate()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.long
def test_a_process_follows_a_transcript_until_ctrl_c(shell: Shell) -> None:
    folder = shell.home / "logs"
    folder.mkdir()
    path = folder / "talk.jsonl"
    path.write_bytes(as_lines(talk(1)))
    database = shell.home / "db.sqlite3"
    command = ("import", "claude-code", folder, "--follow", "--database", database)
    with process(shell, *command) as told:
        assert told.result() == f"{path}: 2 new, 0 skipped"
        assert told.note() == "Following 1 file; Ctrl-C ends."
        lines = as_lines(talk(2)[2:])
        add(path, lines[:-30])
        assert told.result() == f"{path}: 1 new, 0 skipped"
        add(path, lines[-30:])
        assert told.result() == f"{path}: 1 new, 0 skipped"
        exported = shell.run("export", "--all", "--database", database).stdout
        assert "answer 2" in exported
        (folder / "new.jsonl").write_bytes(as_lines([user("n1", None, "x", sessionId="new")]))
        assert told.result() == f"{folder / 'new.jsonl'}: 1 new, 0 skipped"
        told.process.send_signal(signal.SIGINT)
        assert told.result() == "Imported 2 sessions: 5 new, 0 skipped."
        assert told.process.wait(SECONDS) == 0


@pytest.mark.long
def test_a_process_follows_the_usual_place_before_there_is_anything(shell: Shell) -> None:
    shell.variables["CLAUDE_CONFIG_DIR"] = str(shell.home)
    with process(shell, "import", "claude-code", "--follow", "--json") as told:
        assert told.note() == "Following 0 files; Ctrl-C ends."
        path = shell.home / "projects" / "-home-ada" / f"{SESSION}.jsonl"
        path.parent.mkdir(parents=True)
        path.write_bytes(as_lines(talk(1)))
        assert json.loads(told.result())["new"] == 2
        told.process.send_signal(signal.SIGINT)
        assert json.loads(told.result())["new"] == 2
        assert told.process.wait(SECONDS) == 0


@pytest.mark.long
def test_a_server_on_the_same_database_shows_what_is_followed(shell: Shell) -> None:
    path = shell.home / "talk.jsonl"
    path.write_bytes(as_lines(talk(1)))
    database = shell.home / "db.sqlite3"
    command = ("import", "claude-code", path, "--follow", "--database", database)
    with process(shell, *command) as told, serving(shell, database) as server:
        told.result()
        _, listed = server.call("GET", "/api/v1/sessions")
        where = f"/api/v1/sessions/{listed['data'][0]['id']}/messages"
        assert len(server.call("GET", where)[1]["data"]) == 2
        add(path, as_lines(talk(2)[2:]))
        assert told.result() == f"{path}: 2 new, 0 skipped"
        assert len(server.call("GET", where)[1]["data"]) == 4


@pytest.mark.long
def test_what_does_not_grow_by_lines_is_refused(shell: Shell) -> None:
    (shell.home / "x.json").write_text("[]")
    line = shell.refused(2, "import", "chatgpt", "x.json", "--follow")
    assert "cannot be followed" in line
    assert "claude-code" in line
    line = shell.refused(2, "import", "openai-chat", "x.json", "--follow")
    assert "x.json is not written line by line" in line
    line = shell.refused(2, "import", "claude-code", ".", "--follow", "--dry-run")
    assert "--dry-run" in line


def test_every_format_whose_files_grow_says_so() -> None:
    grow = {name for name, reader in importers.FORMATS.items() if importers.line_suffixes(reader)}
    assert grow == {"claude-code", "openai-chat", "anthropic"}
    assert claude_code.line_suffixes == claude_code.suffixes
