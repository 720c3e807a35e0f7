"""What beats prove, whatever order they come in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import beats
from sessions_app.core.beats import (
    ARRIVING,
    LONGEST,
    SHORTEST_PAUSE,
    STILL,
    Beat,
    Beats,
    Progress,
    Read,
    Wanted,
)

SECONDS = st.floats(0, 200, allow_nan=False)


def beaten(*times: float) -> Beats:
    found = Beats()
    for at in times:
        found = found.asking(at).beaten(Beat(f"at {at}", at))
    return found


@given(st.lists(SECONDS, max_size=20), SECONDS, SECONDS, SECONDS)
def test_what_is_taken_has_a_beat_that_is_young_enough(
    times: list[float], of: float, later: float, max_stale: float
) -> None:
    """An answer under a token has all that was committed before its beat, so it is no older."""
    known = beaten(*sorted(times))
    now = max([of, *times]) + later
    read = Read(f"at {of}", "e", 1)
    if beats.refusal(known, read, Wanted(max_stale, "e"), now) is None:
        assert of in times
        assert now - of <= max_stale


@given(st.lists(SECONDS, min_size=1, max_size=20), st.floats(0, LONGEST, allow_nan=False))
def test_no_beat_is_forgotten_that_could_still_prove_something(
    times: list[float], max_stale: float
) -> None:
    known, now = beaten(*sorted(times)), max(times)
    for at in times:
        young = now - at <= max_stale
        assert (known.age(f"at {at}", now) <= max_stale) == young


@given(st.floats(1, LONGEST, allow_nan=False))
def test_while_reads_go_on_there_is_always_a_beat_by_which_a_replica_is_asked(
    max_stale: float,
) -> None:
    known, now = Beats(), 100.0
    for step in range(400):
        if known.due(max_stale, now):
            known = known.asking(now).beaten(Beat(str(now), now))
        if step > 40 * max_stale:
            assert known.hopeful(max_stale, now)
        now += 0.025


def test_a_beat_is_asked_for_as_often_as_it_is_needed() -> None:
    assert Beats().due(10, 0.0)
    known = beaten(100.0)
    assert not known.due(10, 104.9)
    assert known.due(10, 105.0)
    assert known.due(1, 100.0 + SHORTEST_PAUSE)
    assert not known.due(1, 100.0 + SHORTEST_PAUSE / 2)
    assert not known.asking(105.0).due(10, 105.1), "one that failed is not asked for at once"
    assert known.asking(105.0).due(10, 105.0 + SHORTEST_PAUSE)


def test_a_replica_is_asked_only_where_it_could_prove_something() -> None:
    assert not Beats().hopeful(60, 0.0)
    known = beaten(100.0)
    assert not known.hopeful(10, 100.0 + ARRIVING / 2)
    assert known.hopeful(10, 100.0 + ARRIVING * 2)
    assert known.hopeful(10, 110.0)
    assert not known.hopeful(10, 110.1)


def test_what_is_no_token_of_this_process_proves_nothing() -> None:
    known = beaten(100.0)
    for token in (None, "", "of another"):
        read = Read(token, "e", 1)
        assert beats.refusal(known, read, Wanted(60, "e"), 100.0) == beats.UNPROVED


def test_an_answer_is_of_the_present_epoch_and_of_no_version_before() -> None:
    known, wanted = beaten(100.0), Wanted(10, "now", 5)
    assert beats.refusal(known, Read("at 100.0", "then", 5), wanted, 101.0) == beats.GONE
    assert beats.refusal(known, Read("at 100.0", "now", 4), wanted, 101.0) == beats.BEHIND
    assert beats.refusal(known, Read("at 100.0", "now", 5), wanted, 101.0) is None
    assert beats.refusal(known, Read("at 100.0", "then", 9), wanted, 111.0) == beats.UNPROVED


@given(st.lists(st.floats(0, 300, allow_nan=False), min_size=1, unique=True), st.floats(0, STILL))
def test_a_replica_that_follows_never_stands_still_however_late(
    times: list[float], late: float
) -> None:
    """Looked at whenever there is a beat, and long after the last one."""
    known, progress = Beats(), Progress()
    for at in (*sorted(times), 1_000.0):
        known = known.asking(at).beaten(Beat(f"at {at}", at))
        there = [beat.token for beat in known.known if beat.at <= at - late]
        progress = progress.told(known, there[-1] if there else None)
        assert not progress.stands_still(at)


def test_a_replica_that_takes_nothing_more_stands_still_once_nobody_takes_what_it_has() -> None:
    known = beaten(100.0)
    progress = Progress().told(known, "at 100.0")
    for at in (105.0, 110.0, 140.0, 105.0 + STILL):
        known = known.asking(at).beaten(Beat(f"at {at}", at))
        progress = progress.told(known, "at 100.0")
        assert not progress.stands_still(at)
    progress = progress.told(known, "at 100.0")
    assert progress.stands_still(105.1 + STILL)
    assert not progress.told(known, "at 140.0").stands_still(140.0 + STILL)
