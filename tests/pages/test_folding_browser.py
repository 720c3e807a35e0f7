"""Fates, pins and compressions in a real browser: with the keyboard, and while a page is open."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from memory_app.models import Compression
from sessions_app.store.base import Snapshot
from tests.pages.folded import begun, folded, told
from tests.pages.samples import session, talk
from tests.pages.test_browser import NARROW, WIDE, WIDER, Site
from tests.pages.test_session_browser import opened

pytestmark = pytest.mark.usefixtures("local", "transactional_db")


@pytest.fixture
def look(live_server: LiveServer, chromium: Path) -> Callable[[Snapshot], Site]:
    return lambda made: Site(live_server.url, chromium, made, made)


def test_a_message_is_pinned_with_a_key_and_the_page_stays(
    look: Callable[[Snapshot], Site],
) -> None:
    with opened(look(session(ensure_project(), talk(10)))) as browser:
        page, keys = browser.page, browser.page.keyboard
        keys.press("End")
        keys.press("k")
        keys.press("p")
        button = page.locator('#m19 [data-pin="19"]')
        expect(button).to_have_text("Unpin")
        expect(button).to_be_focused()
        expect(page.locator("#m19 .held")).to_have_text("pinned")
        expect(page.locator(".legend")).to_contain_text("pinned 1", use_inner_text=True)
        expect(page.locator(".boundary").last).to_contain_text("Pinned #19", use_inner_text=True)
        keys.press("p")
        expect(button).to_have_text("Pin")
        expect(page.locator(".boundary").last).to_contain_text("Unpinned #19", use_inner_text=True)


def test_a_message_is_pinned_without_scripts(look: Callable[[Snapshot], Site]) -> None:
    site = look(session(ensure_project(), talk(3)))
    with site.browser() as browser:
        assert browser.page.context.browser
        page = browser.page.context.browser.new_page(java_script_enabled=False)
        page.goto(f"{site.url}/sessions/{site.long.id}/")
        page.locator("#m2 [data-pin]").click(force=True)
        page.wait_for_url("**/m/2/")
        expect(page.locator("#m2 .held")).to_have_text("pinned")


def test_a_session_is_compressed_from_its_page_and_an_open_page_tells(
    look: Callable[[Snapshot], Site],
) -> None:
    site = look(begun(ensure_project(), told(14)))
    with opened(site, "compressions/") as browser:
        page = browser.page
        assert page.context.browser
        log = page.context.browser.new_page()
        log.goto(f"{site.url}/sessions/{site.long.id}/")
        expect(log.locator("article.is-discarded")).to_have_count(0)
        expect(page.locator(".blank")).to_contain_text("Nothing was folded yet")
        page.click("text=Compress now…")
        expect(page.locator(".outcome")).to_have_text("tried only, nothing is changed")
        # The button to do it has the focus.
        page.keyboard.press("Enter")
        page.wait_for_url("**/compressions/*/")
        expect(page.locator("h1")).to_have_text("Compression 1")
        expect(log.locator("article.is-discarded").first).to_be_attached()
        expect(log.locator(".legend")).to_contain_text("discarded", use_inner_text=True)
        expect(log.locator(".e-compressed")).to_contain_text("Compression 1", use_inner_text=True)
        expect(log.locator('[data-live="compressions"] a')).to_have_text("1")


def test_verdicts_are_walked_and_opened_with_the_keyboard(
    look: Callable[[Snapshot], Site],
) -> None:
    site = look(folded(ensure_project(), times=3))
    first, second, third = list(Compression.everything.order_by("number"))
    with site.browser() as browser:
        page, keys = browser.page, browser.page.keyboard
        browser.open(f"/sessions/{site.long.id}/compressions/")
        keys.press("j")
        browser.stands_on("Compression 3")
        keys.press("j")
        keys.press("Enter")
        page.wait_for_url(f"**/compressions/{second.id}/")
        keys.press("]")
        page.wait_for_url(f"**/compressions/{third.id}/")
        keys.press("[")
        page.wait_for_url(f"**/compressions/{second.id}/")
        keys.press("[")
        page.wait_for_url(f"**/compressions/{first.id}/")
        keys.press("j")
        expect(browser.focused).to_be_attached()
        keys.press("Enter")
        page.wait_for_url(re.compile(r"/sessions/[\w-]+/m/\d+/"))
        assert browser.troubles == []


def test_a_fate_leads_to_its_verdict(look: Callable[[Snapshot], Site]) -> None:
    site = look(folded(ensure_project()))
    with opened(site) as browser:
        page = browser.page
        page.keyboard.press("Home")
        page.locator("article.is-discarded .fate a").first.click()
        page.wait_for_url("**/compressions/*/?around=*")
        expect(page.locator("tr.here")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_pages_of_what_was_folded_are_quiet_and_as_wide_as_the_screen(
    look: Callable[[Snapshot], Site], size: tuple[int, int], scheme: str
) -> None:
    site = look(folded(ensure_project(), turns=16, times=2))
    one = f"/sessions/{site.long.id}"
    keys = [row.id for row in Compression.everything.all()]
    pages = ["/sessions/", f"{one}/", f"{one}/context/", f"{one}/compressions/"]
    with site.browser(size, scheme) as browser:
        for address in [*pages, *(f"/compressions/{key}/" for key in keys)]:
            browser.open(address)
            assert browser.page.evaluate(WIDER) <= 0, address
        browser.open(f"{one}/compressions/")
        assert browser.troubles == []
