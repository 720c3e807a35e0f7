"""What of the ranked turns is shown within a budget."""

from __future__ import annotations

from math import log

from hypothesis import given
from hypothesis import strategies as st

from memory_app.core.choosing import Candidate, choose


def candidates(*given_: tuple[float, int]) -> list[Candidate]:
    return [Candidate(place, score, tokens, 0) for place, (score, tokens) in enumerate(given_)]


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        place=st.integers(0, 10_000),
        score=st.floats(-5, 12),
        tokens=st.integers(1, 90),
        group=st.integers(0, 4),
    ),
    max_size=25,
    unique_by=lambda one: one.place,
)
ROOM = st.integers(0, 600)


def test_the_best_per_token_is_taken_first() -> None:
    found = choose(candidates((3.0, 50), (3.0, 10), (0.0, 10)), room=20, newest=0.0)
    assert found.places == (1, 2)


def test_what_is_too_large_is_passed_over_whole() -> None:
    found = choose(candidates((9.0, 100), (1.0, 10)), room=50, newest=0.0)
    assert found.places == (1,)
    assert found.used == 10


def test_a_near_miss_says_how_many_tokens_more_would_let_it_in() -> None:
    given_ = candidates((9.0, 100), (1.0, 10))
    (miss,) = choose(given_, room=50, newest=0.0).near_misses
    assert (miss.place, miss.tokens) == (0, 100)
    assert 0 in choose(given_, room=50 + miss.short_by, newest=0.0).places


def test_a_tenth_goes_to_the_newest() -> None:
    given_ = candidates(*[(5.0, 10)] * 50, (0.0, 10))
    assert 50 in choose(given_, room=100).places
    assert 50 not in choose(given_, room=100, newest=0.0).places


def test_a_header_is_paid_for_once_for_each_group() -> None:
    one = [Candidate(place, 1.0, 10, 0) for place in range(2)]
    two = [Candidate(place, 1.0, 10, place) for place in range(2)]
    assert choose(one, room=100, header=7).used == 27
    assert choose(two, room=100, header=7).used == 34


def test_a_list_is_taken_from_several_sessions() -> None:
    given_ = [Candidate(place, 5.0 - place / 100, 10, place // 10) for place in range(30)]
    alone = choose(given_, room=100, newest=0.0)
    listed = choose(given_, room=100, newest=0.0, listed=True)
    assert {place // 10 for place in alone.places} == {0}
    assert {place // 10 for place in listed.places} == {0, 1, 2}
    assert alone.used == listed.used == 100


@given(CANDIDATES, ROOM, st.integers(0, 12), st.booleans())
def test_the_room_is_never_exceeded_and_the_account_is_right(
    given_: list[Candidate], room: int, header: int, listed: bool
) -> None:
    found = choose(given_, room=room, header=header, listed=listed)
    chosen = [one for one in given_ if one.place in found.places]
    groups = {one.group for one in chosen}
    assert found.used == sum(one.tokens for one in chosen) + header * len(groups)
    assert found.used <= room
    assert list(found.places) == sorted(found.places)


@given(CANDIDATES, ROOM, st.integers(0, 12), st.booleans())
def test_nothing_that_fits_is_left_out(
    given_: list[Candidate], room: int, header: int, listed: bool
) -> None:
    found = choose(given_, room=room, header=header, listed=listed)
    groups = {one.group for one in given_ if one.place in found.places}
    left = room - found.used
    for one in given_:
        if one.place not in found.places:
            assert one.tokens + (0 if one.group in groups else header) > left


@given(CANDIDATES, ROOM, st.integers(0, 12), st.booleans())
def test_a_near_miss_gets_in_with_as_much_more_as_it_says(
    given_: list[Candidate], room: int, header: int, listed: bool
) -> None:
    for miss in choose(given_, room=room, header=header, listed=listed).near_misses:
        more = choose(given_, room=room + miss.short_by, header=header, listed=listed)
        assert miss.place in more.places


@given(CANDIDATES, ROOM)
def test_the_order_of_what_is_given_does_not_matter(given_: list[Candidate], room: int) -> None:
    assert choose(given_, room=room) == choose(given_[::-1], room=room)


def filled_plainly(those: list[Candidate], room: int, header: int) -> set[int]:
    """What fits, the best per token first, without any short cut."""
    left, taken, groups = room, set[int](), set[object]()
    for one in sorted(those, key=lambda one: (log(max(1, one.tokens)) - one.score, -one.place)):
        cost = one.tokens + (0 if one.group in groups else header)
        if cost <= left:
            left -= cost
            taken.add(one.place)
            groups.add(one.group)
    return taken


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 60), st.integers(0, 3)), max_size=30),
    st.integers(0, 600),
    st.integers(0, 20),
)
def test_the_short_cut_of_a_fill_changes_nothing(
    units: list[tuple[int, int, int]], room: int, header: int
) -> None:
    those = [Candidate(at, float(s), t, g) for at, (s, t, g) in enumerate(units)]
    found = choose(those, room=room, header=header, newest=0.0)
    assert set(found.places) == filled_plainly(those, room, header)
    for miss in found.near_misses:
        assert miss.place not in found.places
        assert miss.place in filled_plainly(those, room + miss.short_by, header)
