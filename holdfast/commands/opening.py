"""The database and project that a command works on."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

from holdfast import environ, paths
from holdfast.commands.outcomes import Refusal

if TYPE_CHECKING:
    from sessions_app.models import Project
    from sessions_app.store.base import Snapshot
    from sessions_app.store.durable import DurableStore

SETTINGS = "holdfast.settings"


def database_option(parser: ArgumentParser) -> None:
    """--database, the same for every command."""
    parser.add_argument(
        "--database",
        metavar="URL_OR_PATH",
        help="a SQLite file or postgresql://user@host/name (default: DATABASE_URL, else a file "
        "in your data folder)",
    )


def project_option(parser: ArgumentParser) -> None:
    """--project, the same for every command that works inside one."""
    parser.add_argument(
        "--project", default="default", metavar="NAME", help="the project (default: %(default)s)"
    )


def store_of(args: Namespace, *, make: bool = False) -> DurableStore:
    """The store on the database of `args`, its tables made or brought up to date.

    `make`: a SQLite file that is not there is made; otherwise it is refused, because a command
    that only reads would answer from nothing. Raises Refusal, BadEnvironment, and what
    `bootstrap.ready` raises.
    """
    check_environment()
    if not make:
        require_database(args.database)
    from holdfast import bootstrap

    alias = bootstrap.ready(args.database)
    from django.conf import settings

    from sessions_app.store import get_store

    settings.HOLDFAST_DATABASE = alias
    return get_store(alias)


def project_of(args: Namespace, store: DurableStore, *, make: bool = False) -> Project:
    """The project named in `args`; made where `make` says so, or when it is the default one."""
    from holdfast import projects
    from sessions_app.models import Project

    name: str = args.project
    if make or name == projects.LOCAL:
        return projects.ensure_project(name, store.db.alias)
    found = Project.objects.using(store.db.alias).filter(name=name).first()
    if found is None:
        raise Refusal(f"There is no project {name!r}. `holdfast key create --project` makes one.")
    return found


def session_of(store: DurableStore, project: int, name: str) -> Snapshot:
    """The session with this key or id. Raises Refusal, NotFound, SessionDeleted."""
    found = store.find(project, name)
    if found is not None and found.status != "deleted":
        return found
    try:
        return store.get(project, UUID(name))
    except ValueError:
        raise Refusal(f"There is no session {name!r} in this project.") from None


def check_environment() -> None:
    """Raises BadEnvironment for variables that nobody has looked at yet."""
    environ.redis_url("REDIS_URL")


def is_own_site() -> bool:
    """Whether the settings are Holdfast's own, not a host site's."""
    return os.environ.get("DJANGO_SETTINGS_MODULE", SETTINGS) == SETTINGS


def database_file(database: str | None) -> Path | None:
    """The SQLite file that would be used; None for PostgreSQL and for a host site's database."""
    if database is None and not is_own_site():
        return None
    name, value = ("--database", database) if database else ("DATABASE_URL", None)
    entry = environ.database(name, value or environ.text("DATABASE_URL"))
    if entry is None:
        return paths.local_database()
    return Path(entry["NAME"]) if "sqlite" in entry["ENGINE"] else None


def require_database(database: str | None) -> None:
    """Raises Refusal when the file is not there."""
    path = database_file(database)
    if path is not None and not path.exists():
        raise Refusal(f"There is no database {path}. Check the path; `holdfast serve` makes one.")


def shown_database(alias: str) -> str:
    """Where the data is, without user and password."""
    from django.db import connections

    found = connections[alias].settings_dict
    if found["ENGINE"].endswith("sqlite3"):
        return str(found["NAME"])
    host = f"{found['HOST'] or 'localhost'}:{found['PORT'] or 5432}"
    return urlsplit(f"postgresql://{host}/{found['NAME']}").geturl()
