"""What is done to the servers of a run: in an order that the seed gives, each to its end, when so
much was written since the one before.
"""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from random import Random

import psycopg

from tests.faults.clients import Journal
from tests.faults.history import Fault
from tests.faults.system import POSTGRES, SQLITE, System
from tests.servers import Server, exchange

PATIENCE = 120.0
MOMENT = 0.6
"""Seconds for which something is stopped at most; it ends sooner when enough happened meanwhile."""
LAG = 4.0
"""Seconds for which a standby lags, unless so much is written sooner."""
BETWEEN = (25, 120)
"""So many writes go well between one nemesis and the next."""


@dataclass(frozen=True)
class Step:
    """One nemesis: which, for which server, after how many more writes."""

    kind: str
    target: int
    after: int


@dataclass(frozen=True)
class Nemesis:
    """`harms` as in `Fault`; `often`: so many times of one round of a run, by database."""

    act: Callable[[System, Step, Journal], None]
    harms: bool
    often: Mapping[str, int]


def plan(seed: int, database: str, rounds: int = 1) -> list[Step]:
    """The steps of a run: the same for the same seed, every nemesis of its database among them."""
    rng = Random(f"{seed} nemeses")
    found: list[Step] = []
    for _ in range(rounds):
        kinds = [kind for kind, each in NEMESES.items() for _ in range(each.often.get(database, 0))]
        rng.shuffle(kinds)
        found += [Step(kind, rng.randrange(2), rng.randrange(*BETWEEN)) for kind in kinds]
    return found


def commit(step: Step, system: System, journal: Journal) -> Fault:
    """Waits for the step's time, does it, and returns when all is well again."""
    assert journal.wait("writes", step.after, PATIENCE), f"nothing is written before {step}"
    nemesis = NEMESES[step.kind]
    began = time.monotonic()
    nemesis.act(system, step, journal)
    system.wait()
    return Fault(step.kind, str(step.target), began, time.monotonic(), nemesis.harms)


def kill_server(system: System, step: Step, journal: Journal) -> None:
    system.servers[step.target].crash()
    journal.wait("writes", 5, MOMENT)
    system.servers[step.target].start()


def kill_all(system: System, step: Step, journal: Journal) -> None:
    """As when the machine goes down: nobody is left who has the database open."""
    for process in (*system.servers, system.worker):
        process.crash()
    for process in (*system.servers, system.worker):
        process.launch()


def stop_server(system: System, step: Step, journal: Journal) -> None:
    """Frozen, maybe with the database's lock in its hands, and awake again."""
    system.servers[step.target].send(signal.SIGSTOP)
    try:
        journal.wait("writes", 50, MOMENT)
    finally:
        system.servers[step.target].send(signal.SIGCONT)


def kill_worker(system: System, step: Step, journal: Journal) -> None:
    system.worker.crash()
    system.worker.launch()


def lock_database(system: System, step: Step, journal: Journal) -> None:
    """Another process holds SQLite's write lock: writers wait, readers go on."""
    with closing(sqlite3.connect(system.database, timeout=PATIENCE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert journal.wait("reads", 5, PATIENCE), "nothing is read while the database is locked"
        other.execute("ROLLBACK")


def restart_postgres(system: System, step: Step, journal: Journal) -> None:
    """What `pg_ctl restart -m immediate` does: no checkpoint, and recovery from the log."""
    server = _there(system.postgres)
    server.process.send_signal(signal.SIGQUIT)
    server.process.wait(PATIENCE)
    server.start_again()


def kill_backends(system: System, step: Step, journal: Journal) -> None:
    with psycopg.connect(_there(system.postgres).url) as connection:
        killed = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchall()
    assert killed, "nobody was connected"


def kill_standby(system: System, step: Step, journal: Journal) -> None:
    """It is gone at once, and comes back behind."""
    server = _there(system.standby)
    server.process.send_signal(signal.SIGQUIT)
    server.process.wait(PATIENCE)
    journal.wait("writes", 20, PATIENCE)
    server.start_again()


def pause_standby(system: System, step: Step, journal: Journal) -> None:
    """It holds its connections and says nothing."""
    with _there(system.standby).frozen():
        journal.wait("writes", 20, PATIENCE)


def lag_standby(system: System, step: Step, journal: Journal) -> None:
    """It answers, and takes nothing more of its primary for longer than most readers bear."""
    with psycopg.connect(_there(system.standby).url, autocommit=True) as standby:
        standby.execute("SELECT pg_wal_replay_pause()")
        try:
            journal.wait("writes", 500, LAG)
        finally:
            standby.execute("SELECT pg_wal_replay_resume()")


def kill_redis(system: System, step: Step, journal: Journal) -> None:
    server = _there(system.redis)
    server.kill()
    journal.wait("writes", 20, PATIENCE)
    server.start_again()


def stop_redis(system: System, step: Step, journal: Journal) -> None:
    server = _there(system.redis)
    server.process.send_signal(signal.SIGSTOP)
    try:
        journal.wait("writes", 20, PATIENCE)
    finally:
        server.process.send_signal(signal.SIGCONT)


def flush_redis(system: System, step: Step, journal: Journal) -> None:
    assert _told_redis(_there(system.redis), "FLUSHALL") == b"+OK\r\n"


def age_redis(system: System, step: Step, journal: Journal) -> None:
    """It comes back as it was some writes ago."""
    server = _there(system.redis)
    assert _told_redis(server, "SAVE") == b"+OK\r\n"
    journal.wait("writes", 40, PATIENCE)
    server.kill()
    server.start_again()


def kept_in_redis(server: Server) -> int:
    """How many keys there are."""
    return int(_told_redis(server, "DBSIZE").strip(b":\r\n") or 0)


def _told_redis(server: Server, command: str) -> bytes:
    port = int(server.url.rpartition(":")[2].partition("/")[0])
    return exchange(port, f"{command}\r\n".encode())


def _there(server: Server | None) -> Server:
    assert server is not None, "this run has no such server"
    return server


NEMESES: Mapping[str, Nemesis] = {
    "kill_server": Nemesis(kill_server, True, {SQLITE: 3, POSTGRES: 2}),
    "kill_all": Nemesis(kill_all, True, {SQLITE: 2, POSTGRES: 1}),
    "stop_server": Nemesis(stop_server, True, {SQLITE: 2, POSTGRES: 2}),
    "kill_worker": Nemesis(kill_worker, False, {SQLITE: 2, POSTGRES: 1}),
    "lock_database": Nemesis(lock_database, False, {SQLITE: 2}),
    "restart_postgres": Nemesis(restart_postgres, True, {POSTGRES: 2}),
    "kill_backends": Nemesis(kill_backends, True, {POSTGRES: 2}),
    "kill_standby": Nemesis(kill_standby, False, {POSTGRES: 1}),
    "pause_standby": Nemesis(pause_standby, False, {POSTGRES: 1}),
    "lag_standby": Nemesis(lag_standby, False, {POSTGRES: 1}),
    "kill_redis": Nemesis(kill_redis, False, {POSTGRES: 1}),
    "stop_redis": Nemesis(stop_redis, False, {POSTGRES: 1}),
    "flush_redis": Nemesis(flush_redis, False, {POSTGRES: 2}),
    "age_redis": Nemesis(age_redis, False, {POSTGRES: 2}),
}
