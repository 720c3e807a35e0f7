"""From starting a script to its first acknowledged append, beyond starting Python and Django."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

from bench.ground import SQLITE, Ground
from bench.measuring import Block, Series, interleaved
from bench.report import Figure

DATABASES = (SQLITE,)
CONTROL, FRESH, EXISTING = "Python and Django", "a fresh database", "an existing database"
MOST_SECONDS = 0.8

SCRIPT = """
import sys
import holdfast
session = holdfast.open("first", database=sys.argv[1])
done = session.append(role="user", content="Move my flight to Friday.")
print("ready" if done.durable else "not durable", flush=True)
"""
DJANGO = """
import django
from django.conf import settings
settings.configure(INSTALLED_APPS={apps!r}, USE_TZ=True)
django.setup()
print("ready", flush=True)
"""


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """Whole processes in turns; the files of all are in the system's cache."""
    from django.conf import settings

    existing = ground.address(database)
    run_script(SCRIPT, existing)
    calls: dict[str, Block] = {
        CONTROL: partial(processes, DJANGO.format(apps=list(settings.INSTALLED_APPS)), None, ""),
        FRESH: partial(processes, SCRIPT, ground, database),
        EXISTING: lambda count: [run_script(SCRIPT, existing) for _ in range(count)],
    }
    samples = interleaved(calls, rounds=2 if quick else 7, per_block=1, warm_up=1)
    control = samples[CONTROL]
    for name in (FRESH, EXISTING):
        beyond = (samples[name].p50 - control.p50) / 1000
        named = f"cold script to first append, {name}, beyond Python and Django"
        how = f"{shown(samples[name])} against {shown(control)}"
        yield Figure(named, database, beyond, "s", MOST_SECONDS, how, samples.as_json())


def shown(series: Series) -> str:
    low, high = series.percentile(0), series.percentile(1)
    return f"{series.p50 / 1000:.2f} s ({low / 1000:.2f} to {high / 1000:.2f})"


def processes(script: str, ground: Ground | None, database: str, count: int) -> list[int]:
    found = []
    for _ in range(count):
        address = ground.address(database) if ground else ""
        found.append(run_script(script, address))
    return found


def run_script(script: str, *arguments: str) -> int:
    """Nanoseconds until the process says that it is ready."""
    began = time.perf_counter_ns()
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        took = time.perf_counter_ns() - began
        process.stdout.read()
    if line != "ready\n" or process.returncode:
        raise RuntimeError(f"The script said {line!r} and ended with {process.returncode}.")
    return took
