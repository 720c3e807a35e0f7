"""`python -m tests.faults.seeded BUG,BUG serve ...`: Holdfast with bugs put in on purpose, to see
whether the checker finds them.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from holdfast import cli
from holdfast.commands import serve

EVERY = 20
"""A transaction of so many fails to commit, where nobody looks whether it did."""
OLD_SECONDS, UNLOCKED_SECONDS = 0.3, 0.02


def acknowledge_before_commit() -> None:
    """The answer is made when the commit is still to come, and nobody looks whether it did."""
    from sessions_app.store.database import Database

    right: Any = Database.transaction
    counter = itertools.count(1)

    @contextmanager
    def early(self: Database, **given: Any) -> Iterator[Any]:
        outermost = not self.nested
        with right(self, **given) as durability:
            yield durability
            if outermost and next(counter) % EVERY == 0:
                self.connection.needs_rollback = True

    Database.transaction = early  # type: ignore[method-assign, assignment]
    _read_first()


def skip_the_key() -> None:
    """An idempotency key is neither looked up nor kept."""
    from sessions_app import calls

    calls._request_key = lambda *_: None


def drop_the_lock() -> None:
    """An append goes on from where the session stood a moment before it had the lock, and nothing
    says that somebody else has been there; the constraints of the table are gone (see
    `unconstrained` in test_seeded.py)."""
    from sessions_app.store import statements as sql
    from sessions_app.store.database import Database

    right: Any = Database.locked_row
    stood: dict[Any, tuple[float, Any]] = {}

    def unlocked(self: Database, statement: str, params: Any) -> Any:
        if statement not in (sql.STANDING, sql.STANDING_ON_SQLITE):
            return right(self, statement, params)
        when, row = stood.get(params, (0.0, None))
        if time.monotonic() - when > UNLOCKED_SECONDS:
            row = right(self, statement, params)
            stood[params] = time.monotonic(), row
        return row

    sql.ADVANCE = sql.ADVANCE.replace("AND version = ?", "AND ? > 0")
    Database.locked_row = unlocked  # type: ignore[method-assign, assignment]
    _read_first()


def _read_first() -> None:
    """The bug is in the way of an append that both databases have."""
    from sessions_app.store import at_once

    at_once.suits = lambda *_: False


def ignore_the_version() -> None:
    """If-Match is not held against anything."""
    from sessions_app.calls import Call
    from sessions_app.store.base import Guard

    Call.guard = property(lambda self: Guard(None, self.key))  # type: ignore[assignment, method-assign]


def trust_the_cache() -> None:
    """Session rows come from a cache that nobody tells of writes, for a moment."""
    from sessions_app.store.reading import Reader

    def cached(right: Any) -> Any:
        kept: dict[Any, tuple[float, Any]] = {}

        def get(self: Any, *args: Any, **given: Any) -> Any:
            if self.db.held is not None:
                return right(self, *args, **given)
            place = (*args, *given.items())
            when, row = kept.get(place, (0.0, None))
            if time.monotonic() - when > OLD_SECONDS:
                row = right(self, *args, **given)
                kept[place] = time.monotonic(), row
            return row

        return get

    Reader.get = cached(Reader.get)  # type: ignore[method-assign]
    Reader.get_in_epoch = cached(Reader.get_in_epoch)  # type: ignore[method-assign]


def let_a_late_token_through() -> None:
    """Whatever token a write carries counts as that of the present lease."""
    from sessions_app.core import leases

    leases.check_token = lambda *_: None
    _read_first()


def believe_a_replica() -> None:
    """What a replica tells is taken whatever token stands beside it."""
    from sessions_app.core import beats

    beats.refusal = lambda *_: None
    beats.Beats.age = lambda *_: 0.0  # type: ignore[method-assign]


BUGS: Mapping[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (
        acknowledge_before_commit,
        skip_the_key,
        drop_the_lock,
        ignore_the_version,
        trust_the_cache,
        let_a_late_token_through,
        believe_a_replica,
    )
}


def main() -> int:
    """The command behind the names of the bugs, which are put in when the database is ready."""
    bugs, *arguments = sys.argv[1:]
    right = serve._server

    def buggy(args: Any) -> Any:
        server = right(args)
        for bug in bugs.split(","):
            BUGS[bug]()
        return server

    serve._server = buggy
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
