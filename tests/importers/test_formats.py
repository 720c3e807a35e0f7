"""Which formats there are, and what is said when a file is imported as another one than it is."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from holdfast.commands import import_log
from sessions_app.importers import FORMATS
from tests.importers.importing import Importing
from tests.importers.test_claude_code import talk

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "import-history.md"
MESSAGE = {"role": "user", "content": "hi"}
REQUEST = {"params": {"model": "m", "messages": [MESSAGE]}}
NODE = {"message": {"author": {"role": "user"}, "content": {"parts": ["hi"]}}}
VALUES: dict[str, list[Any]] = {
    "claude-code": talk(1),
    "openai-chat or anthropic": [{"messages": [MESSAGE]}],
    "anthropic": [REQUEST, REQUEST],
    "holdfast": [{"format": "holdfast-export", "version": 1}],
    "chatgpt": [[{"id": "c", "mapping": {"n": NODE}}]],
    "claude-ai": [[{"uuid": "c", "chat_messages": [{"uuid": "m", "sender": "human"}]}]],
}
TABLES = {
    "openai-agents": "agent_messages (id, session_id, message_data)",
    "llm": "log (prompt, response)",
    "langgraph": "checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, "
    "checkpoint)",
}


def made(folder: Path, kind: str, name: str) -> Path:
    """A small file of a format."""
    path = folder / name
    if kind in TABLES:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"CREATE TABLE {TABLES[kind]}")
    else:
        path.write_text("".join(json.dumps(value) + "\n" for value in VALUES[kind]))
    return path


@pytest.mark.parametrize("kind", [*VALUES, *TABLES])
def test_a_file_of_another_format_is_told_by_what_it_looks_like(
    importing: Importing, kind: str
) -> None:
    path = made(importing.folder, kind, "file")
    for form in FORMATS:
        if form not in kind:
            report = importing.run(form, path)
            assert (report.sessions, report.new) == (0, 0)
            assert report.warnings[-1] == f"{path}: looks like a file of {kind}; import it as that"
    assert importing.keys() == []


@pytest.mark.parametrize(("kind", "form"), [("chatgpt", "claude-ai"), ("claude-ai", "chatgpt")])
def test_a_zip_of_another_app_is_told_too(importing: Importing, kind: str, form: str) -> None:
    path = importing.folder / "export.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.write(made(importing.folder, kind, "inner"), "data/conversations.json")
    report = importing.run(form, path)
    assert "are no conversations of" in report.errors[0][2]
    assert report.warnings == [f"{path}: looks like a file of {kind}; import it as that"]


def test_of_a_folder_of_several_kinds_each_file_is_told_alone(importing: Importing) -> None:
    made(importing.folder, "claude-code", "a.jsonl")
    other = made(importing.folder, "openai-chat or anthropic", "b.jsonl")
    foreign = importing.write("c.jsonl", [{"temperature": 21.5}])
    report = importing.run("claude-code", importing.folder)
    assert report.new == 2
    assert report.errors == [
        (str(path), 0, "holds no records of a transcript") for path in (other, foreign)
    ]
    assert report.warnings == [
        f"{other}: looks like a file of openai-chat or anthropic; import it as that"
    ]


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"PK\x05\x06", b"[[[", b"\xff\xfe"])
def test_what_looks_like_nothing_is_not_guessed_at(importing: Importing, content: bytes) -> None:
    path = importing.folder / "file"
    path.write_bytes(content)
    for form in FORMATS:
        assert not any("looks like" in warning for warning in importing.run(form, path).warnings)


def test_every_format_stands_in_the_help_and_has_its_example_in_the_guide() -> None:
    options = ArgumentParser()
    import_log.options(options)
    told = "".join(options.format_help().split())
    guide = GUIDE.read_text()
    for form in FORMATS:
        assert form in told
        assert f"\n    holdfast import {form}" in guide
