"""Figures, and the table and the JSON they are shown in."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from bench.measuring import Samples

# A ratio whose blocks spread by more than this says little, reached or not.
UNSTEADY = 3.0
HEAD = ("What", "Database", "p50", "p99", "Target", "Reached", "How")


class Skipped(Exception):
    """This cannot be measured here; the text says why."""


class Point(NamedTuple):
    """A point of a chart: `line` names what it belongs to there, `y` is in the chart's unit."""

    chart: str
    line: str
    x: float
    y: float


@dataclass(frozen=True)
class Figure:
    """One measured number: a median, a rate or a size, and the same at the 99th percentile where
    it has one. `target` and `target_p99` are the most they may be (the least, with `at_least`);
    None: shown for comparison only. `points` are for the charts, `subject` is what found it."""

    what: str
    database: str
    value: float
    unit: str = "x"
    target: float | None = None
    how: str = ""
    samples: Mapping[str, Any] = field(default_factory=dict)
    p99: float | None = None
    target_p99: float | None = None
    at_least: bool = False
    points: tuple[Point, ...] = ()
    subject: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether every target it has is reached."""
        pairs = ((self.value, self.target), (self.p99, self.target_p99))
        met = [
            value >= most if self.at_least else value <= most
            for value, most in pairs
            if value is not None and most is not None
        ]
        return all(met) if met else None

    def as_json(self) -> dict[str, Any]:
        points = [point._asdict() for point in self.points]
        return {**asdict(self), "points": points, "reached": self.reached}

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Figure:
        """What `as_json` made."""
        known = {name: value for name, value in found.items() if name != "reached"}
        return cls(**known | {"points": tuple(Point(**point) for point in found["points"])})

    def cells(self) -> tuple[str, ...]:
        reached = {None: "", True: "yes", False: "**no**"}[self.reached]
        shown = (self._shown(self.value), self._shown(self.p99))
        return self.what, self.database, *shown, self._targets(), reached, self.how

    def _shown(self, value: float | None) -> str:
        return "" if value is None else with_unit(digits(value), self.unit)

    def _targets(self) -> str:
        sign = ">=" if self.at_least else "<="
        named = (("", self.target), ("p99 ", self.target_p99))
        told = [
            f"{name}{sign} {with_unit(f'{most:g}', self.unit)}"
            for name, most in named
            if most is not None
        ]
        return ", ".join(told)


def digits(value: float) -> str:
    """A number, no more of it than it deserves."""
    if value >= 100 or value == 0:
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def with_unit(number: str, unit: str) -> str:
    return f"{number}{unit}" if unit == "x" else f"{number} {unit}"


def compared(
    what: str,
    database: str,
    samples: Samples,
    names: tuple[str, str],
    target: float | None = None,
    *,
    p99: float | None = None,
) -> Figure:
    """The ratio of two series, the subject's and its control's: of their medians, and of their
    99th percentiles."""
    subject, control = samples[names[0]], samples[names[1]]
    low, high = subject.over(control)
    how = f"{subject.p50:.3f} ms against {control.p50:.3f} ms of {names[1]}"
    how += f", p99 {subject.p99:.3f} against {control.p99:.3f}"
    how += f"; block by block {low:.2f}x to {high:.2f}x"
    if high > UNSTEADY * low:
        how += "; **the machine was too busy, measure again**"
    ratios = (subject.p50 / control.p50, subject.p99 / control.p99)
    taken = samples.as_json()
    figure = Figure(what, database, ratios[0], target=target, how=how, samples=taken)
    return replace(figure, p99=ratios[1], target_p99=p99)


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
