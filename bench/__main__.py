"""`python -m bench`: measures, and prints a Markdown table."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from bench.ground import POSTGRES, SQLITE, Ground, ground
from bench.report import Figure, Skipped, as_json, surroundings, table

SUBJECTS = (
    *("append", "crowd", "reading", "flat", "storage", "context", "cached", "memory"),
    *("folding", "search", "cold", "http", "bare"),
)
APART = ("peers", "pages")
"""Measured where they are named alone: they need packages of their own, or write a million messages
first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Ends with 0 whatever was measured: a missed target is a figure, not a failure."""
    asked = options().parse_args(arguments)
    databases = (SQLITE, POSTGRES) if asked.database == "both" else (asked.database,)
    figures: list[Figure] = []
    skipped: dict[str, str] = {}
    with ground() as here:
        around = surroundings(here.folder)
        for name in asked.only or SUBJECTS:
            for database in databases:
                try:
                    figures.extend(measured(here, name, database, quick=asked.quick))
                except Skipped as skip:
                    skipped[f"{name} on {database}"] = str(skip)
    print(", ".join(f"{name} {value}" for name, value in around.items()), end="\n\n")
    print(table(figures))
    for name, reason in skipped.items():
        print(f"\nSkipped: {name}: {reason}")
    if asked.json:
        asked.json.write_text(json.dumps(as_json(around, figures, skipped), indent=1) + "\n")
    return 0


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples: under 40 seconds")
    parser.add_argument("--only", action="append", choices=(*SUBJECTS, *APART), metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples' figures")
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
