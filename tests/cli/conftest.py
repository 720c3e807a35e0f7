"""What the tests of the command line share: a shell, and one filled database to read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.building import made_once
from tests.cli.running import Shell

LOG = (
    '{"messages": [{"role": "user", "content": "Keep the aisle seat."},'
    ' {"role": "assistant", "content": "Seat 18C it is."}]}\n'
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell of somebody who has never used Holdfast."""
    return Shell(tmp_path)


@pytest.fixture(scope="package")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one imported session; only for commands that read."""
    file = "filled.sqlite3"

    def make(home: Path) -> None:
        log = home / "log.jsonl"
        log.write_text(LOG)
        result = Shell(home).run("import", "openai-chat", log, "--database", home / file)
        assert result.returncode == 0, result.stderr

    return made_once(tmp_path_factory, "filled", make) / file
