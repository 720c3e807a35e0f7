"""The form of a fact: what of it is an edit, and what two who typed at once keep."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as some

from monitoring import factforms, revising
from sessions_app.core import instants

WORDS = some.text(some.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
LINES = dict.fromkeys(factforms.LINES, WORDS)
MOMENTS = some.none() | some.integers(instants.FIRST, instants.LAST)
METADATA = some.dictionaries(WORDS, some.integers(0, 9) | WORDS, max_size=3).map(
    lambda found: orjson.dumps(found).decode()
)
FACTS = some.builds(
    SimpleNamespace,
    text=WORDS,
    **LINES,
    valid_us=MOMENTS,
    invalid_us=MOMENTS,
    metadata=METADATA,
)
FORMS = some.fixed_dictionaries(dict.fromkeys((*factforms.FIELDS, "reason"), WORDS))


def by_a_browser(shown: dict[str, str]) -> dict[str, str]:
    """The form as it is sent when nobody touches it: every end of a line is CR LF then."""
    return {name: text.replace("\n", "\r\n") for name, text in shown.items()}


@given(FACTS)
def test_a_form_that_nobody_touched_is_no_edit(fact: Any) -> None:
    shown = factforms.texts(fact)
    typed = factforms.read(factforms.sent(by_a_browser(shown)), shown)
    assert (typed.wanted, typed.wrong) == ({}, {})


@given(FACTS, FORMS)
def test_what_was_typed_is_read_or_told_wrong_field_by_field(
    fact: Any, form: dict[str, str]
) -> None:
    shown, typed = factforms.texts(fact), factforms.sent(form)
    found = factforms.read(typed, shown)
    assert {*found.wanted, *found.wrong} == set(factforms.changed(typed, shown))
    assert not {*found.wanted} & {*found.wrong}
    assert found.texts == typed


@given(FACTS, FORMS, FACTS)
def test_of_two_edits_nothing_typed_is_lost_and_nothing_untouched_is_taken_back(
    then: Any, form: dict[str, str], now: Any
) -> None:
    shown, stored, typed = factforms.texts(then), factforms.texts(now), factforms.sent(form)
    ours = factforms.merged(typed, shown, stored)
    for name in factforms.FIELDS:
        touched = typed[name] != shown[name]
        assert ours[name] == (typed[name] if touched else stored[name])


@given(WORDS, WORDS)
def test_the_words_of_a_diff_are_those_of_both_texts(before: str, after: str) -> None:
    (change,) = revising.told({"text": [before, after]})
    new = [text for line in change.lines for kind, text in line.pieces if kind != "gone"]
    old = [text for line in change.lines for kind, text in line.pieces if kind != "new"]
    assert sorted("".join(new)) == sorted("".join(after.splitlines()))
    assert sorted("".join(old)) == sorted("".join(before.splitlines()))


def test_a_time_is_shown_to_the_second_and_kept_to_the_microsecond() -> None:
    fact = SimpleNamespace(
        text="a",
        **dict.fromkeys(factforms.LINES, ""),
        valid_us=1_700_000_000_123_456,
        invalid_us=None,
        metadata="{}",
    )
    shown = factforms.texts(fact)
    assert shown["valid_at"] == "2023-11-14T22:13:20"
    later = {**shown, "valid_at": "2023-11-14T22:13:21"}
    assert factforms.read(later, shown).wanted == {"valid_at": 1_700_000_001_000_000}
