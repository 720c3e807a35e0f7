"""The command line of an installation with an embedder."""

from __future__ import annotations

from pathlib import Path

import pytest

from memory_app import minilm
from tests.cli.running import Shell, copied

SAID = (
    '{"messages": [{"role": "user", "content": "Keep the aisle seat."},'
    ' {"role": "assistant", "content": "Seat 18C it is."}]}\n'
)
OURS = {"HOLDFAST_EMBEDDER": "memory_app.embedders.minilm"}
NOBODY = {
    "HOLDFAST_EMBEDDER": "memory_app.embedders.openai",
    "HOLDFAST_EMBEDDER_MODEL": "small",
    "HOLDFAST_EMBEDDER_DIMENSIONS": "384",
    "HOLDFAST_EMBEDDER_URL": "http://127.0.0.1:9/v1",
    "HOLDFAST_EMBEDDER_LOCAL": "1",
    "HOLDFAST_EMBEDDER_TIMEOUT": "60",
}


@pytest.fixture
def shell(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    def fill(shell: Shell, database: Path) -> None:
        log = shell.home / "log.jsonl"
        log.write_text(SAID)
        assert shell.run("import", "openai-chat", log, "--database", database).returncode == 0

    database = copied(tmp_path_factory, "said", fill, tmp_path / "here.sqlite3")
    return Shell(tmp_path, {"DATABASE_URL": str(database)})


def vectors(shell: Shell, variables: dict[str, str]) -> list[str]:
    lines = shell.run("doctor", variables=variables).stdout.splitlines()
    return [line for line in lines if line.split()[1:2] == ["vectors"]]


@pytest.mark.long
def test_a_worker_that_finds_no_embedder_exits_4_and_says_why(shell: Shell) -> None:
    line = shell.refused(4, "worker", "--once", variables=NOBODY)
    assert "Vectors were not made: connection" in line
    assert "1 sessions behind by 2 messages" in vectors(shell, NOBODY)[0]


@pytest.mark.long
def test_the_doctor_says_what_is_wrong_with_the_setting(shell: Shell) -> None:
    (line,) = vectors(shell, {"HOLDFAST_EMBEDDER": "memory_app.embedders.nobody"})
    assert "HOLDFAST_EMBEDDER 'memory_app.embedders.nobody'" in line


@pytest.mark.long
def test_without_an_embedder_nothing_is_said_of_vectors(shell: Shell) -> None:
    result = shell.run("worker", "--once")
    assert result.returncode == 0
    assert "ectors" not in result.stdout
    assert vectors(shell, {}) == []


@pytest.mark.long
@pytest.mark.skipif(not minilm.available(), reason=minilm.MISSING)
def test_a_worker_makes_all_that_is_missing_and_the_doctor_says_how_much_it_was(
    shell: Shell,
) -> None:
    assert "all-MiniLM-L6-v2, 1 sessions behind by 2 messages" in vectors(shell, OURS)[0]
    result = shell.run("worker", "--once", variables=OURS)
    assert result.returncode == 0, result.stderr
    assert "Made vectors in 1 batch." in result.stdout
    assert "0 sessions behind by 0 messages" in vectors(shell, OURS)[0]
