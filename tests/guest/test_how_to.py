"""The how-to page, done by the letter: a site of its blocks and nothing that they do not say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.building import ROOT
from tests.guest.hosting import Guest

pytestmark = pytest.mark.long

PAGE = ROOT / "docs" / "how-to" / "embed-in-django.md"
BLOCK = re.compile(r"^```py\n# (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What any site has before it hears of Holdfast.
BEFORE = {
    "settings.py": """
SECRET_KEY = "x" * 50
ROOT_URLCONF = "urls"
ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "ninja"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "site.sqlite3",
        "ATOMIC_REQUESTS": True,
    }
}
""",
    "urls.py": "",
    "views.py": "",
}
VISIT = """
import django, json; django.setup()
from django.core.management import call_command
from django.test import Client
from django.conf import settings
for alias in settings.DATABASES:
    call_command("migrate", database=alias, verbosity=0)
call_command("check", "--fail-level", "WARNING", stdout=open("checked", "w"))
client = Client(SERVER_NAME="localhost")
said = {"customer": "7", "text": "Is it open?"}
answers = [client.post(path, said).json() for path in ("/ask/", "/answer/")]
print(json.dumps([*answers, client.get("/memory/health").status_code]))
"""


@pytest.mark.parametrize(
    ("apart", "asked"),
    [
        (False, {"durable": False, "durable_by": "commit"}),
        (True, {"durable": True, "durable_by": None}),
    ],
)
def test_the_page_makes_a_site_that_works(
    installed: Path, tmp_path: Path, apart: bool, asked: dict[str, object]
) -> None:
    texts = dict(BEFORE)
    for name, block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if apart or "HOLDFAST_DATABASE" not in block:
            texts[name] += block
    (tmp_path / "site").mkdir()
    for name, text in texts.items():
        (tmp_path / "site" / name).write_text(text)
    site = Guest(installed, tmp_path / "site", {})
    found = json.loads(site.said("-c", VISIT, settings="settings"))
    assert found == [asked, {"durable": True, "durable_by": None}, 200]
