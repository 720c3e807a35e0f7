"""The settings in a real browser: a policy tried while it is typed, and the keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from memory_app import policies
from tests.pages.samples import session, talk
from tests.pages.test_browser import NARROW, WIDE, WIDER, Site, needs_axe

pytestmark = pytest.mark.usefixtures("local", "transactional_db")

PAGE = "/settings/policies/default/"


@pytest.fixture
def site(live_server: LiveServer, chromium: Path) -> Site:
    made = session(ensure_project(), talk(60), title="A talk")
    ensure_project("sales")
    return Site(live_server.url, chromium, made, made)


def test_a_preview_follows_what_is_typed_and_the_address_with_it(site: Site) -> None:
    with site.browser() as browser:
        page = browser.page
        browser.open(PAGE)
        page.locator("#f-window").fill("700")
        page.locator("#f-reserve").fill("200")
        page.locator("#f-turns").fill("3")
        page.locator("#f-turns").press("Tab")
        preview = page.locator("#preview")
        expect(preview).to_contain_text("Save as version 2")
        expect(preview).to_contain_text("leave:")
        expect(page.locator("#f-marks")).to_be_focused()
        expect(page).to_have_url(re.compile(r"turns=3"))
        page.reload()
        expect(preview).to_contain_text("Save as version 2")
        expect(page.locator("#f-turns")).to_have_value("3")
        page.locator("#f-turns").fill("none")
        page.locator("#f-turns").press("Tab")
        expect(page.locator("#wrong-turns")).to_have_text("turns must be a whole number.")
        expect(preview.get_by_role("button")).to_have_count(0)
        page.locator("#f-turns").fill("4")
        page.locator("#f-turns").press("Tab")
        expect(page.locator("#wrong-turns")).to_have_text("")
        preview.get_by_role("button").click()
        expect(page.get_by_role("status").first).to_contain_text("Saved version 2.")
        assert browser.troubles == []
    found = policies.parsed(policies.one(site.long.project, "default").data)
    assert (found.window, found.reserve, found.turns) == (700, 200, 4)


def test_the_keyboard_leads_to_the_settings_and_the_switch_to_a_project(site: Site) -> None:
    with site.browser() as browser:
        page = browser.page
        browser.open("/sessions/")
        browser.go(",")
        page.wait_for_url("**/settings/")
        page.locator(".projects summary").click()
        page.get_by_role("link", name="sales").click()
        page.wait_for_url("**/settings/?project=sales")
        browser.go("s")
        page.wait_for_url("**/sessions/?project=sales")
        assert browser.troubles == []


@needs_axe
@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_preview_is_as_wide_as_the_screen_and_axe_finds_nothing_serious(
    site: Site, scheme: str
) -> None:
    address = f"{PAGE}?session={site.long.id}&window=700&reserve=200&turns=3"
    for size in (WIDE, NARROW):
        with site.browser(size, scheme) as browser:
            browser.open(address)
            expect(browser.page.locator("#preview")).to_contain_text("Save as version 2")
            assert browser.page.evaluate(WIDER) <= 0
            assert browser.serious(scheme) == []
            assert browser.troubles == []
