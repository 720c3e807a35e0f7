"""What happens, told to whoever listens: a name and a number. Nobody does by default."""

from __future__ import annotations

from collections.abc import Callable

Receiver = Callable[[str, float], None]

receivers: list[Receiver] = []
"""Each is called with every measurement where it happens, so it neither raises nor waits."""


def record(name: str, value: float = 1.0) -> None:
    """Something happened, or took so much: seconds where the name ends with `seconds`."""
    for receiver in tuple(receivers):
        receiver(name, value)
