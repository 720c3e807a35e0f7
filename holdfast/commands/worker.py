"""`holdfast worker`: compresses what is due, learns what users say of themselves and makes vectors,
beside the servers of a team."""

from __future__ import annotations

import signal
from argparse import ArgumentParser, Namespace
from threading import Event
from typing import Any

from holdfast.commands import opening
from holdfast.commands.console import say
from holdfast.commands.outcomes import INCOMPLETE, OK, Refusal

HELP = "compress due sessions, until SIGTERM"
MOST_THREADS = 64


def options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--threads", type=_threads, default=1, help="sessions at a time (default: %(default)s)"
    )
    parser.add_argument("--once", action="store_true", help="end when nothing is due")
    opening.database_option(parser)


def run(args: Namespace) -> int:
    """0 at the end; a second signal does not wait for the work at hand."""
    alias = opening.store_of(args).db.alias
    from memory_app.worker import Worker

    workers = [Worker(alias, alone=True) for _ in range(args.threads)]
    if args.once:
        done = 0
        while workers[0].run_once():
            done += 1
        say(f"Compressed {done} sessions." if done != 1 else "Compressed 1 session.")
        _learn_all(workers[0])
        return _embed_all(workers[0])
    return _run_until_signal(workers)


def _learn_all(worker: Any) -> None:
    """Looks through all that was not. What was found before a failure stays. Raises Refusal."""
    from memory_app.core.work import EngineFailed

    try:
        while worker.learn_once():
            pass
    except EngineFailed as failed:
        raise Refusal(f"Not everything was learnt: {failed}", INCOMPLETE) from None


def _embed_all(worker: Any) -> int:
    """Makes what vectors are missing; what was made before a failure stays. Raises Refusal."""
    from memory_app.core.work import EngineFailed

    batches = 0
    try:
        while worker.embed_once():
            batches += 1
    except EngineFailed as failed:
        raise Refusal(f"Vectors were not made: {failed}", INCOMPLETE) from None
    if worker.embedding is not None:
        say(f"Made vectors in {batches} batches." if batches != 1 else "Made vectors in 1 batch.")
    return OK


def _run_until_signal(workers: list[Any]) -> int:
    stopped = Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    for worker in workers:
        worker.start()
    say("Working on what is due. Stop with Ctrl-C or SIGTERM.")
    stopped.wait()
    finished = [worker.stop() for worker in workers]
    say("Done." if all(finished) else "What was not finished is given back; another will do it.")
    return OK


def _threads(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_THREADS:
        raise ValueError
    return number
