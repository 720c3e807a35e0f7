"""The example site on the installed wheel: run in processes that cannot see this checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.building import ROOT, made_once
from tests.servers import chosen_database, exchange, free_port

EXAMPLE = ROOT / "examples" / "embedded_site"
HERE = Path(__file__).parent
SECONDS = 120
PREFIX = "/memory"


@dataclass
class Guest:
    """The site in a folder of its own; `made` is what `furnishing` says it made."""

    python: Path
    site: Path
    variables: Mapping[str, str]
    made: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        folders = {"HOME": str(self.site), "XDG_DATA_HOME": str(self.site / "data")}
        return {**kept, **folders, "PYTHONPATH": str(self.site), **self.variables}

    def run(
        self, *arguments: object, given: str = "", settings: str = "config.settings"
    ) -> subprocess.CompletedProcess[str]:
        """What the guest's Python says when run with these arguments, from a foreign folder."""
        return subprocess.run(
            [self.python, *map(str, arguments)],
            cwd=self.site.parent,
            env={**self.environment, "DJANGO_SETTINGS_MODULE": settings},
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def said(self, *arguments: object, given: str = "", settings: str = "config.settings") -> str:
        """The same, when it must end well and without a warning."""
        done = self.run(*arguments, given=given, settings=settings)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def manage(self, *arguments: object, settings: str = "config.settings") -> str:
        return self.said(self.site / "manage.py", *arguments, settings=settings)

    def change(self, name: str, lines: str) -> str:
        """Settings that differ from the site's in these lines; returns their module's name."""
        text = f"from config.settings import *\n{lines}"
        (self.site / f"{name}.py").write_text(text)
        return name

    def answers(
        self,
        paths: Sequence[str],
        *,
        email: str = "",
        settings: str = "config.settings",
        **headers: str,
    ) -> list[dict[str, Any]]:
        """What the site answers to a GET of each path, asked inside one process."""
        asked = [{"path": path, "email": email, "headers": headers} for path in paths]
        done = self.run(
            "-c", (HERE / "asking.py").read_text(), given=json.dumps(asked), settings=settings
        )
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def pages(self) -> list[str]:
        """Addresses of Holdfast's pages that show something of what was furnished."""
        long, short = (f"{PREFIX}/sessions/{self.made[name]}" for name in ("long", "short"))
        listed = [f"{PREFIX}/sessions/", f"{PREFIX}/sessions/?sort=tokens&user=ana"]
        places = [f"{long}/", f"{long}/m/1100/", f"{long}/context/", f"{long}/context/1201/"]
        return [*listed, *places, f"{short}/", f"{short}/m/2/", f"{short}/context/?tokens=500"]


def hosted(python: Path, factory: pytest.TempPathFactory, name: str, **variables: str) -> Guest:
    """The site, with tables and data in databases of its own."""
    folder = factory.mktemp(name)
    variables |= _databases(folder.name)
    make = partial(_furnish, python, variables)
    if chosen_database() == "sqlite":
        # Files can be copied; a server's databases are made by each process of the run.
        shutil.copytree(made_once(factory, f"furnished-{name}", make), folder, dirs_exist_ok=True)
    else:
        make(folder)
    made = json.loads((folder / "made.json").read_text())
    return Guest(python, folder / "site", variables, made)


def _furnish(python: Path, variables: Mapping[str, str], folder: Path) -> None:
    site = folder / "site"
    shutil.copytree(EXAMPLE, site, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3*"))
    made = Guest(python, site, variables).said("-c", (HERE / "furnishing.py").read_text())
    (folder / "made.json").write_text(made)


def _databases(name: str) -> dict[str, str]:
    if chosen_database() != "postgres":
        return {}
    server = urlsplit(os.environ["DATABASE_URL"])
    prefix = re.sub(r"\W", "_", name)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        for suffix in ("site", "memory"):
            connection.execute(f"CREATE DATABASE {prefix}_{suffix}".encode())
    place = {"PGHOST": server.hostname or "", "PGPORT": str(server.port), "PGUSER": "postgres"}
    return {**place, "PGDATABASE": prefix}


@contextmanager
def serving(guest: Guest, settings: str = "config.settings") -> Iterator[str]:
    """The site under an ASGI server, as a host would run it; yields its address."""
    port = free_port()
    command = [str(guest.python), "-m", "uvicorn", "config.asgi:application", "--port", str(port)]
    log = guest.site / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--log-level", "warning"],
            cwd=guest.site.parent,
            env={**guest.environment, "DJANGO_SETTINGS_MODULE": settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not exchange(port, b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(SECONDS)
