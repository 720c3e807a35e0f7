"""`holdfast doctor`: what is on, and what is wrong. It changes nothing."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from holdfast import environ, paths
from holdfast.commands import opening
from holdfast.commands.console import say, say_json
from holdfast.commands.outcomes import OK, PROBLEMS, UNUSABLE, Refusal
from holdfast.version import VERSION

HELP = "show what is on and what is wrong"
ENOUGH_DISK = 100 * 1024 * 1024
LONG_WAIT = 300
"""Seconds that something is due for before anybody should look."""
LEVELS = {0: "off", 1: "normal", 2: "full", 3: "extra"}


class Check(NamedTuple):
    """One line: what was looked at, what was found, and what to do about it (None: nothing)."""

    name: str
    found: str
    advice: str | None = None
    unusable: bool = False


def options(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    opening.database_option(parser)


def run(args: Namespace) -> int:
    """0 when nothing is wrong, 3 when the database cannot be used, else 1."""
    opening.check_environment()
    if args.database is not None:
        opening.require_database(args.database)
        _look_at(args.database)
    checks = [*_program(), *_database(), *_tokens(), _redis(), *_folder()]
    if args.json:
        say_json({"ok": not any(check.advice for check in checks), "checks": _as_json(checks)})
    else:
        for check in checks:
            say(_line(check))
    if any(check.unusable for check in checks):
        return UNUSABLE
    return PROBLEMS if any(check.advice for check in checks) else OK


def _look_at(database: str) -> None:
    if not opening.is_own_site():
        raise Refusal("In a site of your own, doctor looks at its database. Leave out --database.")
    os.environ["DATABASE_URL"] = database


def _line(check: Check) -> str:
    mark = "ok" if check.advice is None else "wrong"
    advice = "" if check.advice is None else f"  ->  {check.advice}"
    return f"{mark:5}  {check.name:14}  {check.found}{advice}"


def _as_json(checks: list[Check]) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "found": one.found, "ok": one.advice is None, "advice": one.advice}
        for one in checks
    ]


def _program() -> Iterator[Check]:
    import django

    yield Check("version", f"Holdfast {VERSION}")
    yield Check("python", f"{platform.python_version()} ({sys.executable})")
    yield Check("django", django.get_version())


# -- the database -----------------------------------------------------------------------------


def _database() -> Iterator[Check]:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", opening.SETTINGS)
    if opening.is_own_site():
        # Any will do for a look; without one the settings would make a file for it.
        os.environ.setdefault("SECRET_KEY", secrets.token_urlsafe())
    django.setup()
    from django.conf import settings
    from django.db import Error, connections

    alias = str(getattr(settings, "HOLDFAST_DATABASE", "default"))
    where = opening.shown_database(alias)
    connection = connections[alias]
    if connection.vendor == "sqlite" and not Path(where).exists():
        yield Check("database", f"{where}, not made yet (`holdfast serve` makes it)")
        return
    try:
        yield Check("database", f"{connection.vendor} {_server_version(connection)}, {where}")
        yield from _durability(connection)
        migrations = _migrations(connection)
        yield migrations
        if migrations.advice is None:
            yield _compression(alias)
            yield _learning(alias)
            yield from _vectors(alias)
    except Error as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        yield Check(
            "database", f"{where}: {reason}", "Name another file or address.", unusable=True
        )


def _server_version(connection: Any) -> str:
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        return ".".join(map(str, connection.Database.sqlite_version_info))
    return ".".join(map(str, connection.get_database_version()))


def _durability(connection: Any) -> Iterator[Check]:
    from sessions_app.store.database import Database

    if connection.vendor == "sqlite":
        mode = _value(connection, "PRAGMA journal_mode")
        yield Check("journal mode", mode, None if mode == "wal" else "Move it to a local disk.")
        level = _value(connection, "PRAGMA synchronous")
        yield Check("synchronous", LEVELS.get(int(level), level))
    else:
        yield Check("synchronous", _value(connection, "SHOW synchronous_commit"))
    worth = Database(connection.alias).durability()
    advice = "Set synchronous=FULL (PostgreSQL: synchronous_commit and fsync on)."
    yield Check("durable", "yes" if worth.durable else "no", None if worth.durable else advice)


def _value(connection: Any, statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return str(cursor.fetchone()[0])


def _compression(alias: str) -> Check:
    """What is due, and who writes summaries; a backlog of minutes has nobody who works on it."""
    from memory_app import engines
    from sessions_app.store import folding, get_store

    due, waiting_us = folding.backlog(get_store(alias))
    seconds = waiting_us // 1_000_000
    found = f"{engines.engine().name}, {due} sessions due"
    if seconds < LONG_WAIT:
        return Check("compression", found)
    advice = "Run `holdfast serve` or `holdfast worker`."
    return Check("compression", f"{found}, the first for {seconds:,} s", advice)


def _learning(alias: str) -> Check:
    """Who finds what users say of themselves, and how far that is behind."""
    from memory_app import extractors, learning
    from memory_app.core.work import EngineFailed
    from sessions_app.store import get_store

    try:
        name = extractors.extractor().name
    except EngineFailed as failed:
        return Check("learning", failed.detail, "Correct HOLDFAST_EXTRACTOR: nothing is learnt.")
    lag = learning.lag(get_store(alias))
    return Check("learning", f"{name}, {lag.sessions} sessions behind by {lag.messages} messages")


def _vectors(alias: str) -> Iterator[Check]:
    """Who makes vectors, and how far these are behind; nothing where nobody does. And what is
    still to go from where they are kept outside."""
    from memory_app import embedders, removals, vector_stores, vectors
    from memory_app.core.work import EngineFailed
    from sessions_app.store import get_store

    db = get_store(alias).db
    yield from (_removal(left) for left in removals.left(db))
    try:
        embedder = embedders.embedder()
        kept = vector_stores.kept(db)
    except EngineFailed as failed:
        advice = "Correct HOLDFAST_EMBEDDER or HOLDFAST_VECTOR_STORE: no vectors are made."
        yield Check("vectors", failed.detail, advice)
        return
    if embedder is not None:
        lag = vectors.lag(db, vector_stores.Model.of(embedder, kept.name))
        found = f"{embedder.name}, {lag.sessions} sessions behind by {lag.messages} messages"
        yield Check("vectors", f"{found}, in {kept.name}" if kept.name else found)


def _removal(left: Any) -> Check:
    found = f"{left.vectors} of {left.sessions} purged sessions are still in {left.store}"
    if left.attempts <= 1:
        return Check("vectors", found)
    advice = f"Tried {left.attempts} times: see that a worker reaches it."
    return Check("vectors", found, advice)


def _migrations(connection: Any) -> Check:
    from django.db.migrations.executor import MigrationExecutor

    loader = MigrationExecutor(connection).loader
    applied = set(loader.applied_migrations)
    known = set(loader.disk_migrations or ())
    ours = {label for label, _ in known if label.startswith("holdfast")}
    newer = [name for name in applied - known if name[0] in ours]
    missing = [name for name in known - applied if name[0] in ours]
    if newer:
        advice = "A newer Holdfast wrote this. Upgrade, or name another database."
        return Check("migrations", f"{len(newer)} unknown", advice, unusable=True)
    if missing:
        how = (
            "`holdfast serve` applies them." if opening.is_own_site() else "Run manage.py migrate."
        )
        return Check("migrations", f"{len(missing)} missing", how)
    return Check("migrations", f"{len(applied & known)} applied")


# -- everything around it ---------------------------------------------------------------------


def _tokens() -> Iterator[Check]:
    from sessions_app import preparing
    from sessions_app.core import tokens

    name = preparing.encoder()
    try:
        tokens.preload(name)
    except (OSError, ValueError) as error:
        yield Check("tokenizer", f"{name}: {error}", "Install Holdfast again.")
    else:
        yield Check("tokenizer", f"{name}, {tokens.encoding(name).n_vocab} tokens")


def _redis() -> Check:
    return Check("redis", "configured" if environ.redis_url("REDIS_URL") else "not configured")


def _folder() -> Iterator[Check]:
    folder = paths.data_folder()
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    writable = os.access(nearest, os.W_OK | os.X_OK)
    yield Check(
        "data folder",
        str(folder) if folder.exists() else f"{folder}, not made yet",
        None if writable else f"{nearest} is not writable: change its rights or XDG_DATA_HOME.",
    )
    free = shutil.disk_usage(nearest).free
    enough = free >= ENOUGH_DISK
    yield Check(
        "free disk", f"{free / 2**30:.1f} GiB", None if enough else "Make room: writes will fail."
    )
