"""Every user's mistake ends in one line that says what to do, and in a documented exit code."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.running import Shell

PUBLIC = ("serve", "--host", "0.0.0.0", "--port", "0")  # noqa: S104 - refused, so never bound
SECRET = "a-secret-that-nobody-may-read-in-a-log"


WRONG = [
    [],
    ["sevre"],
    ["verify", "--nonsense"],
    ["verify", "--head", "x"],
    ["serve", "--port", "http"],
    ["serve", "--port", "70000"],
    ["serve", "--port", "-1"],
    ["serve", "--host", "no.such.host.invalid"],
    ["serve", "a.sqlite3", "--database", "b.sqlite3"],
    ["serve", "--log-level", "loud"],
    ["import"],
    ["import", "openai-chat", "nowhere.jsonl"],
    ["import", "openai-chat"],
    ["import", "diary"],
    ["export"],
    ["export", "one", "--all"],
    ["key"],
    ["key", "revoke"],
    ["verify", "--heads", "nowhere.txt"],
    ["verify", "--database", "nowhere.sqlite3"],
    ["doctor", "--database", "nowhere.sqlite3"],
    ["verify", "--database", "mysql://somewhere/else"],
    ["verify", "--database", "postgresql://host:port/name"],
    ["serve", "--port", "0", "--database", ":memory:"],
]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(words, marks=() if place % 4 == 0 else pytest.mark.long, id=" ".join(words))
        for place, words in enumerate(WRONG)
    ],
)
def test_wrong_usage_exits_2_in_one_line(shell: Shell, arguments: list[str]) -> None:
    shell.refused(2, *arguments)


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "no-such-session"],
        ["export", "019a0000-0000-7000-8000-000000000000"],
        ["export", "--all", "--project", "nobody"],
        ["verify", "--project", "nobody"],
        ["key", "list", "--project", "nobody"],
        ["key", "revoke", "abcdefghijkl"],
        ["key", "create", "--scopes", "everything"],
        ["key", "create", "--scopes", ","],
        ["key", "create", "--label", "x" * 256],
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_what_the_database_does_not_have_exits_2(
    shell: Shell, filled: Path, arguments: list[str]
) -> None:
    shell.refused(2, *arguments, "--database", filled)


@pytest.mark.parametrize("command", ["verify", "serve --port 0"])
def test_a_file_that_is_no_database_exits_3_and_is_not_touched(shell: Shell, command: str) -> None:
    diary = shell.home / "diary.txt"
    diary.write_text("Dear diary, today nobody overwrote me.\n" * 100)
    before = diary.read_bytes()
    line = shell.refused(3, *command.split(), "--database", diary)
    assert "not a database" in line
    assert diary.read_bytes() == before
    assert {path.name for path in shell.home.iterdir()} <= {"diary.txt", "data"}


def test_a_folder_exits_3(shell: Shell) -> None:
    assert "folder" in shell.refused(3, "verify", "--database", shell.home)


@pytest.mark.long
def test_a_database_of_a_newer_version_exits_3_and_is_not_touched(
    shell: Shell, filled: Path
) -> None:
    newer = shell.home / "newer.sqlite3"
    with closing(sqlite3.connect(filled)) as old, closing(sqlite3.connect(newer)) as new:
        old.backup(new)
        new.execute(
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('holdfast_sessions', '9999_the_future', '2100-01-01')"
        )
        new.commit()
    before = newer.read_bytes()
    assert "newer" in shell.refused(3, "verify", "--database", newer)
    assert newer.read_bytes() == before


def test_doctor_names_a_database_that_cannot_be_used_and_exits_3(shell: Shell) -> None:
    diary = shell.home / "diary.txt"
    diary.write_text("Dear diary" * 100)
    result = shell.run("doctor", "--database", diary)
    assert result.returncode == 3
    assert "not a database" in result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.long
def test_a_locked_database_exits_3(shell: Shell, filled: Path) -> None:
    locked = shutil.copy(filled, shell.home / "locked.sqlite3")
    with closing(sqlite3.connect(locked, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        line = shell.refused(3, "key", "create", "--database", locked)
    assert "busy" in line or "locked" in line


@pytest.mark.long
@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"REDIS_URL": "foo-" + SECRET}, "REDIS_URL"),
        ({"SECRET_KEY": " "}, "SECRET_KEY"),
        ({"DEBUG": SECRET}, "DEBUG"),
        ({"HOLDFAST_MAX_BODY": SECRET}, "HOLDFAST_MAX_BODY"),
        ({"DATABASE_URL": f"mysql://root:{SECRET}@db/x"}, "DATABASE_URL"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"HOLDFAST_SUMMARISER": SECRET}, "HOLDFAST_SUMMARISER"),
        ({"HOLDFAST_SUMMARISER": f"{SECRET.replace('-', '_')}.Engine"}, "HOLDFAST_SUMMARISER"),
        ({"HOLDFAST_SUMMARISER": "memory_app.engines.openai"}, "HOLDFAST_MODEL"),
        ({"HOLDFAST_MODEL_URL": f"https://{SECRET}@models.example/v1"}, "HOLDFAST_MODEL_URL"),
        ({"HOLDFAST_MODEL_URL": f"ftp://{SECRET}"}, "HOLDFAST_MODEL_URL"),
        ({"HOLDFAST_MODEL_URL": "http://127.0.0.1:11434/v1"}, "HOLDFAST_MODEL_URL"),
        ({"HOLDFAST_MODEL_KEY": f"{SECRET}\n"}, "HOLDFAST_MODEL_KEY"),
        ({"HOLDFAST_MODEL_TIMEOUT": SECRET}, "HOLDFAST_MODEL_TIMEOUT"),
        ({"HOLDFAST_MODEL_LOCAL": SECRET}, "HOLDFAST_MODEL_LOCAL"),
        ({"HOLDFAST_EMBEDDER": SECRET}, "HOLDFAST_EMBEDDER"),
        ({"HOLDFAST_EMBEDDER": "memory_app.embedders.openai"}, "HOLDFAST_EMBEDDER_MODEL"),
        (
            {
                "HOLDFAST_EMBEDDER": "memory_app.embedders.openai",
                "HOLDFAST_EMBEDDER_MODEL": "small",
            },
            "HOLDFAST_EMBEDDER_DIMENSIONS",
        ),
        ({"HOLDFAST_EMBEDDER_URL": f"https://{SECRET}@models.example/v1"}, "HOLDFAST_EMBEDDER_URL"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_nonsense_environment_exits_2_and_is_named_without_its_value(
    shell: Shell, variables: dict[str, str], named: str
) -> None:
    line = shell.refused(2, "serve", "--port", "0", variables=variables)
    assert named in line
    assert SECRET not in line


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "SECRET_KEY"),
        ({"SECRET_KEY": SECRET}, "ALLOWED_HOSTS"),
        ({"SECRET_KEY": SECRET, "ALLOWED_HOSTS": "a.example", "DEBUG": "1"}, "DEBUG"),
        (
            {"SECRET_KEY": SECRET, "ALLOWED_HOSTS": "a.example", "HOLDFAST_LOCAL": "1"},
            "HOLDFAST_LOCAL",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_public_address_needs_what_keeps_strangers_out(
    shell: Shell, variables: dict[str, str], named: str
) -> None:
    line = shell.refused(2, *PUBLIC, variables=variables)
    assert named in line
    assert SECRET not in line


def test_heads_that_are_no_heads_exit_2(shell: Shell, filled: Path) -> None:
    (shell.home / "heads.txt").write_bytes(b"\xff\xfe")
    shell.refused(2, "verify", "--database", filled, "--heads", shell.home / "heads.txt")
    (shell.home / "heads.txt").write_text("these are no heads\n")
    line = shell.refused(2, "verify", "--database", filled, "--heads", shell.home / "heads.txt")
    assert "line 1" in line


def test_an_output_that_cannot_be_written_exits_4(shell: Shell, filled: Path) -> None:
    place = shell.home / "missing" / "out.jsonl"
    assert str(place) in shell.refused(4, "export", "--all", "--database", filled, "-o", place)


@pytest.mark.long
def test_names_in_foreign_files_give_the_terminal_no_orders(shell: Shell) -> None:
    with closing(sqlite3.connect(shell.home / "odd.db")) as connection:
        connection.execute('CREATE TABLE "\x1b]0;title\x07\x1b[31mred\x9b1m" (id)')
    ended = shell.run("import", "llm", "odd.db")
    assert ended.returncode == 4
    assert "[31mred" in ended.stderr
    assert not {"\x1b", "\x07", "\x9b"} & {*ended.stdout, *ended.stderr}
