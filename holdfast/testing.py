"""Stored turns of a session as tests: no key, no network, no server.

    import holdfast.testing

    turn = holdfast.testing.turn("turn_14.json")
    assert turn.holds("QX7-55912")

The page of a context writes the file. From it the context is built again by the Holdfast that is
installed here, so the test tells what an upgrade or another policy makes of that turn:

    assert holdfast.testing.turn("turn_14.json", policy={"window": 32_000}).holds("QX7-55912")

That happens in a process of its own, on a database in memory: whatever Django project, database or
event loop the tests use is neither needed nor touched. The process starts with the first turn,
which takes a second or two, serves all turns of the test run, and ends with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from holdfast import rebuilder
from memory_app.core import expecting, turnfile
from memory_app.core.expecting import View
from memory_app.core.turnfile import UnusableTurn

__all__ = ["Budget", "Part", "Turn", "UnusableTurn", "turn"]


class Part(NamedTuple):
    """A part of a context: its name, its tokens, the ranges (from, to) of the messages in it, and
    the ids of its facts."""

    name: str
    tokens: int
    messages: tuple[tuple[int, int], ...] = ()
    facts: tuple[str, ...] = ()


class Budget(NamedTuple):
    """Tokens that the context might take, and took."""

    limit: int
    used: int
    free: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The context of a stored turn, as the installed Holdfast builds it.

    `messages`, `system` and `tools` are what goes to the model, in the provider's form that the
    turn was asked for in; `text` is all of that as one text. `digest` is sha256 over it, `recorded`
    the digest that it had when the file was written. `account` is the whole context as
    `GET /sessions/{id}/context` answers.
    """

    version: int
    system: Any
    tools: list[Any]
    messages: list[dict[str, Any]]
    text: str = field(repr=False)
    tokens: int
    budget: Budget
    parts: tuple[Part, ...]
    digest: str
    recorded: str
    account: Mapping[str, Any] = field(repr=False)

    @property
    def reproduced(self) -> bool:
        """Whether the context is to the byte what it was when the file was written."""
        return self.digest == self.recorded

    def holds(self, text: str) -> bool:
        """Whether a text stands anywhere in what is sent, to the letter."""
        return text in self.text

    def keeps(self, seq: int) -> bool:
        """Whether the message with this number in its session is sent word for word."""
        return seq in expecting.kept(self.account)

    def part_of(self, seq: int) -> str | None:
        """The name of the part that a message of the session stands in; None where it is left
        out."""
        for part in self.parts:
            if any(first <= seq <= last for first, last in part.messages):
                return part.name
        return None

    def __repr__(self) -> str:
        same = "as recorded" if self.reproduced else "not as recorded"
        return f"<Turn at version {self.version}: {self.tokens:,} tokens, {same}>"


def turn(path: str | Path, *, policy: Mapping[str, Any] | None = None) -> Turn:
    """The context of a stored turn, built again here.

    `policy` changes fields of the policy that the turn was built under; then all is chosen anew
    from what the file holds.

    Raises UnusableTurn (no such file, damaged, of a newer release), and as everywhere in Holdfast
    `InvalidField` and its like for a policy that is none, `BudgetTooSmall` where what must be there
    does not fit.
    """
    path = Path(path)
    try:
        document = turnfile.read(_bytes(path))
    except UnusableTurn as error:
        raise UnusableTurn(f"{path}: {error}") from None
    return _turn(document, rebuilder.rebuild(document, dict(policy or {})))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(turnfile.MOST_BYTES + 1)
    except FileNotFoundError:
        raise UnusableTurn("There is no such file. It belongs beside the test.") from None
    except OSError as error:
        raise UnusableTurn(f"It cannot be read: {error.strerror}.") from None


def _turn(document: turnfile.Document, account: Mapping[str, Any]) -> Turn:
    seen: View = expecting.view(account, document["sent"]["digest"])
    return Turn(
        version=account["version"],
        system=account["system"],
        tools=account["tools"],
        messages=account["messages"],
        text=seen.text,
        tokens=account["tokens"],
        budget=Budget(**account["budget"]),
        parts=tuple(_part(part) for part in account["parts"]),
        digest=account["digest"],
        recorded=document["sent"]["digest"],
        account=account,
    )


def _part(part: Mapping[str, Any]) -> Part:
    spans = tuple((first, last) for first, last in part["messages"])
    return Part(part["name"], part["tokens"], spans, tuple(part["facts"]))
