"""`python -m bench`: measures, and prints a Markdown table."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import product
from pathlib import Path

from bench.ground import POSTGRES, SQLITE, Ground, ground
from bench.report import Figure, surroundings
from bench.results import Results

SUBJECTS = (
    *("append", "crowd", "reading", "replica", "flat", "storage", "context", "cached", "memory"),
    *("folding", "search", "cold", "http", "bare"),
)
APART = ("growth", "guest", "peers", "pages")
"""Measured where they are named alone: they need packages of their own, or write a million messages
first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Ends with 0 whatever was measured: a missed target is a figure, not a failure. With 1 where a
    subject broke; what was measured is told all the same, and written after each subject."""
    asked = options().parse_args(arguments)
    databases = (SQLITE, POSTGRES) if asked.database == "both" else (asked.database,)
    file: Path | None = asked.json
    before, results, broken = Results.read(file) if file else Results(), Results(), False
    with ground() as here:
        for name, database in product(asked.only or SUBJECTS, databases):
            found = measured(here, name, database, quick=asked.quick)
            try:
                results.take(name, database, found, surroundings(here.folder))
            except Exception:  # noqa: BLE001 - the others go on
                traceback.print_exc()
                results.skipped[f"{name} on {database}"] = "it broke, see above"
                broken = True
            if file:
                before.renewed(results).write(file)
    print(results.text())
    return int(broken)


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples: under 40 seconds")
    parser.add_argument("--only", action="append", choices=(*SUBJECTS, *APART), metavar="NAME")
    told = "write the figures there; what the file has of other subjects stays"
    parser.add_argument("--json", type=Path, metavar="FILE", help=told)
    choices = (SQLITE, POSTGRES, "both")
    parser.add_argument("--database", choices=choices, default="both")
    return parser


def measured(here: Ground, name: str, database: str, *, quick: bool) -> Iterator[Figure]:
    """The figures of one subject, none where it has nothing to say about this database. Raises
    Skipped, maybe after some figures."""
    # Imported now, because Django must be ready.
    subject = import_module(f"bench.{name}")
    if database not in subject.DATABASES:
        return
    began = time.monotonic()
    yield from subject.measure(here, database, quick=quick)
    took = time.monotonic() - began
    print(f"{name} on {database}: {took:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
