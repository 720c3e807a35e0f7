"""A process beside the server that does its upkeep (`upkeep.py`).

One thread of a process computes at a time. A compression of some hundred messages computes for a
second, and with it in the server's own process one call in a hundred took 22 ms instead of 3, on a
machine with a second processor that was idle. The two share the database alone; what became due in
the server is told through a pipe, whose end also ends the housekeeper, however the server ended.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread

FIRST_SECONDS = 0.3
"""A server that ends again at once, as in a test, needs no housekeeper."""
SHORTEST_REST, LONGEST_REST = 1.0, 60.0
"""Seconds before another one is begun where one has ended by itself, and after many."""
STOP_SECONDS = 8.0
NICENESS = 5

log = logging.getLogger("holdfast.upkeep")


class Housekeeper:
    """Keeps the process running from `start()` to `stop()`. `database` is what the server was told,
    as for `bootstrap.ready`."""

    def __init__(self, database: str | None = None) -> None:
        self._database = database
        self._stopped = Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: int | None = None
        self._mutex = Lock()
        self._thread = Thread(target=self._keep, name="holdfast-housekeeper", daemon=True)

    def start(self) -> None:
        """Begin, soon."""
        from sessions_app import waking

        self._leave = waking.listen(self.ring)
        self._thread.start()

    def ring(self) -> None:
        """Tells that something is due. Never waits: a pipe that is full says that already."""
        with self._mutex, suppress(OSError):
            if self._pipe is not None:
                os.write(self._pipe, b"\n")

    def stop(self) -> None:
        """Return when it has given back what it was at, or after a few seconds without that."""
        self._leave()
        self._stopped.set()
        self._let_go()
        if self._process is not None:
            self._process.terminate()  # which ends one that has not begun
        self._thread.join(STOP_SECONDS)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()

    def _keep(self) -> None:
        rest = SHORTEST_REST
        self._stopped.wait(FIRST_SECONDS)
        while not self._stopped.is_set():
            try:
                ended = f"ended with {self._begun().wait()}"
            except OSError as error:
                ended = f"could not begin: {error}"
            self._let_go()
            if self._stopped.is_set():
                return
            log.warning("The upkeep %s; it begins again in %.0f s.", ended, rest)
            self._stopped.wait(rest)
            rest = min(2 * rest, LONGEST_REST)

    def _begun(self) -> subprocess.Popen[bytes]:
        theirs, ours = os.pipe()
        told = {"database": self._database, "level": logging.getLogger("holdfast").level}
        os.write(ours, json.dumps(told).encode() + b"\n")
        os.set_blocking(ours, False)
        with self._mutex:
            self._pipe = ours
        # The paths of this process, and not the folder that it was begun in.
        paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this Python, and words of our own
                [sys.executable, "-P", "-m", __name__],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": paths},
                start_new_session=True,  # Ctrl-C is for the server, which ends this in good order
            )
        finally:
            os.close(theirs)
        if self._stopped.is_set():
            self._let_go()
        return self._process

    def _let_go(self) -> None:
        with self._mutex:
            if self._pipe is not None:
                os.close(self._pipe)
            self._pipe = None


def main() -> None:
    """The other process: works until its standard input ends."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    told = json.loads(sys.stdin.buffer.readline())
    from holdfast import bootstrap

    alias = bootstrap.ready(told["database"])
    from django.conf import settings

    from holdfast.upkeep import Upkeep
    from sessions_app import waking

    settings.HOLDFAST_DATABASE = alias
    logging.getLogger("holdfast").setLevel(told["level"])
    running = Upkeep(alias)
    # From here on only the end of the pipe ends it, so that what it is at is given back.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    running.start()
    while os.read(sys.stdin.fileno(), 4096):
        waking.ring()
    running.stop()


if __name__ == "__main__":
    main()
