"""`python -m tests.faults`: the runs of the suite for as long as wanted, each with the next seed,
and what the checker finds; `--replay` judges a history that was saved.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults import running
from tests.faults.checking import violations
from tests.faults.history import History, load, save
from tests.faults.nemeses import plan
from tests.faults.system import POSTGRES, SQLITE

SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when no promise was broken, else 1."""
    asked = options().parse_args(arguments)
    if asked.replay:
        return judged(load(asked.replay))
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="holdfast-faults-"))
    print(f"Histories, databases and logs of the servers are in {folder}")
    databases = (SQLITE, POSTGRES) if asked.database == "both" else (asked.database,)
    end, seed, worst = time.monotonic() + 60 * asked.minutes, asked.seed, 0
    while True:
        for database in databases:
            worst |= one(seed, database, folder / f"{database}-{seed}")
        seed += 1
        if time.monotonic() >= end:
            return worst


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no run after so many")
    parser.add_argument("--seed", type=int, default=1, help="of the first run (default: 1)")
    parser.add_argument("--database", choices=(SQLITE, POSTGRES, "both"), default=SQLITE)
    parser.add_argument("--folder", type=Path, help="where to keep what a run leaves")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="a saved history, no run")
    return parser


def one(seed: int, database: str, folder: Path) -> int:
    """One run, told as it goes."""
    print(f"\n{database}, seed {seed}")
    folder.mkdir(parents=True)
    history = running.run(running.Plan(seed, database, plan(seed, database)), folder, tell)
    save(history, folder / "history.jsonl")
    return judged(history)


def judged(history: History) -> int:
    """Prints what happened, and what should not have."""
    counted = sorted(running.coverage(history).items())
    print(", ".join(f"{name} {count}" for name, count in counted if count))
    found = violations(history)
    for text in found[:SHOWN]:
        print(text)
    print(f"{len(history.attempts)} calls, {len(found)} violations")
    return 1 if found else 0


def tell(text: str) -> None:
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
