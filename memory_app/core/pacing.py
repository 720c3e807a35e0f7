"""Lets long reckoning make way: the loops over messages call `step`, which does nothing unless the
thread said otherwise.

A thread that computes holds Python's lock for milliseconds at a time, and whoever answers a request
in the same process needs it again after every statement. So a worker beside requests rests now and
then; what rests, and when, is its own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import local

_thread = local()


@contextmanager
def paced(rest: Callable[[], None]) -> Iterator[None]:
    """Within the block this thread calls `rest` at every step; it may sleep."""
    _thread.rest = rest
    try:
        yield
    finally:
        _thread.rest = None


def step() -> None:
    """A message was dealt with."""
    rest = getattr(_thread, "rest", None)
    if rest is not None:
        rest()
