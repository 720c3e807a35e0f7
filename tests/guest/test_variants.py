"""Sites that are set up otherwise: their settings must change nothing that is ours."""

from __future__ import annotations

import re
from typing import Any

import pytest

from monitoring.access import CSP
from tests.guest.hosting import PREFIX, Guest

pytestmark = pytest.mark.long

PLAIN = """
LANGUAGE_CODE = "en"
USE_THOUSAND_SEPARATOR = False
"""
# Everything that a site may do to templates, numbers, times and policies at once; no messages, and
# so no admin; another address for files, as when they come from another server.
ODD = """
USE_TZ = False
NUMBER_GROUPING = 3
FORMAT_MODULE_PATH = ["formats"]
DEBUG = True
INSTALLED_APPS = [app for app in INSTALLED_APPS if app.split(".")[-1] not in ("admin", "messages")]
MIDDLEWARE = [name for name in MIDDLEWARE if "messages" not in name]
ROOT_URLCONF = "odd_urls"
STATIC_URL = "https://files.example/s/"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "autoescape": False,
            "string_if_invalid": "INVALID",
            "loaders": [
                ("django.template.loaders.cached.Loader", ["django.template.loaders.locmem.Loader"])
            ],
        },
    }
]
"""
ODD_URLS = f"""
from django.urls import include, path
from desk import views
urlpatterns = [path("sign-in/", views.home, name="sign-in"),
    path("{PREFIX[1:]}/", include("holdfast.urls"))]
"""
# A service that has no people: no accounts, no sessions, no templates of its own.
BARE = """
INSTALLED_APPS = list(holdfast.APPS)
MIDDLEWARE = []
TEMPLATES = []
del AUTH_USER_MODEL, LOGIN_URL
ROOT_URLCONF = "holdfast.urls"
"""
WRONG = """
HOLDFAST_DATABASE = "nowhere"
HOLDFAST_ROLES = {"Support": "reader"}
"""
CHANGING = (
    (r"[0-9a-f]{32}", "id"),
    (r'name="csrfmiddlewaretoken" value="\w+"', "token"),
    (r">[^<]*(?: ago|now)</time>", "ago"),
    (r'[0-9.]+ ms|_ms":[0-9.]+', "duration"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uuid"),
    (r"https://files\.example/s/|/static/", "files/"),
)


def same(answer: dict[str, Any]) -> str:
    """A page without what differs from one request to the next."""
    text = str(answer["text"])
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    return text


def test_no_setting_of_a_site_changes_a_page_or_its_json(guest: Guest) -> None:
    plain, odd = guest.change("plain", PLAIN), guest.change("odd", ODD)
    (guest.site / "odd_urls.py").write_text(ODD_URLS)
    (guest.site / "formats").mkdir()
    (guest.site / "formats" / "__init__.py").touch()
    twins = [path.partition("?")[0].removesuffix("/") + ".json" for path in guest.pages()]
    paths = [*guest.pages(), *twins]
    expected = guest.answers(paths, email="vera@example.com", settings=plain)
    found = guest.answers(paths, email="vera@example.com", settings=odd)
    for path, one, other in zip(paths, expected, found, strict=True):
        assert (one["status"], other["status"]) == (200, 200), path
        assert same(one) == same(other), path
    policy = found[0]["headers"]["Content-Security-Policy"]
    assert policy != CSP
    assert policy.replace(" https://files.example", "") == CSP


def test_a_site_without_accounts_has_the_api_and_says_so_on_pages(guest: Guest) -> None:
    bare = guest.change("bare", BARE)
    bearer = f"Bearer {guest.made['key']}"
    asked = ["/api/v1/sessions", "/health", "/sessions/", "/sessions.json", "/login/"]
    found = guest.answers(asked, settings=bare, Authorization=bearer)
    assert [answer["status"] for answer in found] == [200, 200, 401, 401, 404]
    assert "<h1>" in found[2]["text"]
    assert "no issues" in guest.manage("check", settings=bare)


def test_settings_that_cannot_be_are_told_before_anybody_comes(guest: Guest) -> None:
    wrong = guest.change("wrong", WRONG)
    done = guest.run(guest.site / "manage.py", "check", settings=wrong)
    assert done.returncode != 0
    assert "holdfast.E001" in done.stderr
    assert "holdfast.E003" in done.stderr
