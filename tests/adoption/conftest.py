"""The made-up site: its tables beside ours in the suite's database, or in one of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from tests.adoption.running import Site
from tests.adoption.site.models import Chat, ChatMessage
from tests.building import made_once
from tests.servers import chosen_database

TABLES = (Chat, ChatMessage)
FILE = "site.sqlite3"


@pytest.fixture(scope="session")
def chat_tables(django_db_setup: None, django_db_blocker: Any) -> None:
    """The site's two tables; its app is not one of the suite's, so nobody else makes them."""
    with django_db_blocker.unblock(), connection.schema_editor() as editor:
        for table in TABLES:
            editor.create_model(table)


@pytest.fixture
def site(chat_tables: None, transactional_db: None) -> Iterator[None]:
    """The tables, empty afterwards, with real commits."""
    yield
    for table in reversed(TABLES):
        table.objects.all().delete()


@pytest.fixture
def quick_site(chat_tables: None, db: None) -> None:
    """The tables, inside the test's own transaction."""


@pytest.fixture
def address(tmp_path: Path) -> str:
    """An empty database of the kind that the suite runs on."""
    if chosen_database() == "sqlite":
        return f"sqlite:///{tmp_path / FILE}"
    suite = urlsplit(os.environ["DATABASE_URL"])
    name = f"site_{uuid4().hex}"
    with psycopg.connect(suite.geturl(), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return suite._replace(path=f"/{name}").geturl()


@pytest.fixture
def own_site(address: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site in processes of its own, its tables made."""
    made = Site(address, tmp_path)
    if chosen_database() == "sqlite":
        # The file is made once a run and copied; a server's database is made each time.
        whole = made_once(tmp_path_factory, "adoption", _migrated_file) / FILE
        shutil.copy(whole, tmp_path / FILE)
    else:
        _migrate(made)
    return made


def _migrated_file(folder: Path) -> None:
    _migrate(Site(f"sqlite:///{folder / FILE}", folder))


def _migrate(site: Site) -> None:
    done = site.manage("migrate", "--run-syncdb", "--verbosity", "0")
    assert done.returncode == 0, done.stderr
    assert not list(site.home.glob("*-wal"))
