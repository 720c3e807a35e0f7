"""What the page gave, run where a user runs it: an empty folder, and a Django project of their own.

The Python there has the wheel and cannot see this checkout.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from memory_app.context import Ask
from memory_app.core import expecting
from memory_app.core.expecting import Expectation
from tests.memory.histories import assistant, user
from tests.turns.conftest import Files

pytestmark = pytest.mark.long

GREEN = (
    Expectation("contains", "QX7-55912"),
    Expectation("lacks", "never said"),
    Expectation("keeps", number=1),
    Expectation("most", number=5_000),
    Expectation("same"),
)
RED = (
    Expectation("contains", "never said"),
    Expectation("lacks", "QX7-55912"),
    Expectation("keeps", number=9),
    Expectation("most", number=3),
)
HOSTILE = '\'"""\\\n{0}%s\u202e\u2028 ⚠'

PROJECT = {
    "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = site_settings\nfilterwarnings = error\n",
    "site_settings.py": """
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "theirs.sqlite3"}}
INSTALLED_APPS = ["django.contrib.contenttypes", "monitoring"]
DATABASE_ROUTERS = ["monitoring.Router"]
SECRET_KEY = "theirs"
HOLDFAST_ENCODER = "cl100k_base"
""",
    "monitoring/__init__.py": '''
class Router:
    """Lets nothing but its own into any database."""

    def allow_migrate(self, db, app_label, **hints):
        return app_label in ("monitoring", "contenttypes")
''',
    "monitoring/models.py": """
from django.db import models


class Thing(models.Model):
    name = models.CharField(max_length=9)
""",
    "test_theirs.py": """
import asyncio
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connections
from monitoring.models import Thing

import holdfast.testing

TURN = Path(__file__).with_name("turn.json")


@pytest.mark.django_db
def test_their_database_is_theirs():
    Thing.objects.create(name="one")
    before = list(connections)
    assert holdfast.testing.turn(TURN).reproduced
    assert Thing.objects.count() == 1
    assert list(connections) == before


def test_no_database_may_be_used_here_and_none_is():
    assert holdfast.testing.turn(TURN).reproduced


def test_in_a_running_loop():
    async def ask():
        return holdfast.testing.turn(TURN).reproduced

    assert asyncio.run(ask())


def test_nothing_of_holdfast_came_into_their_django():
    assert settings.HOLDFAST_ENCODER == "cl100k_base"
    assert {app.name for app in apps.get_app_configs()} == {
        "django.contrib.contenttypes", "monitoring",
    }


def test_two_turns_do_not_disturb_one_another():
    first = holdfast.testing.turn(TURN)
    other = holdfast.testing.turn(TURN, policy={"window": 4_000, "reserve": 100})
    assert holdfast.testing.turn(TURN).messages == first.messages
    assert (first.budget.limit, other.budget.limit) == (120_000, 3_900)
""",
}


def run(python: Path, folder: Path, *words: str) -> tuple[int, str]:
    """pytest there, as its exit code and what it said."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", *words],
        cwd=folder,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def write(files: Files, expected: Sequence[Expectation], text: str = "Fly QX7-55912.") -> Path:
    """The folder with both files of a turn."""
    session = files.desk.session([user(text), assistant("Done.")], system="Be kind.")
    files.write(session, Ask(at=3))
    written = expecting.pytest_file(expected, session=text, version=3, turn="turn.json")
    (files.folder / "test_turn.py").write_text(written, encoding="utf-8")
    return files.folder


def test_an_empty_folder_is_enough(files: Files, installed: Path) -> None:
    folder = write(files, GREEN)
    code, said = run(installed, folder, "-W", "error")
    assert (code, "5 passed" in said) == (0, True), said
    assert {path.name for path in folder.iterdir()} == {"turn.json", "test_turn.py"}


def test_what_does_not_hold_is_red(files: Files, installed: Path) -> None:
    code, said = run(installed, write(files, RED))
    assert (code, "4 failed" in said) == (1, True), said
    assert "assert False" in said
    assert "<Turn at version 3: 21 tokens, as recorded>" in said or "as recorded" in said


def test_a_hostile_text_is_found_to_the_letter(files: Files, installed: Path) -> None:
    expected = [Expectation("contains", HOSTILE)]
    code, said = run(installed, write(files, expected, f"It says {HOSTILE} there."))
    assert (code, "1 passed" in said) == (0, True), said


def test_a_django_project_of_their_own_is_left_alone(files: Files, installed: Path) -> None:
    folder = write(files, GREEN)
    for name, content in PROJECT.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    code, said = run(installed, folder)
    assert (code, "10 passed" in said) == (0, True), said
    assert not (folder / "theirs.sqlite3").exists()


def test_a_script_without_django_needs_nothing_more(files: Files, installed: Path) -> None:
    write(files, GREEN)
    code = """
import sys
import holdfast.testing
assert "django" not in sys.modules
turn = holdfast.testing.turn("turn.json")
assert turn.reproduced and turn.holds("QX7-55912") and turn.part_of(1) == "recent", turn
assert turn.budget == (120_000, turn.tokens, 120_000 - turn.tokens)
assert "django" not in sys.modules
"""
    done = subprocess.run(
        [str(installed), "-W", "error", "-c", code],
        cwd=files.folder,
        env={"PATH": os.environ["PATH"], "HOME": str(files.folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in files.folder.iterdir() if path.is_dir()] == []
