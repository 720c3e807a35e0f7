"""How a command ends: its exit code, and the one line that says what to do."""

from __future__ import annotations

from typing import Final

OK: Final = 0
PROBLEMS: Final = 1
USAGE: Final = 2
UNUSABLE: Final = 3
INCOMPLETE: Final = 4
INTERRUPTED: Final = 130
CLOSED_PIPE: Final = 141

MEANINGS: Final = (
    (OK, "done"),
    (PROBLEMS, "verify or doctor found problems, or adopt --compare differences"),
    (USAGE, "wrong usage: unknown flag, missing file, bad value, bad environment"),
    (UNUSABLE, "the database or file cannot be used: no database, newer, locked, full"),
    (INCOMPLETE, "an import, export or adoption had errors, or vectors were not made"),
    (INTERRUPTED, "interrupted with Ctrl-C"),
    (CLOSED_PIPE, "the reader of the output went away"),
)


class Refusal(Exception):
    """A command will not or cannot go on; the message says what to do."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        self.code = code
        super().__init__(message)
