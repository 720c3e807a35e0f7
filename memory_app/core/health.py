"""What a look at the installation finds. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple


class Check(NamedTuple):
    """One line: what was looked at, what was found, and what to do about it (None: nothing)."""

    name: str
    found: str
    advice: str | None = None
    unusable: bool = False

    def as_json(self) -> dict[str, Any]:
        """The check as the command and the page tell it."""
        return {
            "name": self.name,
            "found": self.found,
            "ok": self.advice is None,
            "advice": self.advice,
        }
