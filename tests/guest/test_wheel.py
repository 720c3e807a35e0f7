"""The product from its wheel alone: no clone, a foreign folder, an empty home."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.building import ROOT
from tests.guest.visiting import Visitor
from tests.test_imports import HEAVY

pytestmark = pytest.mark.long

# How long a process may take on a machine that does much else; no test takes it.
PATIENCE = 120
LOOK = f"""
import json, os, sys, holdfast
loaded = sorted(set({HEAVY!r}) & set(sys.modules))
import django
os.environ.update(DJANGO_SETTINGS_MODULE="holdfast.settings", SECRET_KEY="for a look")
django.setup()
from monitoring import rendering
print(json.dumps([holdfast.__file__, loaded, sys.path, [str(one) for one in rendering.FOLDERS]]))
"""


class Stranger:
    """Somebody with the wheel, in a folder of their own."""

    def __init__(self, python: Path, home: Path) -> None:
        self.python, self.home = python, home
        self.environment = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data")}

    def said(self, *command: object) -> str:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def holdfast(self) -> Path:
        return self.python.with_name("holdfast")


@pytest.fixture(scope="module")
def stranger(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    return Stranger(installed, tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="module")
def served(stranger: Stranger) -> Iterator[Visitor]:
    """`holdfast serve --demo` with nothing there before."""
    process = subprocess.Popen(
        [stranger.holdfast, "serve", "--demo", "--port", "0"],
        cwd=stranger.home,
        env=stranger.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        yield Visitor(found[0])
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def test_the_sessions_page_and_its_files_are_there(served: Visitor) -> None:
    page = served.get("/sessions/")
    assert page.status == 200
    files = [one for one in page.addresses() if one.startswith("/static/")]
    assert any(one.endswith(".css") for one in files)
    assert any(one.endswith(".js") for one in files)
    assert [one for one in files if served.get(one).status != 200] == []


def test_every_page_and_every_file_in_the_wheel_is_served(served: Visitor, wheel: Path) -> None:
    found = served.crawl("/", lambda path: path.startswith("/") and "/log" not in path)
    assert len([path for path in found if path.endswith("/")]) > 5
    assert [path for path, answer in found.items() if answer.status not in (200, 302)] == []
    inside = "monitoring/static/"
    files = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(inside)]
    assert files
    for name in files:
        assert served.get(f"/static/{name.removeprefix(inside)}").status == 200, name


def test_nothing_comes_from_the_checkout_and_nothing_heavy_with_the_import(
    stranger: Stranger,
) -> None:
    file, loaded, path, folders = json.loads(stranger.said(stranger.python, "-c", LOOK))
    home = stranger.python.parent.parent
    assert Path(file).is_relative_to(home)
    assert str(ROOT) not in path
    assert loaded == []
    assert Path(folders[0], "holdfast", "base.html").is_relative_to(home)
    assert Path(folders[0], "holdfast", "base.html").exists()
    assert not Path(folders[1]).exists()


def test_doctor_finds_nothing_wrong(stranger: Stranger) -> None:
    checked = json.loads(stranger.said(stranger.holdfast, "doctor", "--json"))
    assert checked["ok"], checked
