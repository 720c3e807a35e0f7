"""A look at the installation, for `holdfast doctor` and the settings page. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from memory_app import (
    embedders,
    engines,
    extractors,
    learning,
    removals,
    vector_stores,
    vectors,
)
from memory_app.core.health import Check
from memory_app.core.work import EngineFailed
from sessions_app import preparing
from sessions_app.core import tokens
from sessions_app.store import folding, get_store, hot, redis_url
from sessions_app.store.database import Database
from sessions_app.store.replicas import TOLD, Replica, looked

LONG_WAIT = 300
"""Seconds that something is due for before anybody should look."""
LEVELS = {0: "off", 1: "normal", 2: "full", 3: "extra"}
REACH_REPLICA = "Reads go on from the primary. See that it runs and its address is right."
NO_REPLICA = "It is never believed. Name a standby that follows this database."
REACH_REDIS = "Requests go on from the database. See that Redis runs and REDIS_URL names it."
MIGRATE = "Run manage.py migrate, or start `holdfast serve` again."


def parts(alias: str) -> Iterator[Check]:
    """Every part that a page can tell of, without addresses and folders. Raises errors of the
    store."""
    connection = connections[alias]
    with Database(alias).reading():
        yield Check("database", f"{connection.vendor} {server_version(connection)}")
        yield from durability(connection)
        yield from connecting(connection)
        found = migrations(connection)
        yield found
        if found.advice is None:
            yield from behind(alias)
        yield from replicas(alias)
    yield from tokenizer()
    yield redis()


def behind(alias: str) -> Iterator[Check]:
    """Who does the work beside requests, and how far that is behind."""
    yield compression(alias)
    yield learning_(alias)
    yield from vectors_(alias)


def server_version(connection: Any) -> str:
    """The version of the database server, or of SQLite. Raises errors of the driver."""
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        return ".".join(map(str, connection.Database.sqlite_version_info))
    return ".".join(map(str, connection.get_database_version()))


def durability(connection: Any) -> Iterator[Check]:
    """What a commit survives."""
    if connection.vendor == "sqlite":
        mode = _value(connection, "PRAGMA journal_mode")
        yield Check("journal mode", mode, None if mode == "wal" else "Move it to a local disk.")
        level = _value(connection, "PRAGMA synchronous")
        yield Check("synchronous", LEVELS.get(int(level), level))
        pages = int(_value(connection, "PRAGMA wal_autocheckpoint"))
        yield Check("checkpoints", f"at {pages:,} pages of the log, and beside a server")
        mapped = int(_value(connection, "PRAGMA mmap_size")) >> 20
        yield Check("memory map", f"up to {mapped:,} MiB of the file")
    else:
        yield Check("synchronous", _value(connection, "SHOW synchronous_commit"))
    worth = Database(connection.alias).durability()
    advice = "Set synchronous=FULL (PostgreSQL: synchronous_commit and fsync on)."
    yield Check("durable", "yes" if worth.durable else "no", None if worth.durable else advice)


def connecting(connection: Any) -> Iterator[Check]:
    """On PostgreSQL: whether requests share connections, and statements are prepared. A site that
    does neither is slower and not wrong."""
    if connection.vendor != "postgresql":
        return
    options = connection.settings_dict.get("OPTIONS", {})
    pool = options.get("pool")
    if isinstance(pool, dict):
        yield Check("connections", f"pool of up to {pool.get('max_size', 'a default number')}")
    elif pool or connection.settings_dict.get("CONN_MAX_AGE") != 0:
        yield Check("connections", "pool" if pool else "kept by each thread")
    else:
        yield Check("connections", 'one for each request; OPTIONS["pool"] shares them')
    yield _prepared(options)


def _prepared(options: Mapping[str, Any]) -> Check:
    after = options.get("prepare_threshold")
    if options.get("server_side_binding") and after is not None:
        return Check("prepared statements", f"after {after} uses")
    how = 'OPTIONS["server_side_binding"] with ["prepare_threshold"] does'
    return Check("prepared statements", f"nothing prepares them; {how}")


def _value(connection: Any, statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return str(cursor.fetchone()[0])


def compression(alias: str) -> Check:
    """What is due, and who writes summaries; a backlog of minutes has nobody who works on it."""
    due, waiting_us = folding.backlog(get_store(alias))
    seconds = waiting_us // 1_000_000
    found = f"{engines.engine().name}, {due} sessions due"
    if seconds < LONG_WAIT:
        return Check("compression", found)
    advice = "Run `holdfast serve` or `holdfast worker`."
    return Check("compression", f"{found}, the first for {seconds:,} s", advice)


def learning_(alias: str) -> Check:
    """Who finds what users say of themselves, and how far that is behind."""
    try:
        name = extractors.extractor().name
    except EngineFailed as failed:
        return Check("learning", failed.detail, "Correct HOLDFAST_EXTRACTOR: nothing is learnt.")
    lag = learning.lag(get_store(alias))
    return Check("learning", f"{name}, {lag.sessions} sessions behind by {lag.messages} messages")


def vectors_(alias: str) -> Iterator[Check]:
    """Who makes vectors, and how far these are behind; nothing where nobody does. And what is
    still to go from where they are kept outside."""
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


def migrations(connection: Any, how: str = MIGRATE) -> Check:
    """Whether the tables are those of this release; `how` says what applies missing ones."""
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
        return Check("migrations", f"{len(missing)} missing", how)
    return Check("migrations", f"{len(applied & known)} applied")


def tokenizer() -> Iterator[Check]:
    """Whether tokens can be counted."""
    name = preparing.encoder()
    try:
        tokens.preload(name)
    except (OSError, ValueError) as error:
        yield Check("tokenizer", f"{name}: {error}", "Install Holdfast again.")
    else:
        yield Check("tokenizer", f"{name}, {tokens.encoding(name).n_vocab} tokens")


def redis() -> Check:
    """Whether the hot tier is named and answers, and what came of it in this process."""
    url = redis_url()
    if url is None:
        return Check("redis", "not configured")
    tier = hot.of(url)
    looked = tier.look()
    counts = tier.counts()
    told = ", ".join(f"{counts.get(name, 0)} {name}" for name in hot.TOLD)
    if looked.failed:
        return Check("redis", f"not reachable ({looked.failed}), {told}", REACH_REDIS)
    return Check("redis", f"{looked.version}, {told}")


def replicas(alias: str) -> Iterator[Check]:
    """Whether each replica that is named follows this database, and what came of it in this
    process."""
    found = get_store(alias).replicas
    if found is None:
        return
    ours = looked(Database(alias)).cluster
    yield from (_replica(replica, ours) for replica in found.all)


def _replica(replica: Replica, ours: str) -> Check:
    look, counts = replica.look(), replica.part.counts()
    told = ", ".join(f"{counts.get(name, 0)} {name}" for name in TOLD)
    place = f"{replica.alias}: "
    if look.failed:
        said = f"{place}not reachable ({look.failed}), {told}"
        return Check(replica.part.name, said, REACH_REPLICA)
    if not look.follows or look.cluster != ours:
        which = "follows another database" if look.follows else "is no standby"
        return Check(replica.part.name, f"{place}{which}", NO_REPLICA)
    return Check(replica.part.name, f"{place}follows, {told}")
