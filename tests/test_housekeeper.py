"""The process beside a server: that it works, that it comes back, and that it ends with its server,
however that ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.cli.running import Shell
from tests.test_serving import PATIENCE, Served, serving

Found = TypeVar("Found")

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")


def until(look: Callable[[], Found]) -> Found:
    """What a look finds as soon as it finds something: a process says nothing when it begins."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    pytest.fail("It did not happen.")


def housekeepers(server: Served) -> list[int]:
    """The processes that a server has begun and that have not ended."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = place.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == server.process.pid and state != "Z":
            found.append(int(place.parent.name))
    return found


def has_ended(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.long
def test_it_follows_what_is_said_in_the_server(tmp_path: Path) -> None:
    with serving(Shell(tmp_path)) as server:
        opened = server.call("POST", "/api/v1/sessions", {"key": "followed"})[1]
        said = {"role": "user", "content": "a word that is found: quince"}
        server.call("POST", f"/api/v1/sessions/{opened['id']}/messages", said)

        def found() -> bool:
            return bool(server.call("GET", "/api/v1/sessions?q=quince")[1]["data"])

        until(found)


def test_one_that_is_killed_is_followed_by_another(tmp_path: Path) -> None:
    with serving(Shell(tmp_path)) as server:
        (first,) = until(lambda: housekeepers(server))
        os.kill(first, signal.SIGKILL)
        (second,) = until(lambda: [one for one in housekeepers(server) if one != first])
        assert second != first
        assert server.call("GET", "/health")[0] == 200


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_its_server(tmp_path: Path, how: signal.Signals) -> None:
    with serving(Shell(tmp_path)) as server:
        (beside,) = until(lambda: housekeepers(server))
        server.process.send_signal(how)
        server.process.wait(PATIENCE)
        until(lambda: has_ended(beside))


@pytest.mark.long
def test_it_works_on_the_database_that_the_server_was_told(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    with serving(shell, tmp_path / "told.sqlite3") as server:
        (beside,) = until(lambda: housekeepers(server))

        def opened() -> list[str]:
            links = Path(f"/proc/{beside}/fd").iterdir()
            return [str(link.readlink()) for link in links if link.exists()]

        until(lambda: str(tmp_path / "told.sqlite3") in opened())
