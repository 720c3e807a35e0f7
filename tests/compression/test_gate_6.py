"""Gate 6: what is called summarised or extracted stands in the summary or the facts it names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compression import engines, honesty
from tests.compression.conftest import Desk
from tests.compression.engines import Engine
from tests.memory.histories import assistant, calls, result, user

NAMES = ("Ana", "Bernd", "Chiara", "Duarte", "Elif", "Farid", "Greta")
TOWNS = ("Lisbon", "Graz", "Turin", "Porto", "Izmir", "Cairo", "Bergen")


def talk(n: int) -> list[dict[str, Any]]:
    """A turn about something of its own, with a tool that answers now and then."""
    name, town = NAMES[n % 7], TOWNS[n * 3 % 7]
    asked = user(
        f"Book {name} a room in {town} from May {n % 27 + 1}, at most {n * 7 + 40} euros. "
        f"Do not take the hotel at https://example.com/h/{n}, the last stay was awful."
    )
    if n % 3:
        return [asked, assistant(f"I will book {town} for {name} and confirm by {n % 12 + 1} pm.")]
    found = f'{{"booking": "BK-{n}04", "guest": "{name}", "price": {n * 7 + 31}.5}}'
    return [
        asked,
        *calls("openai", [f"c{n}"]),
        result("openai", f"c{n}", found),
        assistant(f"Booked: BK-{n}04 in {town}. Thanks for waiting!"),
    ]


@pytest.mark.parametrize("strategy", ["rolling_summary", "key_facts", "selective"])
@pytest.mark.parametrize("engine", [engines.honest, engines.lies, engines.half])
def test_i05_every_fate_is_honest_at_every_compression(
    desk: Desk, strategy: str, engine: Any
) -> None:
    name = desk.policy("small", window=1_500, reserve=0, turns=3, strategy=strategy)
    session = desk.session(system="You book rooms.", policy=name)
    for n in range(60):
        desk.say(session, talk(n))
        while desk.pipeline(Engine(engine)).work():
            pass
    assert desk.now(session).compressions >= 4
    assert honesty.check(desk, session) > 100
