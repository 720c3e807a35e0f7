"""On how many examples a property is tried: on all in a whole run, on a quarter in a quick one."""

from __future__ import annotations

from hypothesis import settings

WHOLE, QUICK = "whole", "quick"

# The same examples each run.
settings.register_profile(WHOLE, derandomize=True, deadline=None, database=None)
settings.register_profile(QUICK, settings.get_profile(WHOLE), max_examples=25)


def examples(whole: int) -> int:
    """As many of `whole` as this run tries; pytest loads its profile before it imports tests."""
    return max(5, whole // 4) if settings.get_current_profile_name() == QUICK else whole
