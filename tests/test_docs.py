"""Every example in the docs runs. Blocks of one page share their names, as a reader would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from holdfast.cli import COMMANDS, parser
from holdfast.commands import outcomes
from holdfast.facade import Memory, Session
from holdfast.projects import ensure_project
from memory_app.core import policy
from sessions_app.core import errors

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")

# What the README's reader has at hand: a client and a model's name.
PRELUDE = """
from openai.types.chat import ChatCompletion

MODEL = "gpt-5-mini"


class _Completions:
    def create(self, *, model, messages):
        return ChatCompletion.model_validate({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model,
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": "Done."}}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
        })


class client:
    class chat:
        completions = _Completions()
"""


def examples(page: Path) -> str:
    return "\n".join(BLOCK.findall(page.read_text(encoding="utf-8")))


# What a newcomer tries first.
FIRST = ("README.md", "tutorial.md")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=() if page.name in FIRST else pytest.mark.long, id=page.name)
        for page in PAGES
        if examples(page)
    ],
)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + examples(page)],
        cwd=tmp_path,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.django_db
def test_the_calls_that_correct_a_fact_are_answered(settings: Settings) -> None:
    settings.HOLDFAST_LOCAL = True
    ensure_project()
    client = Client(SERVER_NAME="localhost")
    said = {"user": "ines", "text": "Ines lives in Porto."}
    fact = client.post("/api/v1/facts", said, content_type="application/json").json()["id"]
    page = (ROOT / "docs/how-to/correct-memory.md").read_text(encoding="utf-8")
    calls = re.findall(r"^    (curl (?:.*\\\n)*.*)$", page, re.MULTILINE)
    assert len(calls) == 5
    for call in calls:
        words = shlex.split(call.replace("\\\n", " ").replace("FACT", fact))
        given = {name: words[words.index(name) + 1] for name in ("-X", "-d") if name in words}
        (address,) = [word for word in words if word.startswith("localhost")]
        told = [words[at + 1].split(": ") for at, word in enumerate(words) if word == "-H"]
        sent = client.generic(
            given.get("-X", "GET"),
            address.removeprefix("localhost:8000"),
            given.get("-d", ""),
            content_type="application/json" if "-d" in given else "",
            headers=dict(told),
        )
        assert sent.status_code == 200, (call, sent.content)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_links_only_to_what_is_there(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), link


def test_the_error_page_lists_every_error_with_its_own_words() -> None:
    page = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    for leaf in errors.leaves():
        if leaf.__module__ != errors.__name__:
            continue
        if leaf.__subclasses__() and "code" not in vars(leaf):
            continue
        words = " ".join((leaf.__doc__ or "").split())
        retryable = "yes" if leaf.retryable else "no"
        row = f"| {leaf.status} | `{leaf.code}` | `{leaf.__name__}` | {retryable} | {words} |"
        assert row in page or leaf in (errors.InvalidRequest, errors.Conflict), row


def test_the_settings_page_lists_every_variable_that_is_read() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    read = re.compile(r'(?<!os\.)environ\.\w+\(\s*"([A-Z_]+)"')
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "holdfast").rglob("*.py"))
    for name in set(read.findall(code)):
        assert f"| `{name}` |" in page, name


def test_the_settings_page_lists_every_field_of_a_policy() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    for field in fields(policy.Policy):
        assert f"| `{field.name}` |" in page, field.name


def test_the_python_page_lists_every_verb() -> None:
    page = (ROOT / "docs/reference/python.md").read_text(encoding="utf-8")
    verbs = [name for name in vars(Session) if f"a{name}" in vars(Session)]
    assert verbs
    for verb in verbs:
        assert f"session.{verb}(" in page, verb
    remembering = [name for name in vars(Memory) if f"a{name}" in vars(Memory)]
    assert remembering
    for verb in remembering:
        assert f"memory.{verb}(" in page, verb


def test_the_command_line_page_lists_every_command_and_exit_code() -> None:
    page = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"| `holdfast {command} " in page, command
    for code, _ in outcomes.MEANINGS:
        assert f"| {code} | " in page, code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_is_one_that_can_be_given(page: Path) -> None:
    for line in re.findall(r"^    holdfast (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        words = shlex.split(line.partition("#")[0])
        if not any(word.startswith("[") for word in words):
            parser().parse_args(words)
