"""The file of a stored turn: what it says, how it is refused, how large it may be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

import holdfast.testing
from holdfast.testing import UnusableTurn
from memory_app.context import Ask
from memory_app.core import turnfile
from sessions_app.core import errors
from sessions_app.models import Message
from tests.memory.histories import assistant, user
from tests.turns.conftest import Files


@pytest.fixture
def path(files: Files) -> Path:
    session = files.desk.session([user("Fly QX7-55912."), assistant("Done.")], system="Be kind.")
    return files.write(session, Ask(at=3))


def changed(path: Path, change: Any, *, signed: bool = True) -> Path:
    """The file after a change of its document, with the sum of what it now holds."""
    document = json.loads(path.read_text())
    change(document)
    if signed:
        del document["sha256"]
        document["sha256"] = turnfile._sum(document)
    path.write_bytes(orjson.dumps(document))
    return path


def refused(path: Path) -> str:
    with pytest.raises(UnusableTurn) as caught:
        holdfast.testing.turn(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_it_can_be_read_by_people_and_compared_line_by_line(path: Path) -> None:
    text = path.read_text()
    document = json.loads(text)
    assert list(document)[:2] == ["format", "version"]
    assert list(document)[-1] == "sha256"
    said = document["log"][1]
    assert (said["message"], said["role"]) == (1, "user")
    assert said["body"] == {"content": "Fly QX7-55912."}
    assert '\n      "role": "user",\n' in text
    assert text.endswith("}\n")


def test_the_same_turn_gives_the_same_file(files: Files) -> None:
    session = files.desk.session([user("Hello.")])
    first = files.write(session, Ask(at=2)).read_bytes()
    assert files.write(session, Ask(at=2)).read_bytes() == first


def test_it_may_be_indented_anew(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()), indent=8))
    assert holdfast.testing.turn(path).reproduced


def test_one_that_is_not_there_says_where_it_belongs(tmp_path: Path) -> None:
    assert "beside the test" in refused(tmp_path / "turn_9.json")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"1", b'{"a": 1}'])
def test_what_is_no_stored_turn_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "ownload" in refused(path)


def test_one_of_a_newer_release_says_what_to_upgrade(path: Path) -> None:
    changed(path, lambda document: document.update(version=2, more=1))
    assert "Upgrade Holdfast here" in refused(path)


@pytest.mark.parametrize("version", [0, -1, "1", None, True, 1.5])
def test_a_version_that_never_was_is_refused(path: Path, version: object) -> None:
    changed(path, lambda document: document.update(version=version))
    assert "version" in refused(path)


def test_a_changed_message_is_refused(path: Path) -> None:
    path.write_text(path.read_text().replace("QX7-55912", "QX7-55913"))
    assert "was changed since it was written" in refused(path)


@pytest.mark.parametrize("name", [*turnfile._DOCUMENT])
def test_a_missing_field_is_named(path: Path, name: str) -> None:
    changed(path, lambda document: document.pop(name), signed=name != "sha256")
    if name not in ("format", "version"):
        assert f"`{name}` is missing" in refused(path)
    else:
        refused(path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda found: found["log"][1].pop("role"), "`log[1].role` is missing"),
        (lambda found: found["log"][1].update(seq=1), "no field `log[1].seq`"),
        (lambda found: found["log"][1].update(tokens="9"), "`log[1].tokens` has the wrong type"),
        (lambda found: found["log"][1].update(tokens=True), "`log[1].tokens` has the wrong type"),
        (lambda found: found["log"][1].update(at="today"), "`log[1].at` is no time"),
        (lambda found: found["log"].pop(), "does not end at the version"),
        (lambda found: found["log"].append(7), "`log[3]` is no object"),
        (lambda found: found.update(encoder="p50k"), "no encoder here"),
        (lambda found: found["policy"]["rules"].update(turns=0), "Its policy is none"),
        (lambda found: found.update(more=1), "no field `more`"),
    ],
)
def test_a_field_that_is_wrong_is_named(path: Path, change: Any, named: str) -> None:
    assert named in refused(changed(path, change))


def test_a_log_that_cannot_be_one_is_refused(path: Path) -> None:
    changed(path, lambda document: document["log"][1].update(message=5))
    with pytest.raises(UnusableTurn, match="does not follow"):
        holdfast.testing.turn(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document["log"][0].update(data={}),
        lambda document: document["log"][0].update(data=[]),
        lambda document: document["session"].update(id="x"),
        lambda document: document.update(provided=[1]),
        lambda document: document.update(facts=["x"]),
    ],
)
def test_one_that_cannot_be_built_is_refused_and_spoils_no_other(path: Path, change: Any) -> None:
    whole = path.read_bytes()
    with pytest.raises(UnusableTurn):
        holdfast.testing.turn(changed(path, change))
    path.write_bytes(whole)
    assert holdfast.testing.turn(path).reproduced


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path)


def test_a_session_of_too_many_messages_is_refused(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turnfile, "MOST_MESSAGES", 2)
    session = files.desk.session([user("One."), assistant("Two."), user("Three.")])
    files.write(session, Ask(at=3))
    with pytest.raises(errors.TooLong, match="3 messages at version 4"):
        files.write(session, Ask(at=4))


def test_a_session_of_too_many_bytes_is_refused(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turnfile, "MOST_BYTES", 6_000)
    session = files.desk.session([user("One."), user("word " * 1_000), user("word " * 1_000)])
    files.write(session, Ask(at=2))
    for at in (3, 4):
        with pytest.raises(errors.TooLong):
            files.write(session, Ask(at=at))


def test_what_was_erased_is_blank_and_the_rest_is_built_again(files: Files) -> None:
    desk = files.desk
    session = desk.session([user("Forget 4711."), assistant("Done."), user("And now?")])
    Message.objects.filter(session_id=desk.now(session).number, seq=1).update(body="", salt=b"")
    turn = files.again(session, at=4)
    assert turn.reproduced
    assert not turn.holds("4711")


def test_the_text_is_all_that_is_sent(files: Files) -> None:
    call = {"name": "look", "arguments": '{"order": 4711}'}
    said = [
        user("Where is it?"),
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "in Lyon"},
    ]
    tool = {"type": "function", "function": {"name": "look", "description": "Looks it up."}}
    session = files.desk.session(said, system="Be kind.", tools=[tool])
    for form in ("openai", "anthropic", "responses"):
        turn = files.again(session, at=4, form=form)
        for text in ("Where is it?", "4711", "in Lyon", "Be kind.", "Looks it up.", "look"):
            assert turn.holds(text), (form, text)
        for text in ("tool_call", "c1", "assistant"):
            assert not turn.holds(text), (form, text)
