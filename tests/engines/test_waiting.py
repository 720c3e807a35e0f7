"""How long is waited before an endpoint is asked again, and what its refusals mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_app.openai_calls import pause, refusal, retry_after

NOON = 1_445_412_480.0  # Wed, 21 Oct 2015 07:28:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("3", 3.0),
        ("1.5", 1.5),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:00:00 GMT", 0.0),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("\u0663", 3.0),
        ("Wed, 99 Oct 2015 07:28:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms_or_not_at_all(
    value: str | None, seconds: float | None
) -> None:
    assert retry_after(value, NOON) == seconds


@given(st.text())
def test_no_retry_after_breaks_the_reader(value: str) -> None:
    found = retry_after(value, NOON)
    assert found is None or found >= 0


@given(attempt=st.integers(1, 4), chance=st.floats(0, 1))
def test_waits_double_and_differ(attempt: int, chance: float) -> None:
    step = 0.5 * 2 ** (attempt - 1)
    assert step / 2 <= pause(attempt, None, 0.5, chance) <= step
    assert pause(attempt, None, 0.5, 0.1) != pause(attempt, None, 0.5, 0.9)


@given(after=st.floats(0, 60), chance=st.floats(0, 1))
def test_nobody_comes_back_before_the_time_asked_for(after: float, chance: float) -> None:
    assert after <= pause(1, after, 0.5, chance) <= after + 0.5


@pytest.mark.parametrize(
    ("status", "reason", "retryable"),
    [
        (300, "refused_redirect", False),
        (308, "refused_redirect", False),
        (400, "rejected", False),
        (401, "rejected", False),
        (403, "rejected", False),
        (408, "timeout", True),
        (409, "server_error", True),
        (413, "rejected", False),
        (425, "server_error", True),
        (429, "rate_limited", True),
        (500, "server_error", True),
        (529, "server_error", True),
    ],
)
def test_each_status_has_its_reason(status: int, reason: str, retryable: bool) -> None:
    failed = refusal(status, {})
    assert (failed.reason, failed.retryable) == (reason, retryable)
