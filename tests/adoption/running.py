"""The made-up site in processes of its own, on a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
MAPPING = "tests.adoption.site.adoption.Chats"
SECONDS = 120

START = """
import sys
import django
django.setup()
"""


@dataclass
class Site:
    """A site with its settings, at `url`."""

    url: str
    home: Path
    settings: str = "tests.adoption.site.settings"
    path: str = str(ROOT)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(self.home),
            "XDG_DATA_HOME": str(self.home / "data"),
            "PYTHONPATH": self.path,
            "DJANGO_SETTINGS_MODULE": self.settings,
            "DATABASE_URL": self.url,
        }

    def start(self, *command: object) -> subprocess.Popen[str]:
        """`python <command>` on its way."""
        return subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: object) -> subprocess.CompletedProcess[str]:
        """What `python <command>` says and how it ends."""
        process = self.start(*command)
        out, err = process.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def manage(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """`manage.py <arguments>`, as which `python -m django` serves."""
        return self.run("-m", "django", *arguments)

    def adopt(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return self.manage("holdfast", "adopt", MAPPING, *arguments)

    def do(self, code: str) -> str:
        """What a script in the site prints."""
        done = self.run("-c", START + code)
        assert done.returncode == 0, done.stderr
        return done.stdout


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The JSON that a command answered with."""
    found: dict[str, Any] = json.loads(done.stdout)
    return found
