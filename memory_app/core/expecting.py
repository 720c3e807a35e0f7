"""What a test of a stored turn expects: whether it holds, and the pytest file that says so.

Every text that comes from a conversation stands in the file by its `repr`, on one line, so that
nothing of it can end its quotes; names are made of small letters, digits and `_` alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from memory_app.core.turnfile import text_of

CONTAINS, LACKS, KEEPS, MOST, SAME = "contains", "lacks", "keeps", "most", "same"
KINDS: Mapping[str, str] = {
    CONTAINS: "contains the text",
    LACKS: "lacks the text",
    KEEPS: "keeps message # word for word",
    MOST: "takes at most so many tokens",
    SAME: "is the same to the byte",
}
TEXTUAL, NUMERIC = (CONTAINS, LACKS), (KEEPS, MOST)

WORD_FOR_WORD = ("retained", "recent", "recalled", "new")
"""Parts that show messages word for word."""
SHORTENED = "tool_output_shortened"
LONGEST_NAME = 60
_OTHERS = re.compile(r"[^a-z0-9]+")


class Expectation(NamedTuple):
    """One thing a context must do; `text` is of CONTAINS and LACKS, `number` of KEEPS (the seq of
    a message) and MOST (tokens)."""

    kind: str
    text: str = ""
    number: int = 0


class View(NamedTuple):
    """What of a context expectations look at; `kept` are the seqs that stand word for word."""

    text: str
    kept: Collection[int]
    tokens: int
    same: bool


def view(context: Mapping[str, Any], digest: str) -> View:
    """The view of a context, as the HTTP contract shows it, against the digest it had."""
    text = text_of(context["system"], context["tools"], context["messages"])
    return View(text, kept(context), context["tokens"], context["digest"] == digest)


def kept(context: Mapping[str, Any]) -> set[int]:
    """The seqs of the messages that stand in a context word for word."""
    found = {
        seq
        for part in context["parts"]
        if part["name"] in WORD_FOR_WORD
        for first, last in part["messages"]
        for seq in range(first, last + 1)
    }
    return found - {one["seq"] for one in context["notices"] if one["code"] == SHORTENED}


def holds(expected: Expectation, seen: View) -> bool:
    """Whether a context does what is expected of it."""
    if expected.kind == CONTAINS:
        return expected.text in seen.text
    if expected.kind == LACKS:
        return expected.text not in seen.text
    if expected.kind == KEEPS:
        return expected.number in seen.kept
    if expected.kind == MOST:
        return seen.tokens <= expected.number
    return seen.same


# -- the file --------------------------------------------------------------------------------------

_HEAD = '''\
"""A stored turn of a Holdfast session, built again by the Holdfast that is installed here.

It needs no key, network or server: all it is built from is in the file beside this one.
"""

from pathlib import Path

import holdfast.testing

# Session {session}, at version {version}.
TURN = Path(__file__).with_name({name!r})
'''
_TEST = """

def {name}() -> None:
    turn = holdfast.testing.turn(TURN)
    assert {claim}
"""


def pytest_file(expected: Sequence[Expectation], *, session: str, version: int, turn: str) -> str:
    """The text of a file with a test for each expectation; `session` is named in a comment, `turn`
    is the name of the turn's file beside it."""
    head = _HEAD.format(session=repr(session), version=version, name=turn)
    taken: list[str] = []
    for one in expected:
        name = sentence(one)
        taken.append(name if name not in taken else f"{name}_{len(taken) + 1}")
    tests = [
        _TEST.format(name=name, claim=_claim(one))
        for name, one in zip(taken, expected, strict=True)
    ]
    return "".join([head, *tests])


def _claim(expected: Expectation) -> str:
    if expected.kind == CONTAINS:
        return f"turn.holds({expected.text!r})"
    if expected.kind == LACKS:
        return f"not turn.holds({expected.text!r})"
    if expected.kind == KEEPS:
        return f"turn.keeps({expected.number})"
    if expected.kind == MOST:
        return f"turn.tokens <= {expected.number:_}"
    return "turn.reproduced"


def sentence(expected: Expectation) -> str:
    """The name of a test: a sentence of small letters."""
    said = {
        CONTAINS: f"contains_{_words(expected.text)}",
        LACKS: f"lacks_{_words(expected.text)}",
        KEEPS: f"keeps_message_{expected.number}_word_for_word",
        MOST: f"takes_at_most_{expected.number}_tokens",
        SAME: "is_the_same_to_the_byte",
    }
    return f"test_the_context_{said[expected.kind]}"


def _words(text: str) -> str:
    return slug(text) or "the_text"


def file_name(key: str | None, session: str, version: int) -> str:
    """The name of a turn's file, without what ends it: by the key of its session, else by the end
    of its id; `test_` before it names the test's."""
    named = slug(key or "")[:40].strip("_") or session.replace("-", "")[-8:]
    return f"turn_{named}_{version}"


def slug(text: str) -> str:
    """What of a text can stand in a name: small letters and digits, marks taken off."""
    plain = unicodedata.normalize("NFKD", text[:400]).encode("ascii", "ignore").decode()
    return _OTHERS.sub("_", plain.lower())[:LONGEST_NAME].strip("_")
