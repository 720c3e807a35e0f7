"""Histories with something to lose: each message holds a number that no other one does."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.memory.histories import assistant, calls, note, result, user

Payload = dict[str, Any]

SAID = (
    "I moved to flat {n} in Lisbon last week.",
    "Please never send parcels to door {n}.",
    "Correction: the invoice is number {n}, not the other one.",
    "My budget for the trip is {n} euros and I prefer the aisle seat.",
    "Thanks, that is all! ({n})",
    "What would you do with {n} apples?",
    "Der Vertrag {n} darf nicht vor dem 3. Mai enden.",
    "予算は{n}円です。窓側は要りません。",
    "ok {n}",
)
ANSWERED = (
    "I will call you back about case {n} on Friday.",
    "Done: booking {n} is confirmed.",
    "There are many ways to see it. Item {n} is one of them, and there are others.",
    "You are welcome! ({n})",
)
FOUND = (
    '{{"id": "ord-{n}", "status": "open", "total": 12.5}}',
    "no rows for {n}",
    "[]",
)


def texts(kind: tuple[str, ...], n: int) -> st.SearchStrategy[str]:
    """One of these texts with the number in it, at one of several lengths."""
    return st.tuples(st.sampled_from(kind), st.sampled_from([0, 0, 0, 20, 120])).map(
        lambda drawn: " ".join([drawn[0].format(n=f"{n}7"), *map(WORD.format, range(drawn[1]))])
    )


WORD = "w{}"


def exchange(n: int) -> st.SearchStrategy[list[Payload]]:
    """A few messages that may stand together, whole or broken; `n` tells them from all others."""
    form = st.sampled_from(["openai", "anthropic", "responses"])
    asked, told = texts(SAID, n).map(user), texts(ANSWERED, n).map(assistant)
    step = st.tuples(
        form, st.sampled_from(["", f"Looking up {n}."]), texts(FOUND, n), st.integers(0, 4)
    ).map(lambda drawn: _step(n, *drawn))
    return st.one_of(
        st.tuples(asked, told).map(list),
        st.tuples(asked).map(list),
        st.tuples(asked, step).map(lambda pair: [pair[0], *pair[1]]),
        step,
        st.tuples(form, texts(FOUND, n)).map(lambda drawn: _both(n, *drawn)),
        st.tuples(told).map(list),
        texts(SAID, n).map(lambda text: [note(text)]),
        st.tuples(form, texts(FOUND, n)).map(lambda drawn: [result(drawn[0], "stray", drawn[1])]),
    )


def _step(n: int, form: str, said: str, found: str, answered: int) -> list[Payload]:
    """A call and, mostly, its result."""
    made = calls(form, [f"c{n}"], said)
    return [*made, result(form, f"c{n}", found)] if answered else made


def _both(n: int, form: str, found: str) -> list[Payload]:
    """Two calls at once, answered the other way round."""
    made = calls(form, [f"a{n}", f"b{n}"])
    return [*made, result(form, f"b{n}", found), result(form, f"a{n}", "none")]
