"""The page on adopting chat tables, followed to the letter in a site made of its own examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.adoption.running import ROOT, Site

PAGE = (ROOT / "docs/how-to/adopt-chat-tables.md").read_text(encoding="utf-8")
FILES = re.findall(r"^```py\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^    python manage\.py (.*)$", PAGE, re.MULTILINE)
SETTINGS = """
from tests.adoption.site.settings import *
INSTALLED_APPS = [*INSTALLED_APPS[:2], "support", *APPS]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
FILL = """
from django.contrib.auth.models import User
from support.models import Chat, ChatMessage

for name in ("ana", "bo"):
    chat = Chat.objects.create(owner=User.objects.create(username=name), title="Refund")
    ChatMessage.objects.create(chat=chat, sender="human", text="Where is my refund?")
"""
SAY = """
from support.models import Chat
from support.saying import say

for chat in Chat.objects.all():
    say(chat, "ai", "It is on its way.")
"""
AFTERWARDS = """
import holdfast
from support.anew import copy_anew
from support.models import Chat
from support.saying import say

for chat in Chat.objects.all():
    say(chat, "user", "Thanks.")
    print(*(message["content"] for message in holdfast.open(f"chat:{chat.pk}").messages()))
    copy_anew(chat)
"""


@pytest.fixture
def support(address: str, tmp_path: Path) -> Site:
    """The site of the page before the cut-over: with the first block of each file."""
    (tmp_path / "host_settings.py").write_text(SETTINGS)
    (tmp_path / "support").mkdir()
    for name, code in reversed(FILES):
        (tmp_path / name).write_text(code)
    site = Site(address, tmp_path, "host_settings", f"{ROOT}:{tmp_path}")
    for step in ([], ["--run-syncdb"]):
        assert site.manage("migrate", *step, "--verbosity", "0").returncode == 0
    site.do(FILL)
    return site


@pytest.mark.long
def test_the_page_works_as_it_says(support: Site) -> None:
    dry, first, again, compare = COMMANDS
    for command in (dry, first):
        done = support.manage(*command.split())
        assert (done.returncode, done.stderr) == (0, "")
    support.do(SAY)
    assert support.manage(*again.split()).returncode == 0
    for line in support.manage(*compare.split()).stdout.splitlines():
        assert f"    {line}\n" in PAGE
    (cut_over,) = [code for name, code in FILES if name.endswith("saying.py")][1:]
    (support.home / "support/saying.py").write_text(cut_over)
    said = "Where is my refund? It is on its way. Thanks.\n"
    assert support.do(AFTERWARDS) == said * 2


def test_the_page_names_every_kind_of_difference() -> None:
    from holdfast.adoption.comparing import KINDS

    for kind in KINDS:
        assert f"| `{kind}` |" in PAGE, kind
