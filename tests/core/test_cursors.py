import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.core import cursors
from sessions_app.core.errors import BadCursor

SECRET = b"a secret of the site"
SCOPE = "project 1 sessions status=active sort=-created"
VALUES = [1_700_000_000_000_000, "0190f3c8e1b27c3d9a4b5c6d7e8f9012", None, "é"]
CURSOR = cursors.sign(SECRET, SCOPE, VALUES)

values = st.lists(st.none() | st.booleans() | st.integers() | st.text(max_size=50), max_size=5)


@given(values, st.text())
def test_a_cursor_gives_its_values_back(kept: list[object], scope: str) -> None:
    text = cursors.sign(SECRET, scope, kept)
    assert cursors.read(SECRET, scope, text) == kept
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.integers(0, len(CURSOR) - 1), st.characters())
def test_every_changed_character_is_refused(place: int, character: str) -> None:
    changed = CURSOR[:place] + character + CURSOR[place + 1 :]
    if changed != CURSOR:
        with pytest.raises(BadCursor):
            cursors.read(SECRET, SCOPE, changed)


@given(values, st.data())
def test_every_spelling_of_the_last_character_but_ours_is_refused(
    kept: list[object], data: st.DataObject
) -> None:
    text = cursors.sign(SECRET, SCOPE, kept)
    last = data.draw(st.sampled_from("ABCDwxyz0123456789-_="))
    if last != text[-1]:
        with pytest.raises(BadCursor):
            cursors.read(SECRET, SCOPE, text[:-1] + last)


@given(st.text())
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        cursors.read(SECRET, SCOPE, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        CURSOR[:-1],
        CURSOR[1:],
        CURSOR + "A",
        CURSOR + "=",
        CURSOR + "\n",
        " " + CURSOR,
        CURSOR * 2,
        "A" * 10_000_000,
        base64.urlsafe_b64encode(b"\0" * 16 + b"[1]").decode(),
    ],
    ids=lambda text: repr(text)[:24],
)
def test_a_forged_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor) as caught:
        cursors.read(SECRET, SCOPE, text)
    assert caught.value.status == 400
    assert caught.value.param == "after"


def test_two_of_the_longest_keys_fit_and_a_huge_cursor_is_not_even_decoded() -> None:
    longest = ["\U0001f600" * 255] * 2
    assert cursors.read(SECRET, SCOPE, cursors.sign(SECRET, SCOPE, longest)) == longest
    with pytest.raises(BadCursor):
        cursors.read(SECRET, SCOPE, cursors.sign(SECRET, SCOPE, ["x" * 5_000]))


@pytest.mark.parametrize("scope", ["", SCOPE + " ", SCOPE.replace("project 1", "project 2")])
def test_a_cursor_of_another_listing_is_refused(scope: str) -> None:
    with pytest.raises(BadCursor):
        cursors.read(SECRET, scope, CURSOR)


def test_a_cursor_of_another_site_is_refused() -> None:
    with pytest.raises(BadCursor):
        cursors.read(b"another secret", SCOPE, CURSOR)


def test_scope_and_values_cannot_run_into_each_other() -> None:
    text = cursors.sign(SECRET, "a", [1])
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    moved = base64.urlsafe_b64encode(raw[:16] + raw[17:]).decode().rstrip("=")
    with pytest.raises(BadCursor):
        cursors.read(SECRET, "a[", moved)
