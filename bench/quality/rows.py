"""A row of the quality table, and where the conversations lie that it is measured on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import orjson

DATA = "QUALITY_DATA"
"""The variable that names the folder of conversations; none of them is part of the project."""


class Row(NamedTuple):
    """One figure in per cent; `error` is its standard error over conversations, `target` what it
    must reach, `beside` other ways on the same data by name."""

    gate: str
    name: str
    figure: float
    error: float | None = None
    target: float | None = None
    beside: tuple[tuple[str, float], ...] = ()


class NoData(Exception):
    """The conversations that a gate is measured on are not here."""


def load(name: str) -> Any:
    """The parsed JSON of a file of conversations. Raises NoData."""
    path = folder() / name
    if not path.is_file():
        raise NoData(f"{name} is not in {folder()}; set {DATA} to the folder that has it.")
    return orjson.loads(path.read_bytes())


def folder() -> Path:
    """Where the conversations lie: DATA, else `shared/data` beside the project."""
    return Path(os.environ.get(DATA) or Path(__file__).parents[3] / "shared" / "data")
