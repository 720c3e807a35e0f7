"""What every test stands on: a database file that threads share, and the same examples each run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.db import connections
from hypothesis import settings as hypothesis_settings

from sessions_app import conditions
from tests import building
from tests.noting import built
from tests.passing import database_time

__all__ = ["built", "database_time"]


@pytest.fixture(autouse=True)
def _nothing_broken() -> Iterator[None]:
    """What a test broke is not remembered in the next one."""
    yield
    conditions.forget()


hypothesis_settings.register_profile("ci", derandomize=True, deadline=None, database=None)
hypothesis_settings.load_profile("ci")


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
