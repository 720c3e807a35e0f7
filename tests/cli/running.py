"""Runs the real command line in a process of its own, with an environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.building import made_once

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "holdfast"]
SECONDS = 120


@dataclass
class Shell:
    """A user's shell: a home folder, and the variables that are set in it."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        folders = {"HOME": str(self.home), "XDG_DATA_HOME": str(self.home / "data")}
        return {**kept, **folders, "PYTHONPATH": str(ROOT), **self.variables}

    def run(
        self, *arguments: object, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """What `holdfast <arguments>` says and how it ends."""
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=self.home,
            env={**self.environment, **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def refused(
        self, code: int, *arguments: object, variables: Mapping[str, str] | None = None
    ) -> str:
        """Runs it, and holds it to the exit code and to one line; returns that line."""
        result = self.run(*arguments, variables=variables)
        assert result.returncode == code, result.stderr
        assert "Traceback" not in result.stderr
        (line,) = result.stderr.splitlines()
        assert line.startswith("holdfast")
        return line

    def python(self, code: str, *arguments: object) -> str:
        """What a script of its own prints; it must not fail."""
        result = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()


def copied(
    factory: pytest.TempPathFactory, name: str, fill: Callable[[Shell, Path], None], to: Path
) -> Path:
    """A database that `fill` made in whichever process of this run came first, copied to `to`.

    Making its tables takes longer than most commands.
    """
    file = "whole.sqlite3"

    def make(folder: Path) -> None:
        fill(Shell(folder), folder / file)

    whole = made_once(factory, name, make) / file
    assert not list(whole.parent.glob("*-wal"))
    shutil.copy(whole, to)
    return to
