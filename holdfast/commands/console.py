"""What a command writes: results to stdout, notes and progress to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

OnProgress = Callable[[int, int], None]


# What a terminal would obey rather than show: names in files of others may hold it.
_ORDERS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {*b"\t\n"}, "\ufffd")


def say(text: str) -> None:
    """A line of the result; it is there before anything else happens."""
    _out(text.translate(_ORDERS))


def say_json(value: Any) -> None:
    """The result for a script, one JSON value on one line."""
    _out(json.dumps(value, ensure_ascii=False, default=str))


def _out(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A line beside the result."""
    sys.stderr.write(f"{text.translate(_ORDERS)}\n")
    sys.stderr.flush()


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings: ruled in a terminal, else with tabs and nothing around them."""
    if not sys.stdout.isatty():
        for row in (headings, *rows):
            say("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(*headings)
    for row in rows:
        # As text: a label in square brackets is no markup.
        shown.add_row(*(Text(cell.translate(_ORDERS)) for cell in row))
    Console().print(shown)


@contextmanager
def progress(label: str) -> Iterator[OnProgress]:
    """A bar on stderr while that is a terminal; called with what is done and the total."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)
