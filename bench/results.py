"""The results of a run, kept in a file that later runs of single subjects bring up to date.

python -m bench.results figures.json        # the table of all that is in such a file
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.report import Figure, Skipped, table


@dataclass
class Results:
    """What was measured: figures in their order, and why there are none."""

    figures: list[Figure] = field(default_factory=list)
    surroundings: dict[str, dict[str, Any]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Results:
        """What an earlier run left in the file, nothing where there is none."""
        if not file.exists():
            return cls()
        found = json.loads(file.read_text())
        figures = [Figure.of_json(figure) for figure in found["figures"]]
        return cls(figures, found["surroundings"], found["skipped"])

    def take(
        self, name: str, database: str, found: Iterator[Figure], around: Mapping[str, Any]
    ) -> None:
        """The figures of a subject on a database, one by one: those before an error are kept. Of
        errors only Skipped does not come through."""
        key = f"{name} on {database}"
        self.surroundings[key] = {**around, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        try:
            for figure in found:
                self.figures.append(replace(figure, subject=name))
        except Skipped as skip:
            self.skipped[key] = str(skip)

    def renewed(self, newer: Results) -> Results:
        """These, with what was measured anew in the place of the old."""
        again = newer.surroundings
        stay = [one for one in self.figures if f"{one.subject} on {one.database}" not in again]
        skipped = {key: reason for key, reason in self.skipped.items() if key not in again}
        return Results([*stay, *newer.figures], self.surroundings | again, skipped | newer.skipped)

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(self.as_json(), indent=1) + "\n")

    def as_json(self) -> dict[str, Any]:
        shown = [figure.as_json() for figure in self.figures]
        return {"surroundings": self.surroundings, "figures": shown, "skipped": self.skipped}

    def text(self) -> str:
        """The table, below it what is missing and why."""
        around = next(iter(self.surroundings.values()), {})
        lines = [", ".join(f"{name} {value}" for name, value in around.items()), ""]
        lines += [table(self.figures)]
        lines += [f"\nSkipped: {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)


if __name__ == "__main__":
    print(Results.read(Path(sys.argv[1])).text())
