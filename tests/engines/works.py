"""Work for engines."""

from __future__ import annotations

from typing import Any

from memory_app.core.passages import Passage, Point
from memory_app.core.work import Work

SAID = (
    Passage(4, "user", "My order 8812 never came. Please refund the $900 to my card."),
    Passage(5, "assistant", "I am sorry! I refund $900 for order 8812 today."),
    Passage(6, "user", "Thanks. And write to Nadia Brandt, not to me."),
)
BEFORE = (Point("The customer lives in Lisbon.", (2,), 0.4),)
GOOD = (
    ("The customer lives in Lisbon.", [2]),
    ("Order 8812 never came; the assistant refunds $900 today.", [4, 5]),
    ("Letters go to Nadia Brandt.", [6]),
)


def work(**changes: Any) -> Work:
    """Three messages after a summary of one point."""
    fields: dict[str, Any] = {
        "previous": BEFORE,
        "passages": SAID,
        "scores": {4: 0.9, 5: 0.7, 6: 0.5},
        "size": 200,
    }
    return Work(**(fields | changes))
