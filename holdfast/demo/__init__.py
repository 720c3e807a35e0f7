"""Sample sessions for a first look: one of each kind that the pages have to cope with."""

from __future__ import annotations

from holdfast.demo import coding_agent, household, loading, offsite, sleeper, support
from holdfast.demo.sample import Sample
from sessions_app.store.durable import DurableStore

__all__ = ["load", "samples"]


def samples() -> tuple[Sample, ...]:
    """The samples, the same each time."""
    first = (support.build(), sleeper.build())
    return (*first, coding_agent.build(), offsite.build(), household.build())


def load(store: DurableStore, project: int, now: int) -> list[str]:
    """Stores the samples a project lacks and returns their keys. `now` in microseconds."""
    return loading.load(store, project, samples(), now)
