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

from holdfast import paths
from holdfast.commands import opening
from holdfast.commands.console import say, say_json
from holdfast.commands.outcomes import OK, PROBLEMS, UNUSABLE, Refusal
from holdfast.version import VERSION
from memory_app.core.health import Check

HELP = "show what is on and what is wrong"
ENOUGH_DISK = 100 * 1024 * 1024
APPLY = "`holdfast serve` applies them."


def options(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    opening.database_option(parser)


def run(args: Namespace) -> int:
    """0 when nothing is wrong, 3 when the database cannot be used, else 1."""
    opening.check_environment()
    if args.database is not None:
        opening.require_database(args.database)
        _look_at(args.database)
    checks = [*_program(), *_database(), *_without_database(), *_folder()]
    if args.json:
        told = [check.as_json() for check in checks]
        say_json({"ok": not any(check.advice for check in checks), "checks": told})
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

    from memory_app import checkup

    alias = str(getattr(settings, "HOLDFAST_DATABASE", "default"))
    where = opening.shown_database(alias)
    connection = connections[alias]
    if connection.vendor == "sqlite" and not Path(where).exists():
        yield Check("database", f"{where}, not made yet (`holdfast serve` makes it)")
        return
    try:
        version = checkup.server_version(connection)
        yield Check("database", f"{connection.vendor} {version}, {where}")
        yield from checkup.durability(connection)
        yield from checkup.connecting(connection)
        how = APPLY if opening.is_own_site() else "Run manage.py migrate."
        migrations = checkup.migrations(connection, how)
        yield migrations
        if migrations.advice is None:
            yield from checkup.behind(alias)
        yield from checkup.replicas(alias)
    except Error as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        yield Check(
            "database", f"{where}: {reason}", "Name another file or address.", unusable=True
        )


# -- everything around it ---------------------------------------------------------------------


def _without_database() -> Iterator[Check]:
    from memory_app import checkup

    yield from checkup.tokenizer()
    yield checkup.redis()


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
