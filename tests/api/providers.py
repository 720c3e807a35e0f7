"""Context providers of a host, good and bad."""

from __future__ import annotations

from threading import Event
from typing import Any, ClassVar

from memory_app.providing import Asked


class Clock:
    """Says what it is told to, and remembers what it was asked."""

    name, tokens, deadline_ms = "clock", 60, 5_000
    says: ClassVar[Any] = "It is Friday, 17:05, in Lisbon."
    asked: ClassVar[list[Asked]] = []

    def __call__(self, asked: Asked) -> Any:
        self.asked.append(asked)
        return self.says


class Failing(Clock):
    name = "failing"

    def __call__(self, asked: Asked) -> Any:
        raise OSError("the calendar is down")


class Leaving(Clock):
    name = "leaving"

    def __call__(self, asked: Asked) -> Any:
        raise SystemExit(3)


class Hanging(Clock):
    """Hangs until `go` is set; `ended` counts those who came back."""

    name, deadline_ms = "hanging", 1
    go = Event()

    def __call__(self, asked: Asked) -> Any:
        self.go.wait(30)
        return "too late"


class Account(Clock):
    name, tokens = "account", 100

    def __call__(self, asked: Asked) -> Any:
        return f"The plan of {asked.user} is gold."


class Misnamed(Clock):
    name = "facts"


class Shouting(Clock):
    name = "Clock!"


class Free(Clock):
    name, tokens = "free", 0


class Patient(Clock):
    name, deadline_ms = "patient", 60_000


class Needy(Clock):
    name = "needy"

    def __init__(self, more: str) -> None:
        raise AssertionError(more)


class Broken(Clock):
    name = "broken"

    def __init__(self) -> None:
        raise ValueError("no configuration")
