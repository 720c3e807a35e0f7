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
from sessions_app import clock
from sessions_app.store.base import Snapshot
from tests.pages.folded import begun, folded, told
from tests.pages.samples import session, talk
from tests.pages.test_accounts import compacted
from tests.pages.test_browser import WIDER, Site, in_each_look, needs_axe
from tests.pages.test_compressions import row_of
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


@pytest.mark.long
def test_a_message_is_pinned_without_scripts(look: Callable[[Snapshot], Site]) -> None:
    site = look(session(ensure_project(), talk(3)))
    with site.browser() as browser:
        assert browser.page.context.browser
        page = browser.page.context.browser.new_page(java_script_enabled=False)
        page.goto(f"{site.url}/sessions/{site.long.id}/")
        page.locator("#m2 [data-pin]").click(force=True)
        page.wait_for_url("**/m/2/")
        expect(page.locator("#m2 .held")).to_have_text("pinned")


@pytest.mark.long
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


@pytest.mark.long
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


@in_each_look
def test_pages_of_what_was_folded_are_quiet_and_as_wide_as_the_screen(
    look: Callable[[Snapshot], Site], size: tuple[int, int], scheme: str
) -> None:
    site = look(folded(ensure_project(), turns=16, times=2))
    one = f"/sessions/{site.long.id}"
    compacted(ensure_project(), lost=40, title="Imported " + "and of a long name " * 9)
    row_of(site.long, outcome="failed", error="no answer within 30 s " * 9)
    keys = [row.id for row in Compression.everything.all()]
    pages = ["/sessions/", "/compressions/", f"{one}/", f"{one}/context/", f"{one}/compressions/"]
    with site.browser(size, scheme) as browser:
        for address in [*pages, *(f"/compressions/{key}/" for key in keys)]:
            browser.open(address)
            assert browser.page.evaluate(WIDER) <= 0, address
        browser.open(f"{one}/compressions/")
        assert browser.troubles == []


LAPTOP, TABLET = (1024, 768), (768, 1024)


@pytest.mark.long
@pytest.mark.parametrize("size", [LAPTOP, TABLET])
def test_no_column_of_a_list_is_cut_off(
    look: Callable[[Snapshot], Site], size: tuple[int, int]
) -> None:
    """A panel hides what is wider than itself, so the page alone would not show it."""
    project = ensure_project()
    site = look(folded(project, turns=16, title="A long talk " * 9, user="somebody@example.org"))
    compacted(project, lost=40, title="Imported " * 12)
    hour = 3_600_000_000
    row_of(site.long, outcome="refused", tokens_before=16_492, queued_us=clock.now_us() - hour)
    lists = "[...document.querySelectorAll('.panel:has(> table)')]"
    cut = f"{lists}.map(one => one.scrollWidth - one.clientWidth)"
    with site.browser(size) as browser:
        for address in ("/sessions/", "/compressions/", f"/sessions/{site.long.id}/compressions/"):
            browser.open(address)
            assert max(browser.page.evaluate(cut)) <= 0, address


def test_creation_is_seen_and_sorted_by_on_a_laptop(look: Callable[[Snapshot], Site]) -> None:
    site = look(session(ensure_project(), talk(2)))
    with site.browser(LAPTOP) as browser:
        browser.open("/sessions/")
        expect(browser.page.locator("td.made time")).to_be_visible()
        browser.page.click("th.made a")
        expect(browser.page.locator("th.made")).to_have_attribute("aria-sort", "descending")


def test_what_was_lost_is_reached_from_the_sessions_with_the_keyboard(
    look: Callable[[Snapshot], Site],
) -> None:
    made, row = compacted(ensure_project(), lost=2, title="The importer")
    site = look(made)
    with site.browser() as browser:
        page, keys = browser.page, browser.page.keyboard
        browser.open("/sessions/")
        browser.go("c")
        page.wait_for_url("**/compressions/")
        expect(page.locator(".sentence")).to_have_text(
            "1 of your sessions was compacted by Claude Code; 2 paths were lost."
        )
        keys.press("j")
        browser.stands_on("The importer")
        keys.press("Enter")
        page.wait_for_url(f"**/compressions/{row.id}/")
        page.go_back()
        page.locator(".lost-of").get_by_role("link", name="Message #1").first.press("Enter")
        page.wait_for_url(f"**/sessions/{made.id}/m/1/")
        expect(page.locator("#m1")).to_be_focused()
        assert browser.troubles == []


def test_filters_stand_in_the_address_and_back_keeps_them(
    look: Callable[[Snapshot], Site],
) -> None:
    made, _ = compacted(ensure_project(), title="The importer")
    site = look(made)
    with site.browser() as browser:
        page = browser.page
        browser.open("/compressions/")
        page.get_by_role("link", name="Other tools").click()
        page.wait_for_url("**/compressions/?whose=others")
        page.get_by_role("link", name="Failed").click()
        expect(page.locator(".blank")).to_contain_text("No compression matches")
        page.go_back()
        page.wait_for_url("**/compressions/?whose=others")
        expect(page.locator(".narrowing [aria-current]")).to_have_text("Other tools")
        expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.long
@pytest.mark.parametrize("scripts", [True, False])
def test_a_failed_one_is_run_again_from_the_list(
    look: Callable[[Snapshot], Site], *, scripts: bool
) -> None:
    site = look(begun(ensure_project(), told(14), title="A long talk"))
    row_of(site.long, outcome="failed", error="no answer within 30 s")
    with site.browser() as browser:
        assert browser.page.context.browser
        page = browser.page.context.browser.new_page(java_script_enabled=scripts)
        page.goto(f"{site.url}/compressions/")
        button = page.get_by_role("button", name="Run again: Compression, failed of A long talk")
        button.press("Enter")
        page.wait_for_url("**/compressions/*-*/")
        expect(page.locator("h1")).to_have_text("Compression 1")
        expect(page.get_by_role("button", name="Run again")).to_have_count(0)
        page.goto(f"{site.url}/compressions/?outcome=failed")
        button.press("Enter")
        expect(page.locator(".told")).to_contain_text("nothing to fold now")
        expect(page.locator("h1")).to_have_text("Compression, failed")


@pytest.mark.long
@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_what_was_lost_and_run_again(
    look: Callable[[Snapshot], Site], scheme: str
) -> None:
    made, lossy = compacted(ensure_project(), lost=9)
    site = look(made)
    failed = row_of(begun(ensure_project(), told(6)), outcome="failed", error="no answer")
    one = f"/compressions/{failed.id}/"
    pages = ("/compressions/", one, f"{one}?did=nothing", f"/compressions/{lossy.id}/")
    with site.browser(scheme=scheme) as browser:
        for address in (*pages, "/compressions/?outcome=refused"):
            browser.open(address)
            assert browser.serious(scheme) == [], address
