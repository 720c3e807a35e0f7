"""Charts of a run as small SVG files that can be read on light and on dark pages.

python -m bench.plots figures.json docs/images      # one file a chart, named after it
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from pathlib import Path
from typing import NamedTuple

from bench.report import Figure, Point
from bench.results import Results

Lines = Mapping[str, Sequence[tuple[float, float]]]
"""The points of each line, by x."""

WIDTH, HEIGHT = 800, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 300, 48, 40
LABEL = 15
"""The least distance of two labels, in pixels."""
COLOURS = ("#2f8f6b", "#c2662d", "#5b7fd1", "#b0569a", "#8a8f2a", "#7d6bc7", "#4a9aa8", "#a65a5a")
"""Dark enough for white and light enough for black."""
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #333; }
    .title { font-weight: 600; }
    .grid { stroke: #8888; stroke-width: 0.5; }
    @media (prefers-color-scheme: dark) { text { fill: #ddd; } }
"""


class Scale(NamedTuple):
    """A logarithmic scale: the exponents of ten at both ends, and where these are in pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (log10(value) - self.low) / ((self.high - self.low) or 1)
        return self.start + share * (self.end - self.start)


def charts(figures: Iterable[Figure]) -> dict[str, Lines]:
    """The lines of each chart that figures have points for, in their order."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    points: Iterable[Point] = (point for figure in figures for point in figure.points)
    for point in points:
        found[point.chart][point.line].append((point.x, point.y))
    return {
        chart: {name: sorted(line) for name, line in lines.items()}
        for chart, lines in found.items()
    }


def file_name(chart: str) -> str:
    return f"bench-{re.sub('[^a-z0-9]+', '-', chart.lower()).strip('-')}.svg"


def svg(chart: str, lines: Lines) -> str:
    """One chart, both scales logarithmic; each line has its name at its end."""
    across = [x for line in lines.values() for x, _ in line]
    up = [y for line in lines.values() for _, y in line]
    horizontal = Scale(log10(min(across)), log10(max(across)), LEFT, WIDTH - RIGHT)
    vertical = Scale(floor(log10(min(up))), ceil(log10(max(up))), HEIGHT - BOTTOM, TOP)
    drawn = [
        f'<text class="title" x="{LEFT}" y="24">{escape(chart)}</text>',
        *_grid(vertical),
        *_marks(sorted(set(across)), horizontal),
        *_lines(lines, horizontal, vertical),
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(chart)}">'
    )
    return "\n".join([head, f"<style>{STYLE}</style>", *drawn, "</svg>", ""])


def _grid(scale: Scale) -> list[str]:
    """A line for each power of ten."""
    drawn = []
    for exponent in range(int(scale.low), int(scale.high) + 1):
        y = scale.at(10.0**exponent)
        drawn.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        shown = f"{10.0**exponent:,g}"
        drawn.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{shown}</text>')
    return drawn


def _marks(values: Sequence[float], scale: Scale) -> list[str]:
    return [
        f'<text x="{scale.at(x):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">'
        f"{x:,.10g}</text>"
        for x in values
    ]


def _lines(lines: Lines, horizontal: Scale, vertical: Scale) -> list[str]:
    drawn = []
    ends = {name: vertical.at(line[-1][1]) for name, line in lines.items()}
    labels = spread(ends)
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [(horizontal.at(x), vertical.at(y)) for x, y in line]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        drawn.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        style = f'style="fill:{colour}"'
        at = f'x="{WIDTH - RIGHT + 10}" y="{labels[name] + 4:.1f}"'
        drawn.append(f"<text {at} {style}>{escape(name)}</text>")
    return drawn


def spread(ends: Mapping[str, float]) -> dict[str, float]:
    """Where labels go that want to be at `ends`, none nearer than LABEL to the next."""
    found: dict[str, float] = {}
    last = float(TOP - LABEL)
    for name, wanted in sorted(ends.items(), key=lambda item: item[1]):
        last = max(wanted, last + LABEL)
        found[name] = last
    beyond = max(0.0, last - (HEIGHT - BOTTOM))
    return {name: at - beyond for name, at in found.items()}


def main(results: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for chart, lines in charts(Results.read(results).figures).items():
        file = folder / file_name(chart)
        file.write_text(svg(chart, lines))
        print(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
