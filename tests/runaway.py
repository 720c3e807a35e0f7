"""A guard against work that grows faster than what it is given.

Speed is measured by the benches, next to a control in the same run; a test asks only whether the
work ends. The texts these tests use are so long that a scan of quadratic cost takes many minutes,
so that a machine which is ten times as slow as the usual one changes nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 60.0


@contextmanager
def ends() -> Iterator[None]:
    """Fails when what stands inside took more than `MOST` seconds of the processor."""
    began = time.process_time()
    yield
    assert time.process_time() - began < MOST, "this grows faster than what it is given"
