"""`python -m bench.quality`: what survives, without a model, as one Markdown table."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from importlib import import_module

from bench.ground import ground
from bench.quality.rows import NoData, Row

MODULES = (
    "classes",
    "recall",
    "confusable",
    "query_free",
    "tool_values",
    "honesty",
    "corrections",
    "product",
)
HEAD = ("Gate", "What", "Measured", "Error", "Target", "Reached", "Beside")


def main(arguments: Sequence[str] | None = None) -> int:
    """Ends with 0 whatever was measured: a missed target is a figure, not a failure."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument("--only", action="append", choices=MODULES, metavar="NAME")
    asked = parser.parse_args(arguments)
    rows: list[Row] = []
    skipped: list[str] = []
    with ground():
        # Imported now, because Django must be ready.
        for name in asked.only or MODULES:
            began = time.monotonic()
            try:
                rows += import_module(f"bench.quality.{name}").measure()
            except NoData as missing:
                skipped.append(f"{name}: {missing}")
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(table(rows))
    for reason in skipped:
        print(f"\nSkipped {reason}")
    return 0


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table. A target counts as reached within one standard error."""
    lines = [HEAD, ("---",) * len(HEAD), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(row: Row) -> tuple[str, ...]:
    reached = ""
    if row.target is not None:
        reached = "yes" if row.figure + (row.error or 0) >= row.target else "**no**"
    return (
        row.gate,
        row.name,
        f"{row.figure:.1f}",
        "" if row.error is None else f"{row.error:.1f}",
        "" if row.target is None else f"{row.target:g}",
        reached,
        ", ".join(f"{name} {figure:.1f}" for name, figure in row.beside),
    )


if __name__ == "__main__":
    raise SystemExit(main())
