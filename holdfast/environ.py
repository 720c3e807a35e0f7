"""Settings from the environment, read by typed readers that refuse nonsense.

A refusal names the variable and what it should look like, never its value: values can be secrets.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from holdfast import alive
from sessions_app.core import addresses


class BadEnvironment(ValueError):
    """An environment variable has a value that cannot be used."""

    def __init__(self, name: str, advice: str) -> None:
        self.name = name
        super().__init__(f"{name}: {advice}")


def text(name: str, default: str | None = None) -> str | None:
    """The variable as it is; set but empty is refused."""
    value = os.environ.get(name)
    if value is None:
        return default
    if not value.strip():
        raise BadEnvironment(name, "is set but empty. Give it a value or unset it.")
    return value


def flag(name: str, *, default: bool = False) -> bool:
    """1/true/yes/on or 0/false/no/off."""
    value = (text(name) or "").lower()
    if not value:
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise BadEnvironment(name, "must be 1 or 0.")


def integer(name: str, default: int, *, least: int = 1) -> int:
    """A whole number of at least `least`."""
    value = text(name)
    if value is None:
        return default
    if not (value.isascii() and value.isdigit()) or int(value) < least:
        raise BadEnvironment(name, f"must be a whole number of at least {least}.")
    return int(value)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of `allowed`."""
    value = text(name, default) or default
    if value not in allowed:
        raise BadEnvironment(name, f"must be one of {', '.join(allowed)}.")
    return value


def names(name: str) -> list[str]:
    """A comma-separated list without blanks."""
    return [item.strip() for item in (text(name) or "").split(",") if item.strip()]


def dotted(name: str, default: str) -> str:
    """The path of something in a Python module that is there, as `package.module.Thing`; none is
    the empty one."""
    value = text(name, default) or default
    if not value:
        return value
    module, _, thing = value.rpartition(".")
    if not (thing.isidentifier() and all(part.isidentifier() for part in module.split("."))):
        raise BadEnvironment(name, "must look like package.module.Thing.")
    try:
        found = find_spec(module)
    except ImportError:
        found = None
    if found is None:
        raise BadEnvironment(name, "names a module that is not installed.")
    return value


def http_url(name: str, default: str, *, local: bool) -> str:
    """The URL of a server that we call; `local` allows one on this machine or network."""
    value = text(name, default) or default
    try:
        addresses.target(value, local=local)
    except addresses.Forbidden as forbidden:
        raise BadEnvironment(name, str(forbidden)) from None
    return value


def key(name: str) -> str | None:
    """A secret as it is sent in a header: ASCII without blanks."""
    value = text(name)
    if value is not None and not (value.isascii() and value.isprintable() and " " not in value):
        raise BadEnvironment(name, "must be ASCII without blanks and line ends.")
    return value


def redis_url(name: str) -> str | None:
    """A redis://, rediss:// or unix:// URL, or None when unset."""
    value = text(name)
    if value is not None and not is_redis_url(value):
        raise BadEnvironment(name, REDIS_ADVICE)
    return value


REDIS_ADVICE = "must look like redis://host:6379/0."


def is_redis_url(value: object) -> bool:
    """Whether a value can be the address of a Redis."""
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("redis", "rediss", "unix") and bool(parts.netloc or parts.path)


PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-16000",
    # As much as SQLite allows. It is addresses, not memory: pages beyond are read by a system call
    # each, which among a million sessions are most.
    "mmap_size=2147418112",
    # In pages. Whoever commits beyond waits until all of them are in the file and on the disk: with
    # the usual 1,000 one append in 150, and the 99th percentile is near.
    "wal_autocheckpoint=4000",
)
"""How a connection to a SQLite file begins."""


def database(name: str, value: str | None) -> dict[str, Any] | None:
    """Django's DATABASES entry for a URL (`sqlite:///file`, `postgresql://...`) or a file path."""
    if value is None:
        return None
    scheme = value.partition("://")[0] if "://" in value else ""
    if scheme in ("postgres", "postgresql"):
        return _postgres(name, value)
    if scheme == "sqlite":
        # sqlite:///relative.db and sqlite:////absolute.db, as SQLAlchemy and dj-database-url read.
        return sqlite(Path(unquote(value.partition("://")[2].removeprefix("/"))))
    if scheme:
        raise BadEnvironment(
            name, "must be a file path, sqlite:///file, or postgresql://user@host/name."
        )
    return sqlite(Path(value))


def sqlite(path: Path) -> dict[str, Any]:
    """A SQLite file in WAL mode whose commits survive power loss."""
    if not path.name:
        raise BadEnvironment("DATABASE_URL", "names no file.")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path.expanduser().absolute()),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "; ".join(f"PRAGMA {pragma}" for pragma in PRAGMAS),
        },
    }


def replicas(name: str, primary: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Django's DATABASES entries, by alias, for the URLs of standbys of this database, with commas
    between them."""
    urls = names(name)
    if urls and "postgresql" not in primary["ENGINE"]:
        raise BadEnvironment(name, "needs a DATABASE_URL that is postgresql://user@host/name.")
    if not all(url.startswith(("postgres://", "postgresql://")) for url in urls):
        raise BadEnvironment(name, "must look like postgresql://user@host/name.")
    return {f"replica_{nth}": replica(name, url) for nth, url in enumerate(urls, 1)}


def replica(name: str, url: str) -> dict[str, Any]:
    """A standby that is only read, and not waited for: the primary answers as well."""
    entry = _postgres(name, url)
    options = entry["OPTIONS"]
    options["pool"] = {"min_size": 1, "max_size": 16, "timeout": 0.5}
    options["options"] = f"{options.get('options', '')} -c default_transaction_read_only=on".strip()
    waits = {"connect_timeout": "2", "tcp_user_timeout": "2000"}
    entry["OPTIONS"] = {**waits, **options}
    entry["CONN_HEALTH_CHECKS"] = False  # it would wait for a server that hangs
    entry["TEST"] = {"MIRROR": "default"}
    return entry


def _postgres(name: str, value: str) -> dict[str, Any]:
    parts = urlsplit(value)
    try:
        port = parts.port
    except ValueError:
        raise BadEnvironment(name, "has a port that is no number.") from None
    database_name = unquote(parts.path.lstrip("/"))
    if not database_name:
        raise BadEnvironment(name, "names no database: postgresql://user@host/name.")
    options: Mapping[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", None) if isinstance(options, dict) else None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database_name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host or parts.hostname or "",
        "PORT": str(port or ""),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "pool": {"min_size": 1, "max_size": 16, "timeout": 10, **_check()},
            # Prepared on the server after five uses: a third less time for the store's statements.
            "prepare_threshold": 5,
            "server_side_binding": True,
            **options,
        },
    }


def _check() -> dict[str, Any]:
    """How the pool knows that a connection is alive, where Django lets that be said: before 6.1 it
    asks the server each time."""
    from django import VERSION  # help needs none of it

    return {"check": alive.check} if VERSION >= (6, 1) else {}
