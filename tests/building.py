"""The wheel, and a Python that has it and cannot see this checkout. Each is made once a run."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APPS = ("holdfast", "monitoring", "memory_app", "sessions_app")
FOLDERS = (*APPS, "templates", "static", "tests", "bench", "docs", "requirements", "examples")
FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name`, filled by `make` in whichever process of this run comes first."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = shared / name, shared / f"{name}.done"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def build(folder: Path) -> None:
    """A wheel built from a copy, so that the checkout gets no build folder."""
    source = folder / "source"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, source)
    command = [*PIP, "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    _run([*command, "--wheel-dir", str(folder), str(source)])


def install(wheel: Path, folder: Path) -> None:
    """An environment with the wheel; what it depends on is that of the running Python."""
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    command = [*PIP, "--python", str(python_of(folder)), "install", "--quiet", "--no-deps"]
    _run([*command, "--no-index", str(wheel)])
    (packages,) = folder.glob("lib/python*/site-packages")
    # Only the folder: a .pth file inside it, such as an editable install's, is not read from here.
    # Written last, because pip would take a Holdfast that is in there for the one to replace.
    names = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (packages / "dependencies.pth").write_text("\n".join(sorted(names)))


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / "bin" / "python"


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
