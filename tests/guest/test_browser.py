"""Our pages in the site, in a real browser, under whichever policy the site sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests import browsing
from tests.guest.hosting import PREFIX, Guest, serving
from tests.guest.visiting import PASSWORD
from tests.pages.test_browser import Browser

pytestmark = pytest.mark.long

# A site that does not ask who else has set a policy.
IMPOSING = """
MIDDLEWARE = ["imposing.impose", *MIDDLEWARE]

def impose(get_response):
    def answered(request):
        response = get_response(request)
        response.headers["Content-Security-Policy"] = "default-src 'self'; object-src 'none'"
        return response
    return answered
"""


@contextmanager
def signed_in(chromium: Path, address: str) -> Iterator[Browser]:
    """A browser in which an editor came by our page through the site's login."""
    with browsing.browser(chromium) as started:
        browser = Browser(started.new_page(), address)
        browser.open(f"{PREFIX}/sessions/?user=ana")
        browser.page.fill("[name=username]", "edda@example.com")
        browser.page.fill("[name=password]", PASSWORD)
        browser.page.click("button")
        browser.page.wait_for_url(f"**{PREFIX}/sessions/?user=ana")
        browser.watch()
        yield browser


def look_around(guest: Guest, chromium: Path, address: str) -> None:
    with signed_in(chromium, address) as browser:
        for path in guest.pages():
            browser.open(path)
            expect(browser.page.locator("h1"), path).to_have_count(1)
            font = "getComputedStyle(document.querySelector('.brand')).fontWeight"
            assert int(browser.page.evaluate(font)) > 400, f"{path} has no stylesheet"
        browser.go("s")
        browser.page.wait_for_url(f"**{PREFIX}/sessions/")
        assert browser.troubles == []


def test_every_page_is_quiet_in_the_site(guest: Guest, chromium: Path, address: str) -> None:
    look_around(guest, chromium, address)


def test_every_page_is_quiet_under_a_policy_that_replaces_ours(
    guest: Guest, chromium: Path
) -> None:
    with serving(guest, guest.change("imposing", IMPOSING)) as address:
        look_around(guest, chromium, address)
