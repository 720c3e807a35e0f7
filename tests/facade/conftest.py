"""Scripts of their own, with a home of their own; and both backends behind one name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast import bridge
from holdfast.facade import Client, connect

ROOT = Path(__file__).parent.parent.parent
FOREIGN = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS")

# How long a process may take on a machine that does much else; no test takes it.
PATIENCE = 120

Start = Callable[..., subprocess.Popen[str]]
Script = Callable[..., str]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts Python code as a bare script whose user has an empty home."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in FOREIGN and not name.startswith("HOLDFAST_")
    }
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}

    def begin(code: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code],
            cwd=tmp_path,
            env={**kept, **home, "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


@pytest.fixture
def script(start: Start) -> Script:
    """Runs a bare script to its end and returns what it printed; it must not fail."""

    def run(code: str, **environment: str) -> str:
        process = start(code, **environment)
        printed, complained = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, complained
        assert not complained
        return printed.strip()

    return run


@pytest.fixture(autouse=True)
def no_thread_outlives_a_test() -> Iterator[None]:
    """Their connections would keep a PostgreSQL test database from being removed."""
    yield
    bridge.close()


def local_client() -> Client:
    """The facade over the suite's database."""
    from holdfast import local

    return Client(local.backend("default"))


@pytest.fixture(params=["local", "remote"])
def client(request: pytest.FixtureRequest, transactional_db: None, settings: Any) -> Client:
    """The facade over the database, and over a server on the same database."""
    settings.HOLDFAST_LOCAL = True
    found = local_client()
    if request.param == "remote":
        server = request.getfixturevalue("live_server")
        found = connect(server.url)
    return found
