"""The command line learns what is due, and says how far that is behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import Shell, copied

FILL = """
import holdfast
session = holdfast.open("trip", user="ines")
session.append([{"role": "user", "content": "I live in Porto."}] * 2)
"""
READ = """
import holdfast
print(holdfast.memory("ines").search("where do I live in")[0]["text"])
"""


@pytest.fixture
def shell(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    def at(home: Path, database: Path) -> Shell:
        return Shell(home, {"DATABASE_URL": str(database)})

    def fill(shell: Shell, database: Path) -> None:
        at(shell.home, database).python(FILL)

    return at(tmp_path, copied(tmp_path_factory, "learnt", fill, tmp_path / "here.sqlite3"))


def learning(shell: Shell, variables: dict[str, str] | None = None) -> str:
    lines = shell.run("doctor", variables=variables or {}).stdout.splitlines()
    (line,) = [line for line in lines if line.split()[1:2] == ["learning"]]
    return line


@pytest.mark.long
def test_a_worker_learns_all_that_is_due_and_the_doctor_says_how_much(shell: Shell) -> None:
    assert "rules, 1 sessions behind by 2 messages" in learning(shell)
    result = shell.run("worker", "--once")
    assert result.returncode == 0, result.stderr
    assert "rules, 0 sessions behind by 0 messages" in learning(shell)
    assert shell.python(READ) == "I live in Porto."


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
