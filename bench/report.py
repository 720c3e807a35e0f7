"""Figures, and the table and the JSON they are shown in."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.measuring import Samples

# A ratio whose blocks spread by more than this says little, reached or not.
UNSTEADY = 3.0
HEAD = ("What", "Database", "Measured", "Target", "Reached", "How")


class Skipped(Exception):
    """This cannot be measured here; the text says why."""


@dataclass(frozen=True)
class Figure:
    """One measured number. `target` is the most it may be; None: shown for comparison only."""

    what: str
    database: str
    value: float
    unit: str = "x"
    target: float | None = None
    how: str = ""
    samples: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reached(self) -> bool | None:
        return None if self.target is None else self.value <= self.target

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "reached": self.reached}

    def cells(self) -> tuple[str, ...]:
        target = "" if self.target is None else f"<= {with_unit(f'{self.target:g}', self.unit)}"
        reached = {None: "", True: "yes", False: "**no**"}[self.reached]
        shown = with_unit(digits(self.value), self.unit)
        return self.what, self.database, shown, target, reached, self.how


def digits(value: float) -> str:
    """A number, no more of it than it deserves."""
    if value >= 100 or value == 0:
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def with_unit(number: str, unit: str) -> str:
    return f"{number}{unit}" if unit == "x" else f"{number} {unit}"


def compared(
    what: str, database: str, samples: Samples, names: tuple[str, str], target: float | None = None
) -> Figure:
    """The ratio of the medians of two series: the subject's and its control's."""
    subject, control = samples[names[0]], samples[names[1]]
    low, high = subject.over(control)
    how = f"p50 {subject.p50:.3f} ms against {control.p50:.3f} ms of {names[1]}"
    how += f"; block by block {low:.2f}x to {high:.2f}x"
    if high > UNSTEADY * low:
        how += "; **the machine was too busy, measure again**"
    ratio = subject.p50 / control.p50
    return Figure(what, database, ratio, target=target, how=how, samples=samples.as_json())


def compared_p99(
    what: str, database: str, samples: Samples, names: tuple[str, str], target: float | None = None
) -> Figure:
    """The ratio of the 99th percentiles of two series."""
    subject, control = samples[names[0]], samples[names[1]]
    how = f"p99 {subject.p99:.3f} ms against {control.p99:.3f} ms of {names[1]}"
    return Figure(what, database, subject.p99 / control.p99, target=target, how=how)


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [HEAD, tuple("---" for _ in HEAD), *(figure.cells() for figure in figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def surroundings(folder: Path) -> dict[str, Any]:
    """What the numbers depend on besides the code."""
    import django

    return {
        "python": platform.python_version(),
        "django": django.get_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "file_system": file_system(folder),
    }


def file_system(folder: Path) -> str:
    """The type of the file system that holds `folder`; on tmpfs an fsync costs nothing."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    holding = [mount for mount in mounts if folder.is_relative_to(mount[1])]
    return max(holding, key=lambda mount: len(mount[1]))[2]


def as_json(
    around: Mapping[str, Any], figures: Iterable[Figure], skipped: Mapping[str, str]
) -> dict[str, Any]:
    """The whole run."""
    shown = [figure.as_json() for figure in figures]
    return {"surroundings": dict(around), "figures": shown, "skipped": dict(skipped)}
