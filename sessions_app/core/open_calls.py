"""Which tool results answer a call that is still open, told message by message.

These are the rules by which contexts find steps (`memory_app.core.steps`): what is without its call
there is so here, and a test holds the two together.
"""

from __future__ import annotations

import orjson

from sessions_app.core.entries import FORM_NAMES
from sessions_app.core.forms import FORMS


class OpenCalls:
    """The calls of the newest step that nothing answered yet; true where there are any."""

    def __init__(self) -> None:
        self._waiting: set[str] = set()
        self._answered = False

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def copy(self) -> OpenCalls:
        """One that goes its own way from here on."""
        other = OpenCalls()
        other._waiting, other._answered = self._waiting.copy(), self._answered
        return other

    def takes(self, role: str, form: int, body: str) -> bool:
        """Takes the next message, as it is stored; False for a result without its call."""
        if role == "tool":
            self._answered = True
            return self._answer(FORMS[FORM_NAMES[form]].result_ids(role, orjson.loads(body)))
        if role != "assistant" or self._answered:
            self._waiting = set()
        if role == "assistant":
            self._waiting |= set(FORMS[FORM_NAMES[form]].call_ids(role, orjson.loads(body)))
        self._answered = False
        return True

    def _answer(self, given: tuple[str, ...]) -> bool:
        results = set(given)
        if not results or len(results) != len(given) or not results <= self._waiting:
            return False
        self._waiting -= results
        return True
