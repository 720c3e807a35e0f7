"""The pytest file that is written for an expectation, and whether it holds."""

from __future__ import annotations

import ast
import keyword
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memory_app.core import expecting
from memory_app.core.expecting import Expectation, View

SEEN = View("Fly QX7-55912 on Friday.\nBe kind.", {3, 4}, 120, same=True)
HOSTILE = (
    "'''",
    '"""',
    "\\",
    "\\'",
    "a\nimport os\n",
    "x\r\u2028\u2029\x85\x0cy",
    "{name!r} {0} %s",
    "') or turn.holds('",
    "\u202etxt.exe\u202c",
    "\ufeff # coding: utf-7",
    "Ünïcödé 予算 🎟",
    "\x00",
    "\ud800",
)


@pytest.mark.parametrize(
    ("expected", "holds"),
    [
        (Expectation("contains", "QX7-55912"), True),
        (Expectation("contains", "qx7"), False),
        (Expectation("lacks", "Saturday"), True),
        (Expectation("lacks", "Friday"), False),
        (Expectation("keeps", number=3), True),
        (Expectation("keeps", number=5), False),
        (Expectation("most", number=120), True),
        (Expectation("most", number=119), False),
        (Expectation("same"), True),
    ],
)
def test_an_expectation_holds_or_does_not(expected: Expectation, holds: bool) -> None:
    assert expecting.holds(expected, SEEN) is holds


def test_another_context_is_not_the_same() -> None:
    assert not expecting.holds(Expectation("same"), SEEN._replace(same=False))


def test_a_message_that_was_shortened_is_not_word_for_word() -> None:
    parts = [
        {"name": "recent", "messages": [[2, 4]]},
        {"name": "summary", "messages": [[1, 1]]},
        {"name": "recalled", "messages": [[7, 7]]},
    ]
    notices = [{"code": "tool_output_shortened", "seq": 3}, {"code": "context_summarised"}]
    assert expecting.kept({"parts": parts, "notices": notices}) == {2, 4, 7}


class Stub:
    """A turn that says what it was asked."""

    tokens = 120
    reproduced = True

    def __init__(self) -> None:
        self.asked: list[str] = []

    def holds(self, text: str) -> bool:
        self.asked.append(text)
        return True

    def keeps(self, seq: int) -> bool:
        self.asked.append(str(seq))
        return True


def run(text: str, stub: Stub) -> list[str]:
    """The names of the tests of a file, all of which ran, whatever they found."""
    tree = ast.parse(text)
    kinds = [type(one).__name__ for one in tree.body]
    assert kinds[:4] == ["Expr", "ImportFrom", "Import", "Assign"]
    assert set(kinds[4:]) <= {"FunctionDef"}
    space: dict[str, Any] = {"__file__": "test_it.py", "__name__": "test_it"}
    exec(compile(text, "test_it.py", "exec"), space)  # noqa: S102 - what the page writes
    space["holdfast"] = type("holdfast", (), {"testing": type("t", (), {"turn": lambda _: stub})})
    names = [name for name in space if name.startswith("test_")]
    for name in names:
        try:
            space[name]()
        except AssertionError:
            continue
    return names


@given(st.text(max_size=80), st.sampled_from(expecting.TEXTUAL), st.text(max_size=40))
@example("'\"\\\n", "contains", "\\\n'\"")
def test_any_text_stands_in_the_file_as_one_string(text: str, kind: str, session: str) -> None:
    written = expecting.pytest_file(
        [Expectation(kind, text)], session=session, version=14, turn="turn_1.json"
    )
    written.encode()
    stub = Stub()
    (name,) = run(written, stub)
    assert stub.asked == [text]
    assert name.isascii()
    assert name.isidentifier()
    assert not keyword.iskeyword(name)
    assert len(name) < 100


@pytest.mark.parametrize("text", HOSTILE)
def test_no_hostile_text_breaks_out_of_its_quotes(text: str) -> None:
    expected = [Expectation("contains", text), Expectation("lacks", text)]
    written = expecting.pytest_file(expected, session=text, version=1, turn="turn_1.json")
    written.encode()
    stub = Stub()
    assert len(run(written, stub)) == 2
    assert stub.asked == [text, text]
    lines = [line for line in written.splitlines() if line.startswith("# Session ")]
    assert lines == [f"# Session {text!r}, at version 1."]


def test_every_kind_has_a_sentence_and_a_claim() -> None:
    expected = [
        Expectation("contains", "Gate 7, please!"),
        Expectation("lacks", "予算"),
        Expectation("keeps", number=12),
        Expectation("most", number=8_000),
        Expectation("same"),
    ]
    assert [one.kind for one in expected] == list(expecting.KINDS)
    written = expecting.pytest_file(expected, session="s", version=1, turn="turn_1.json")
    assert run(written, Stub()) == [
        "test_the_context_contains_gate_7_please",
        "test_the_context_lacks_the_text",
        "test_the_context_keeps_message_12_word_for_word",
        "test_the_context_takes_at_most_8000_tokens",
        "test_the_context_is_the_same_to_the_byte",
    ]
    for claim in ("holds('Gate 7, please!')", "keeps(12)", "tokens <= 8_000", "turn.reproduced"):
        assert claim in written


def test_two_tests_never_have_one_name() -> None:
    same = [Expectation("contains", text) for text in ("a b", "a-b", "a_b")]
    written = expecting.pytest_file(same, session="s", version=1, turn="turn_1.json")
    assert len(set(run(written, Stub()))) == 3
