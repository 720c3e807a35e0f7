import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import ids
from sessions_app.core.errors import InvalidField
from sessions_app.ids import new_id

FULL = b"\xff" * 8
SESSION = "0190f3c8e1b27c3d9a4b5c6d7e8f9012"

moments = st.integers(0, 4_102_444_800_000_000)


def test_the_example_of_the_rfc_is_met() -> None:
    # RFC 9562, appendix A.6: 2022-02-22T19:22:22Z; its 12 bits after the time are random.
    made = ids.uuid7(1_645_557_742_000_000, bytes.fromhex("18c4dc0c0c07398f"))
    assert str(made) == "017f22e2-79b0-7000-98c4-dc0c0c07398f"


@given(moments, st.binary(min_size=8, max_size=16))
def test_version_variant_and_time_stand_where_they_belong(us: int, random: bytes) -> None:
    made = ids.uuid7(us, random)
    assert made.version == 7
    assert made.variant == RFC_4122
    assert made.int >> 80 == us // 1000


@given(moments, st.integers(1, 10**9), st.binary(min_size=8, max_size=8))
def test_a_later_microsecond_sorts_later(us: int, later: int, random: bytes) -> None:
    assert ids.uuid7(us, FULL) < ids.uuid7(us + later, random)


@pytest.mark.parametrize(("us", "random"), [(-1, FULL), (0, b"1234567")])
def test_a_time_before_1970_or_too_little_chance_is_an_error(us: int, random: bytes) -> None:
    with pytest.raises(ValueError, match="uuid7"):
        ids.uuid7(us, random)


def test_new_ids_are_unique_and_in_order() -> None:
    made = [new_id() for _ in range(5_000)]
    assert made == sorted(set(made))


def test_new_ids_stay_in_order_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    made = [before, *(new_id() for _ in range(100))]
    assert made == sorted(set(made))


def test_new_ids_of_many_threads_are_unique() -> None:
    def some(_: int) -> list[UUID]:
        return [new_id() for _ in range(500)]

    with ThreadPoolExecutor(8) as threads:
        batches = list(threads.map(some, range(8)))
    assert all(batch == sorted(batch) for batch in batches)
    assert len(set().union(*batches)) == 4_000


@given(st.integers(1, 10**18 - 1))
def test_a_message_id_is_read_back(seq: int) -> None:
    text = ids.message_id(SESSION, seq)
    assert text == f"msg_{SESSION}_{seq}"
    assert ids.read_message_id(text) == (SESSION, seq)


@pytest.mark.parametrize(
    "text",
    [
        "",
        SESSION,
        f"msg_{SESSION}",
        f"msg_{SESSION}_",
        f"msg_{SESSION}_0",
        f"msg_{SESSION}_01",
        f"msg_{SESSION}_-1",
        f"msg_{SESSION}_1\n",
        f"msg_{SESSION}_٣",
        f"msg_{SESSION.upper()}_1",
        f"msg_{SESSION[:-1]}_1",
        f"msg_{SESSION}_{'9' * 5000}",
        f"MSG_{SESSION}_1",
    ],
    ids=lambda text: repr(text)[:44],
)
def test_what_is_not_a_message_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        ids.read_message_id(text)
