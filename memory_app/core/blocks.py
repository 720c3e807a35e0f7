"""The blocks of a context that are not messages of the log: what they say and where they end.

Each stands between delimiters in a user message, so that every provider takes it and no model
takes it for an instruction of the system. What is quoted cannot close its block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from memory_app.core.passages import Point

NAMES = ("summary", "resume", "facts", "recalled", "provided")
_DELIMITER = re.compile(rf"<(?=\s*/?\s*(?:{'|'.join(NAMES)})\b)", re.IGNORECASE)
_INTRODUCED = {
    "summary": "What was said before, folded:",
    "resume": "When this conversation went on after a long pause, this was where it stood:",
    "facts": "Facts from what was said before, quoted:",
    "recalled": "Values from earlier tool results and messages:",
}
_PROVIDED = "From the application, as of now:"
_QUOTED = {"recalled": "What was said earlier, word for word:"}


def block(name: str, lines: Iterable[str], span: tuple[int, int] | None = None) -> str:
    """The text of a block; `span` are the first and last message it tells of."""
    of = f' of="messages {span[0]} to {span[1]}"' if span else ""
    return "\n".join([f"<{name}{of}>", _INTRODUCED[name], *map(_line, lines), f"</{name}>"])


def quoted(name: str, lines: Iterable[str]) -> str:
    """The text of a block whose lines, `escaped`, stand as they are."""
    return "\n".join([f"<{name}>", _QUOTED[name], *lines, f"</{name}>"])


def provided(name: str, text: str) -> str:
    """The text of a block of what a context provider of this name says, as it stands."""
    return "\n".join([f'<provided by="{name}">', _PROVIDED, escaped(text), "</provided>"])


def _line(text: str) -> str:
    return f"- {escaped(' '.join(text.split()))}"


def escaped(text: str) -> str:
    """`text` without a delimiter of ours in it."""
    return _DELIMITER.sub("&lt;", text) if "<" in text else text


def is_block(text: str) -> bool:
    """Whether a text is one of these blocks, or was written to look like one."""
    return any(
        text.startswith(f"<{name}") and text.rstrip().endswith(f"</{name}>") for name in NAMES
    )


def named(text: str) -> str | None:
    """The name of the block that a text begins with, if it begins with one."""
    return next((name for name in NAMES if re.match(rf"<{name}[ >]", text)), None)


def holds_one(text: str) -> bool:
    """Whether a delimiter of a block stands in a text: what it says may be what a context said."""
    return _DELIMITER.search(text) is not None


def shortened(points: Sequence[Point], keep: int) -> list[Point]:
    """The `keep` points that matter most, in their order."""
    best = sorted(range(len(points)), key=lambda at: (-points[at].score, -at))[:keep]
    return [points[at] for at in sorted(best)]
