"""What each command says and does when all is well."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.cli import COMMANDS, parser
from holdfast.version import VERSION
from tests.cli.running import COMMAND, ROOT, Shell


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(shell: Shell, command: str) -> None:
    assert shell.run(command, "--help").returncode == 0


@pytest.mark.parametrize("line", ["--dry-run x a b", "x --dry-run a b", "x a --dry-run b"])
def test_flags_may_stand_anywhere(line: str) -> None:
    args = parser().parse_args(["import", *line.split()])
    assert (args.dry_run, args.format, args.paths) == (True, "x", [Path("a"), Path("b")])


def test_help_loads_no_django(shell: Shell) -> None:
    code = (
        "import sys; from holdfast.cli import main; main(['--help']);"
        " print(*{'django', 'rich', 'uvicorn'} & set(sys.modules), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=shell.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr.split() == []


def test_help_lists_the_commands_and_the_exit_codes(shell: Shell) -> None:
    text = shell.run("--help").stdout
    assert "doctor" in text
    assert all(f"{code:3}  " in text for code in (0, 1, 2, 3, 4, 130, 141))


def test_the_version_is_told(shell: Shell) -> None:
    assert shell.run("--version").stdout == f"Holdfast {VERSION}\n"


def test_a_log_goes_in_and_comes_out_again(shell: Shell, filled: Path) -> None:
    out = shell.home / "out.jsonl"
    assert shell.run("export", "--all", "--database", filled, "-o", out).returncode == 0
    other = shell.home / "other.sqlite3"
    result = shell.run("import", "holdfast", out, "--database", other, "--json")
    assert json.loads(result.stdout)["new"] == 2
    again = shell.run("export", "--all", "--database", other)
    assert again.stdout == out.read_text()
    assert [path.name for path in shell.home.glob("*.part")] == []


@pytest.mark.long
def test_sessions_exported_by_name_are_one_document(shell: Shell, filled: Path) -> None:
    lines = shell.run("export", "--all", "--database", filled).stdout.splitlines()
    session = json.loads(lines[1])["session"]
    named = shell.run("export", session["key"], "--database", filled)
    assert named.stdout.splitlines() == lines
    both = shell.run("export", session["key"], session["id"], "--database", filled)
    assert json.loads(both.stdout.splitlines()[-1]) == {"sessions": 1}


@pytest.mark.long
def test_a_dry_run_stores_nothing(shell: Shell, filled: Path) -> None:
    log = filled.with_name("log.jsonl")
    database = shell.home / "dry.sqlite3"
    result = shell.run("import", "openai-chat", log, "--dry-run", "--database", database)
    assert "Would import 1 session: 2 new" in result.stdout
    exported = shell.run("export", "--all", "--database", database).stdout.splitlines()
    assert json.loads(exported[-1]) == {"sessions": 0}


@pytest.mark.long
def test_a_bad_line_exits_4_and_names_it_and_keeps_the_others(shell: Shell, filled: Path) -> None:
    good = filled.with_name("log.jsonl").read_text()
    (shell.home / "log.jsonl").write_text(good + '{"messages": [{"role": \n' + good)
    database = shell.home / "some.sqlite3"
    result = shell.run("import", "openai-chat", shell.home / "log.jsonl", "--database", database)
    assert result.returncode == 4
    assert "line 2" in result.stderr
    assert "4 new" in result.stdout


def test_a_key_is_shown_once_and_then_only_its_prefix(shell: Shell) -> None:
    database = ("--database", shell.home / "keys.sqlite3")
    key = shell.run("key", "create", "--scopes", "read,write", "--label", "[ci]", *database)
    prefix = key.stdout.split("_")[1]
    listed = shell.run("key", "list", *database)
    assert prefix in listed.stdout
    assert "read write" in listed.stdout
    assert "[ci]" in listed.stdout
    assert key.stdout.strip().split("_")[2] not in listed.stdout
    assert shell.run("key", "revoke", key.stdout.strip(), *database).returncode == 0
    (row,) = json.loads(shell.run("key", "list", "--json", *database).stdout)
    assert row["revoked_at"] is not None


@pytest.mark.long
def test_verify_finds_what_was_changed_behind_its_back(shell: Shell, filled: Path) -> None:
    heads = shell.home / "heads.txt"
    saved = shell.run("verify", "--database", filled, "--save-heads", heads)
    assert (saved.returncode, len(heads.read_text().splitlines())) == (0, 1)
    assert shell.run("verify", "--database", filled, "--heads", heads).returncode == 0
    edited = shell.home / "edited.sqlite3"
    with closing(sqlite3.connect(filled)) as old, closing(sqlite3.connect(edited)) as new:
        old.backup(new)
        new.execute("UPDATE holdfast_message SET body = replace(body, '18C', '31B')")
        new.commit()
    result = shell.run("verify", "--database", edited, "--json")
    assert result.returncode == 1
    assert {"session", "kind", "text", "version", "seq"} == set(
        json.loads(result.stdout.splitlines()[0])
    )


def test_doctor_tells_what_is_on(shell: Shell, filled: Path) -> None:
    result = shell.run("doctor", "--database", filled, "--json")
    assert result.returncode == 0
    found = {check["name"]: check["found"] for check in json.loads(result.stdout)["checks"]}
    assert str(filled) in found["database"]
    assert (found["journal mode"], found["synchronous"], found["durable"]) == ("wal", "full", "yes")
    assert found["checkpoints"].startswith("at 4,000 pages")
    assert found["memory map"] == "up to 2,047 MiB of the file"
    assert "applied" in found["migrations"]
    assert found["redis"] == "not configured"


def test_doctor_makes_nothing(shell: Shell) -> None:
    assert shell.run("doctor").returncode == 0
    assert not (shell.home / "data").exists()


def test_a_closed_pipe_is_quiet(shell: Shell, filled: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        result = subprocess.run(
            [*COMMAND, "export", "--all", "--database", str(filled)],
            env=shell.environment,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (result.returncode, "Error" in result.stderr) == (141, False)


@pytest.mark.long
def test_manage_py_has_the_same_commands(shell: Shell, filled: Path) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "holdfast"]
    result = subprocess.run(
        [*command, "verify", "--database", str(filled)],
        env=shell.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "Everything fits.\n")
    wrong = subprocess.run(
        [*command, "verify", "--nonsense"], env=shell.environment, capture_output=True, check=False
    )
    assert wrong.returncode == 2


TRANSCRIPT = (
    '{"type": "user", "uuid": "u1", "parentUuid": null, "sessionId": "s1", "isSidechain": false,'
    ' "timestamp": "2026-01-05T09:00:00Z",'
    ' "message": {"role": "user", "content": "Fix the test."}}\n'
    '{"type": "assistant", "uuid": "a1", "parentUuid": "u1", "sessionId": "s1",'
    ' "isSidechain": false, "timestamp": "2026-01-05T09:00:02Z", "message": {"id": "m1",'
    ' "role": "assistant", "model": "claude-x", "content": [{"type": "text", "text": "Done."}]}}\n'
)


@pytest.mark.long
@pytest.mark.parametrize("variable", [None, "CLAUDE_CONFIG_DIR"])
def test_transcripts_of_claude_code_are_found_without_a_path(
    shell: Shell, tmp_path: Path, variable: str | None
) -> None:
    folder = tmp_path / (".claude" if variable is None else "elsewhere")
    (folder / "projects" / "-home-me-app").mkdir(parents=True)
    (folder / "projects" / "-home-me-app" / "s1.jsonl").write_text(TRANSCRIPT)
    variables = {variable: str(folder)} if variable else {}
    first = shell.run("import", "claude-code", variables=variables)
    assert first.returncode == 0, first.stderr
    assert "Imported 1 session: 2 new, 0 skipped." in first.stdout
    again = shell.run("import", "claude-code", variables=variables)
    assert "0 new, 2 skipped." in again.stdout


@pytest.mark.long
def test_nothing_to_find_is_said(shell: Shell) -> None:
    assert "nothing to import as claude-code" in shell.refused(2, "import", "claude-code")
