"""A message as a context reads it, a line of the log: few columns, and fast ones."""

from __future__ import annotations

from typing import Final

Line = tuple[int, str, int, int, int, int, int, str]
"""(seq, role, turn, turn_start, tokens, tokens_total, form, body), as the store reads it."""
SEQ: Final = 0
ROLE: Final = 1
TURN: Final = 2
TURN_START: Final = 3
TOKENS: Final = 4
TOTAL: Final = 5
FORM: Final = 6
BODY: Final = 7
