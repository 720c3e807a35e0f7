"""From nothing to a database that can be used: Django configured, tables made, one project there.

In a bare script all of this is ours to do. In a site that has its own settings, its database is
used as it is, and its migrations stay its own business.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from pkgutil import iter_modules
from threading import RLock
from typing import Any

from holdfast import environ
from sessions_app.core.errors import InvalidField, StorageFull, StoreBusy, StoreUnavailable

OUR_SETTINGS = "holdfast.settings"
OUR_LABELS = frozenset({"holdfast", "holdfast_sessions", "holdfast_memory", "holdfast_monitoring"})

_SMALLEST = 512
"""Bytes of a database of one page; SQLite would take less for an empty one."""
_SAME_DATABASE = ("ENGINE", "NAME", "HOST", "PORT")
_LOCK_SECONDS = 60
_POSTGRES_LOCK = 0x486F6C6466617374

_starting = RLock()
_ready: set[tuple[str, str]] = set()
_added: set[str] = set()
_worked_on: set[str] = set()
_configured_here = False


class UnusableDatabase(StoreUnavailable):
    """The database cannot be used by this version of Holdfast."""

    retryable = False


def ready(database: str | Path | None = None) -> str:
    """Make Django and a database ready for use; returns the database's Django alias.

    `database` is a file or a URL. Without one it is the host site's, else DATABASE_URL's, else
    one file in the user's data folder. Raises BadEnvironment (no database address),
    UnusableDatabase (no database, or of a newer version), and the errors of the store.
    """
    with _starting:
        fresh = _configure(database)
        alias = _alias(None if fresh else database)
        name = str(_settings_of(alias)["NAME"])
        if (alias, name) not in _ready:
            _prepare(alias)
            _ready.add((alias, name))
    return alias


# -- Django ------------------------------------------------------------------------------------


def _configure(database: str | Path | None) -> bool:
    """Start Django if nobody did; True when `database` became its default in doing so."""
    from django.apps import apps
    from django.conf import settings

    ours = os.environ.get("DJANGO_SETTINGS_MODULE", OUR_SETTINGS) == OUR_SETTINGS
    fresh = ours and not settings.configured and database is not None
    if not settings.configured:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", OUR_SETTINGS)
    if fresh:
        entry = _entry(database)
        if not _same(settings.DATABASES["default"], entry):
            settings.HOLDFAST_REPLICAS = []  # they follow another one
        settings.DATABASES["default"] = entry
    if not apps.ready:
        import django

        global _configured_here
        _configured_here = ours
        django.setup()
    return fresh


def _entry(database: str | Path | None) -> dict[str, Any]:
    text = str(database)
    if not text.strip() or ":memory:" in text:
        raise InvalidField(
            "Give a file or a postgresql:// address: a database in memory is lost with its thread.",
            param="database",
        )
    return environ.database("database", text) or {}


def _alias(database: str | Path | None) -> str:
    """The alias of a database, added to Django's at first sight."""
    from django.conf import settings
    from django.db import connections

    if database is None:
        return str(getattr(settings, "HOLDFAST_DATABASE", "default"))
    entry = _entry(database)
    for alias in connections:
        if _same(_settings_of(alias), entry):
            return alias
    alias = f"holdfast_{len(_added) + 1}"
    known = {**connections.settings, alias: entry}
    connections.settings[alias] = connections.configure_settings(known)[alias]
    _added.add(alias)
    return alias


def is_added(alias: str) -> bool:
    """Whether this database came in by `open(database=...)`, beside those of the settings."""
    return alias in _added


def _settings_of(alias: str) -> dict[str, Any]:
    from django.db import connections

    found: dict[str, Any] = connections.settings[alias]
    return found


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(str(one.get(name) or "") == str(other.get(name) or "") for name in _SAME_DATABASE)


def is_ours(alias: str) -> bool:
    """Whether the tables of this database are ours to make."""
    from django.conf import settings

    return alias in _added or getattr(settings, "SETTINGS_MODULE", None) == OUR_SETTINGS


def work_when_called(alias: str) -> None:
    """In a bare script, starts a worker when something first becomes due in this process. A site
    asks for one itself; where one runs already there is nothing to do."""
    from sessions_app import waking

    if not _configured_here or alias in _worked_on:
        return
    _worked_on.add(alias)

    def start() -> None:
        leave()
        if not waking.is_heard():
            from memory_app.worker import Worker

            Worker(alias).start()

    leave = waking.listen(start)


# -- tables ------------------------------------------------------------------------------------


