"""What a run stands on: two servers and a worker on one store. Everything is stopped by its pid
when the block ends, however it ends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.nodes import COMMAND, Node, WorkerProcess
from tests.servers import Server, running_postgres, running_redis, running_standby

SQLITE, POSTGRES = "sqlite", "postgres"
SERVERS = 2


@dataclass
class System:
    """The processes of a run; `postgres`, its `standby` and `redis` where they belong to it."""

    database: str
    folder: Path
    servers: Sequence[Node]
    worker: WorkerProcess
    postgres: Server | None = None
    standby: Server | None = None
    redis: Server | None = None

    @property
    def ports(self) -> list[int]:
        return [server.port for server in self.servers]

    def wait(self) -> None:
        """Until both servers are well."""
        for server in self.servers:
            server.wait()


@contextmanager
def running(kind: str, folder: Path, bugs: Sequence[str] = ()) -> Iterator[System]:
    """A store of its own of this kind, with servers and a worker on it, all begun at once. `bugs`
    are some of `seeded.BUGS`. Raises ServerMissing."""
    with ExitStack() as stack:
        postgres = standby = redis = None
        database = str(folder / "run.sqlite3")
        if kind == POSTGRES:
            postgres = stack.enter_context(running_postgres())
            standby = stack.enter_context(running_standby(postgres.url))
            redis = stack.enter_context(running_redis())
            database = postgres.url
        cache = redis.url if redis else None
        replica = standby.url if standby else None
        buggy = (sys.executable, "-m", "tests.faults.seeded", ",".join(bugs))
        command = buggy if bugs else COMMAND
        servers = [Node(database, folder, cache, command, replica) for _ in range(SERVERS)]
        worker = WorkerProcess(database, folder, cache)
        for process in (*servers, worker):
            stack.callback(process.kill)
        for server in servers:
            server.launch()
        system = System(database, folder, servers, worker, postgres, standby, redis)
        system.wait()
        worker.launch()
        yield system
