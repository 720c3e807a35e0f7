"""`holdfast verify`: is everything that was stored still as it was stored?"""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.commands import opening
from holdfast.commands.console import note, say, say_json
from holdfast.commands.outcomes import OK, PROBLEMS, Refusal

if TYPE_CHECKING:
    from sessions_app.verifying import Head, Problem

HELP = "check every digest, number and head of the log"


def options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--heads", type=Path, metavar="FILE", help="heads kept elsewhere, to be found in the log"
    )
    parser.add_argument(
        "--save-heads", type=Path, metavar="FILE", help="write the present heads when all is well"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object for each problem")
    parser.add_argument("--project", metavar="NAME", help="only this project (default: all)")
    opening.database_option(parser)


def run(args: Namespace) -> int:
    """0 when all fits, 1 when anything does not."""
    lines = None if args.heads is None else _kept_lines(args.heads)
    store = opening.store_of(args)
    from sessions_app import verifying

    project = opening.project_of(args, store).pk if args.project else None
    kept = None if lines is None else _read_heads(lines, args.heads)
    count = _tell(verifying.verify(store, project=project, heads=kept), as_json=args.json)
    if count:
        note(f"{count} problems. Keep a copy of the database before you change anything.")
        return PROBLEMS
    note("Everything fits.")
    if args.save_heads is not None:
        _save(args.save_heads, verifying.heads(store, project=project))
    return OK


def _kept_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise Refusal(f"Cannot read {path}: {error.strerror}. Check the path.") from None
    except UnicodeDecodeError:
        raise Refusal(f"{path} is not a file of heads: it is not text.") from None


def _read_heads(lines: list[str], path: Path) -> list[Head]:
    from sessions_app import verifying

    try:
        return list(verifying.read_heads(lines))
    except ValueError as error:
        raise Refusal(f"{path} is not a file of heads: {error}.") from None


def _tell(problems: Iterator[Problem], *, as_json: bool) -> int:
    count = 0
    for count, problem in enumerate(problems, 1):  # noqa: B007 - the last number is the count
        if as_json:
            names = ("session", "kind", "text", "version", "seq")
            say_json({name: getattr(problem, name) for name in names})
        else:
            say(str(problem))
    return count


def _save(path: Path, heads: Iterable[Head]) -> None:
    """All of them or none: a half-written file would later look like missing sessions."""
    beside = path.with_name(f"{path.name}.part")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.writelines(f"{head}\n" for head in heads)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise Refusal(f"Cannot write {path}: {error.strerror}. Choose another place.") from None
    note(f"The heads are in {path}. Keep it where this machine cannot change it.")
