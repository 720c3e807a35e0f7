"""What every test stands on: a database file that threads share, and the same examples each run."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import TransactionTestCase, override_settings
from hypothesis import settings as hypothesis_settings

from sessions_app import conditions
from tests import building, emptying
from tests.examples import WHOLE
from tests.noting import built
from tests.passing import database_time

__all__ = ["built", "database_time"]


@pytest.fixture(autouse=True)
def _nothing_broken() -> Iterator[None]:
    """What a test broke is not remembered in the next one."""
    yield
    conditions.forget()


hypothesis_settings.load_profile(WHOLE)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What was collected stays until the end, so Python need not look again and again whether it
    is garbage: neither while it grows nor while the tests run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long tests first, dealt to the workers: one that begins last ends the run alone."""
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    # Each worker begins with a part of its own, which is about as long as any other's.
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        hand = long[worker::workers]
        end = len(items) * (worker + 1) // workers
        taken = max(0, end - len(dealt) - len(hand))
        dealt += [*hand, *others[:taken]]
        del others[:taken]
    items[:] = [*dealt, *others]


LEFT_OUT = pytest.StashKey[int]()


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Counts the long tests, of which a run without them says how many there are."""
    if items:
        long = sum(item.get_closest_marker("long") is not None for item in items)
        items[0].config.stash[LEFT_OUT] = items[0].config.stash.get(LEFT_OUT, 0) + long


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """What a worker counted; each of them counts all."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if (long := config.stash.get(LEFT_OUT, 0)) and config.option.markexpr == "not long":
        terminalreporter.write_line(
            f"{long} long tests were left out, and properties were tried on a quarter of their"
            " examples: `make test-long` runs these, `make test-all` runs everything."
        )


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, test_database_path: Path
) -> None:
    """A file instead of memory: other threads and processes must see the same SQLite database."""
    for alias in connections:
        settings = connections[alias].settings_dict
        if settings["ENGINE"] == "django.db.backends.sqlite3":
            name = test_database_path.with_stem(f"{test_database_path.stem}-{alias}")
            settings["TEST"]["NAME"] = str(name)


@pytest.fixture(scope="session", autouse=True)
def _emptied_at_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TransactionTestCase, "_fixture_teardown", emptying.after_each)
        yield


@pytest.fixture(scope="session", autouse=True)
def _passwords_hashed_quickly() -> Iterator[None]:
    """A hash that is slow on purpose takes longer than the rest of a test that signs in."""
    quick = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=quick):
        yield


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    (built,) = building.made_once(tmp_path_factory, "wheel", building.build).glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the wheel, for which this checkout is not there."""
    make = partial(building.install, wheel)
    return building.python_of(building.made_once(tmp_path_factory, "installed", make))
