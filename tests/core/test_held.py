"""What a process holds of answers: within its room, and only for who comes with the same stamp."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core.held import ITSELF, Held, Name, Stamp

NAMES = st.builds(Name, st.sampled_from(("a", "b")), st.integers(0, 5))
STAMPS = st.builds(Stamp, st.sampled_from(("first", "second")), st.integers(0, 2))
ANSWERS = st.binary(max_size=40)
ROOM = 8 * (10 + ITSELF)
"""For eight answers of ten octets, of which none may be longer."""


@given(st.lists(st.tuples(NAMES, STAMPS, ANSWERS | st.none())), st.integers(0, 10_000))
def test_nothing_is_given_but_what_was_put_last_under_the_name_and_stamp(
    calls: list[tuple[Name, Stamp, bytes | None]], most: int
) -> None:
    held, put = Held[bytes](most), dict[Name, tuple[Stamp, bytes]]()
    for name, stamp, answer in calls:
        if answer is None:
            found = held.get(name, stamp)
            assert found is None or put[name] == (stamp, found)
        else:
            held.put(name, stamp, answer, len(answer))
            put[name] = (stamp, answer)
        assert 0 <= held.octets <= most


def test_the_one_used_longest_ago_makes_room() -> None:
    held, stamp = Held[bytes](ROOM), Stamp("", 1)
    names = [Name("a", number) for number in range(9)]
    for name in names[:8]:
        held.put(name, stamp, b"x" * 10, 10)
    assert held.get(names[0], stamp) is not None
    held.put(names[8], stamp, b"x" * 10, 10)
    assert names[0] in held
    assert names[1] not in held
    assert held.octets == ROOM


def test_things_of_no_size_of_their_own_have_an_end_too() -> None:
    held, stamp = Held[bytes](ROOM), Stamp("", 1)
    for number in range(1_000):
        held.put(Name("a", number), stamp, b"", 0)
    assert held.octets <= ROOM
    assert Name("a", 0) not in held


def test_one_that_is_too_large_is_not_held() -> None:
    held, stamp = Held[bytes](ROOM), Stamp("", 1)
    held.put(Name("a", 1), stamp, b"x" * 11, 11)
    assert held.octets == 0


def test_another_epoch_ends_all_of_its_database_and_nothing_else() -> None:
    held = Held[bytes](8 * ROOM)
    for database in ("a", "b"):
        for number in range(3):
            held.put(Name(database, number), Stamp("first", 1), b"x", 1)
    assert held.get(Name("a", 0), Stamp("second", 1)) is None
    assert held.octets == 3 * (1 + ITSELF)
    assert held.get(Name("b", 0), Stamp("first", 1)) == b"x"
    held.clear()
    assert held.octets == 0