def _prepare(alias: str) -> None:
    from django.db import DatabaseError, OperationalError

    path = _file_of(alias)
    if path is not None and is_ours(alias):
        _check_file(path)
    try:
        _migrate_if_needed(alias)
    except OperationalError as error:
        if "locked" in str(error):
            raise StoreBusy from error
        raise UnusableDatabase(_cannot_open(alias, error)) from error
    except DatabaseError as error:
        raise UnusableDatabase(_cannot_open(alias, error)) from error


def _cannot_open(alias: str, error: Exception) -> str:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return f"The database {_settings_of(alias)['NAME']} cannot be used: {reason}."


def _file_of(alias: str) -> Path | None:
    found = _settings_of(alias)
    return Path(found["NAME"]) if found["ENGINE"].endswith("sqlite3") else None


def _check_file(path: Path) -> None:
    """Make the folder; refuse what is no database before a driver writes beside it.

    SQLite looks at the file, never Python: to close a file ends all locks that this process has on
    it, and with them the word that somebody here reads it. Whoever leaves it last elsewhere would
    then take its log away.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        size = path.stat().st_size
    except FileNotFoundError:
        return
    except (NotADirectoryError, FileExistsError):
        raise UnusableDatabase(f"{path} is no file in a folder. Name another one.") from None
    except OSError as error:
        raise StorageFull(f"{path} cannot be read or made: {error.strerror}.") from error
    if path.is_dir():
        raise UnusableDatabase(f"{path} is no file in a folder. Name another one.")
    if not os.access(path, os.R_OK):
        raise StorageFull(f"{path} cannot be read or made: Permission denied.")
    if size and (size < _SMALLEST or _is_something_else(path)):
        raise UnusableDatabase(f"{path} is not a database. Name another file, or move it away.")


def _is_something_else(path: Path) -> bool:
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=0)) as looking:
            looking.execute("PRAGMA schema_version").fetchone()
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorcode == sqlite3.SQLITE_NOTADB
    return False


def _migrate_if_needed(alias: str) -> None:
    if not _missing(alias):
        return
    if not is_ours(alias):
        raise UnusableDatabase(
            "Holdfast's tables are missing or old here. Run `python manage.py migrate`."
        )
    with _alone(alias):
        if _missing(alias):
            _migrate(alias)


def _missing(alias: str) -> set[tuple[str, str]]:
    """Migrations on disk that were not applied. Raises UnusableDatabase for applied ones of ours
    that are not on disk."""
    from django.db import connections
    from django.db.migrations.recorder import MigrationRecorder

    on_disk = _on_disk(everything=is_ours(alias) and alias not in _added)
    applied = set(MigrationRecorder(connections[alias]).applied_migrations())
    newer = sorted(name for name in applied - on_disk if name[0] in OUR_LABELS)
    if newer:
        raise UnusableDatabase(
            f"The database {_settings_of(alias)['NAME']} was written by a newer version of "
            f"Holdfast (it has {'.'.join(newer[-1])}). Upgrade Holdfast, or name another database."
        )
    return on_disk - applied


def _on_disk(*, everything: bool) -> set[tuple[str, str]]:
    """(label, name) of each migration, by file name alone: loading them takes longer."""
    from django.apps import apps

    return {
        (config.label, module.name)
        for config in apps.get_app_configs()
        if everything or config.label in OUR_LABELS
        for module in iter_modules([str(Path(config.path) / "migrations")])
        if module.name[0] not in "_~"
    }


def _migrate(alias: str) -> None:
    from django.core.management import call_command

    quiet = {"database": alias, "verbosity": 0, "interactive": False, "skip_checks": True}
    if alias not in _added:
        call_command("migrate", **quiet)
        return
    # Of a host's site only our tables belong into a database of ours.
    for label in sorted({label for label, _ in _on_disk(everything=False)}):
        call_command("migrate", label, **quiet)


@contextmanager
def _alone(alias: str) -> Iterator[None]:
    """One process at a time makes tables."""
    path = _file_of(alias)
    if path is None:
        with _alone_in_postgres(alias):
            yield
        return
    # SQLite's own lock, on a file beside it, works on every system and dies with its holder. The
    # file stays: taken away, it could be locked by one who waits and made anew by the next.
    beside = path.with_name(f"{path.name}.lock")
    with closing(sqlite3.connect(beside, timeout=_LOCK_SECONDS)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise UnusableDatabase(f"{beside} cannot be locked: {error}.") from error
        yield


@contextmanager
def _alone_in_postgres(alias: str) -> Iterator[None]:
    from django.db import connections

    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_POSTGRES_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_POSTGRES_LOCK])
