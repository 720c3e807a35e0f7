"""`holdfast export`: whole logs as lines of JSON, for a backup or another Holdfast."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING
from uuid import UUID

from holdfast.commands import opening
from holdfast.commands.console import note
from holdfast.commands.outcomes import INCOMPLETE, OK, Refusal

if TYPE_CHECKING:
    from sessions_app.store.durable import DurableStore

HELP = "write sessions as lines of JSON"


def options(parser: ArgumentParser) -> None:
    parser.add_argument("sessions", nargs="*", metavar="SESSION", help="keys or ids")
    parser.add_argument("--all", action="store_true", help="every session of the project")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write here, not to stdout"
    )
    parser.add_argument(
        "--format",
        default="holdfast",
        choices=("holdfast", "openai-chat"),
        help="holdfast can be imported again without loss (default: %(default)s)",
    )
    opening.database_option(parser)
    opening.project_option(parser)


def run(args: Namespace) -> int:
    """0, or 4 when the output could not be written to its end."""
    if bool(args.sessions) == args.all:
        raise Refusal("Name the sessions to export, or say --all.")
    store = opening.store_of(args)
    project = opening.project_of(args, store).pk
    chosen = [opening.session_of(store, project, name).id for name in args.sessions]
    lines = _lines(args.format, store, project, chosen)
    try:
        with _opened(args.output) as file:
            count = _write(file, lines)
    except BrokenPipeError:
        raise
    except OSError as error:
        place = args.output or "stdout"
        raise Refusal(f"Cannot write {place}: {error.strerror}.", INCOMPLETE) from None
    note(f"Exported {count} lines.")
    return OK


def _lines(form: str, store: DurableStore, project: int, chosen: list[UUID]) -> Iterator[bytes]:
    """The chosen sessions, or all when none is chosen."""
    from sessions_app import exporting

    export = exporting.holdfast if form == "holdfast" else exporting.openai_chat
    if len(chosen) < 2:
        return export(store, project, chosen[0] if chosen else None)
    documents = (export(store, project, session) for session in dict.fromkeys(chosen))
    return _merged(documents) if form == "holdfast" else chain.from_iterable(documents)


def _merged(documents: Iterable[Iterator[bytes]]) -> Iterator[bytes]:
    """One document of several: the first one's header, all sessions, one count of them."""
    count = 0
    for count, document in enumerate(documents, 1):
        header = next(document)
        if count == 1:
            yield header
        held: bytes | None = None
        for line in document:
            if held is not None:
                yield held
            held = line
    yield b'{"sessions":%d}\n' % count


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[bytes]]:
    """Stdout, or a file that takes its name only when it is complete."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    beside = path.with_name(f"{path.name}.part")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _write(file: IO[bytes], lines: Iterable[bytes]) -> int:
    count = 0
    for count, line in enumerate(lines, 1):  # noqa: B007 - the last number is the count
        file.write(line)
    return count
