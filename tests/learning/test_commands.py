"""The command line learns what is due, and says how far that is behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import SECONDS, Shell

FILL = """
import holdfast
session = holdfast.open("trip", user="ines")
session.append([{"role": "user", "content": "I live in Porto."}] * 2)
"""
READ = """
import holdfast
print(holdfast.memory("ines").search("where do I live in")[0]["text"])
"""


def python(shell: Shell, code: str) -> str:
    """What a script of the user's prints."""
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=shell.home,
        env=shell.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path, {"DATABASE_URL": str(tmp_path / "here.sqlite3")})
    python(made, FILL)
    return made


def learning(shell: Shell, variables: dict[str, str] | None = None) -> str:
    lines = shell.run("doctor", variables=variables or {}).stdout.splitlines()
    (line,) = [line for line in lines if line.split()[1:2] == ["learning"]]
    return line


def test_a_worker_learns_all_that_is_due_and_the_doctor_says_how_much(shell: Shell) -> None:
    assert "rules, 1 sessions behind by 2 messages" in learning(shell)
    result = shell.run("worker", "--once")
    assert result.returncode == 0, result.stderr
    assert "rules, 0 sessions behind by 0 messages" in learning(shell)
    assert python(shell, READ) == "I live in Porto."


@pytest.mark.long
def test_the_doctor_says_what_is_wrong_with_the_setting(shell: Shell) -> None:
    line = learning(shell, {"HOLDFAST_EXTRACTOR": "memory_app.extractors.Nobody"})
    assert "HOLDFAST_EXTRACTOR 'memory_app.extractors.Nobody'" in line
    assert line.startswith("wrong")


@pytest.mark.long
def test_a_worker_whose_model_is_away_exits_4_and_says_why(shell: Shell) -> None:
    away = {
        "HOLDFAST_EXTRACTOR": "memory_app.extractors.openai",
        "HOLDFAST_MODEL": "small",
        "HOLDFAST_MODEL_URL": "http://127.0.0.1:9/v1",
        "HOLDFAST_MODEL_LOCAL": "1",
        "HOLDFAST_MODEL_TIMEOUT": "60",
    }
    line = shell.refused(4, "worker", "--once", variables=away)
    assert "Not everything was learnt: connection" in line
