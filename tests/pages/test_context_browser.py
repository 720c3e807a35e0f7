"""The page of a context in a real browser: versions and forms without a reload."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from tests import browsing
from tests.pages.samples import session, talk
from tests.pages.test_browser import Browser

pytestmark = pytest.mark.usefixtures("local", "transactional_db")


def test_the_slider_and_the_forms_change_what_is_shown_and_the_address(
    live_server: LiveServer, chromium: Path
) -> None:
    made = session(ensure_project(), talk(5), system="Be brief.")
    address = f"/sessions/{made.id}/context/"
    with browsing.browser(chromium) as running:
        browser = Browser(running.new_page(), live_server.url)
        browser.watch()
        page = browser.page
        browser.open(f"{address}11/")
        page.evaluate("window.loaded = 'once'")
        page.locator("#versions").focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("h1")).to_contain_text("version 10")
        expect(page).to_have_url(re.compile(rf"{address}10/$"))
        expect(page.locator("#versions")).to_be_focused()
        page.keyboard.press("Home")
        expect(page.locator("h1")).to_contain_text("version 1")
        expect(page).to_have_url(re.compile(rf"{address}1/$"))
        page.go_back()
        expect(page.locator("h1")).to_contain_text("version 10")
        page.evaluate("window.loaded = 'once'")
        page.get_by_role("link", name="Anthropic").click()
        expect(page.locator("#payload")).to_contain_text('"system": "Be brief."')
        expect(page).to_have_url(re.compile(rf"{address}10/\?format=anthropic$"))
        assert page.evaluate("window.loaded") == "once"
        page.locator("#versions").focus()
        page.keyboard.press("ArrowRight")
        expect(page).to_have_url(re.compile(rf"{address}11/\?format=anthropic$"))
        assert browser.troubles == []
