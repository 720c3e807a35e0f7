"""`holdfast turn-test` writes the two files of a test, and never over what is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import Shell


def key(shell: Shell, filled: Path) -> str:
    """The key of the session that is in the database."""
    out = shell.run("export", "--all", "--database", filled).stdout
    return out.split('"key":"')[1].split('"')[0]


def test_both_files_are_written_and_green(shell: Shell, filled: Path) -> None:
    words = ["--contains", "aisle seat", "--lacks", "window seat", "--keeps", 1, "--most", 500]
    done = shell.run("turn-test", key(shell, filled), *words, "--database", filled)
    assert done.returncode == 0, done.stderr
    turn, test = map(Path, done.stdout.split())
    assert (turn.suffix, test.suffix) == (".json", ".py")
    assert test.name == f"test_{turn.stem}.py"
    assert done.stderr.count("is green today.") == 4
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:django", test],
        cwd=shell.home,
        env=shell.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "4 passed" in run.stdout, run.stdout + run.stderr


@pytest.mark.long
def test_a_red_one_is_said_to_be_red(shell: Shell, filled: Path) -> None:
    done = shell.run(
        "turn-test", key(shell, filled), "--contains", "window seat", "--database", filled
    )
    assert done.stderr.strip() == "test_the_context_contains_window_seat is red today."


@pytest.mark.long
def test_without_an_expectation_it_is_that_nothing_changes(shell: Shell, filled: Path) -> None:
    name = key(shell, filled)
    done = shell.run("turn-test", name, "--at", 2, "--format", "anthropic", "--database", filled)
    assert "is_the_same_to_the_byte is green today." in done.stderr
    again = shell.refused(
        2, "turn-test", name, "--at", 2, "--format", "anthropic", "--database", filled
    )
    assert "is there already" in again


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "There is no session 'nobody'"),
        (["{key}", "--at", "99"], "has no such version"),
        (["{key}", "--tokens", "1"], "must be in the context takes"),
        (["{key}", "--policy", "other"], "There is no policy 'other'"),
        (["{key}", "--out", "nowhere"], "No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    shell: Shell, filled: Path, words: list[str], said: str
) -> None:
    name = key(shell, filled)
    given = [word.format(key=name) for word in words]
    done = shell.run("turn-test", *given, "--database", filled)
    assert done.returncode in (2, 3)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(shell.home.glob("*.py"))
