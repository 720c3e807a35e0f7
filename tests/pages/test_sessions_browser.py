"""The list of sessions in a real browser: facets, search, the keyboard, the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from sessions_app.store import get_store
from tests import browsing
from tests.pages.samples import assistant, session, talk, user
from tests.pages.test_browser import NARROW, WIDE, WIDER, Browser, Site, in_each_look, needs_axe

LISTS = (
    "/sessions/",
    "/sessions/?q=apple",
    "/sessions/?q=nothing-like-it",
    "/sessions/?tag=fruit&status=active&span=24h&min_level=0.6&min_tokens=1000&errors=true"
    "&user=somebody-with-a-very-long-name-indeed-as-programs-give-them&needs_review=true",
    "/sessions/?active_since=2026-01-01T00:00&count=true&sort=-tokens",
)

pytestmark = pytest.mark.usefixtures("local", "transactional_db")


@pytest.fixture
def site(live_server: LiveServer, chromium: Path) -> Site:
    project = ensure_project()
    said = [*talk(15), assistant("A xylophone was mentioned once."), *talk(80)]
    long = session(project, said, title="Long", user="alice")
    for number in range(4):
        fruit = [user(f"apple {number}"), assistant("apple pie"), user("apple again " * 40)]
        session(project, fruit, title=f"Fruit {number}", user="bo", tags=("fruit", "x" * 80))
    ended = session(project, [user("pear " * 300)], title="Word " * 50, tags=("done",))
    get_store().end(project.pk, ended.id)
    return Site(live_server.url, chromium, long, long)


@contextmanager
def opened(
    site: Site, address: str, size: tuple[int, int] = WIDE, scheme: str = "light"
) -> Iterator[Browser]:
    """A list; nothing may have gone wrong on it by the end."""
    with site.browser(size, scheme) as browser:
        browser.open(address)
        yield browser
        assert browser.troubles == []


def lists(browser: Browser, *titles: str | re.Pattern[str]) -> None:
    """Waits until these sessions are on the page, in this order, and no others."""
    rows = browser.page.locator("td.title a[data-open]")
    expect(rows).to_have_text(list(titles), use_inner_text=True)


def lists_as_many_as(browser: Browser, number: int) -> None:
    expect(browser.page.locator("td.title a[data-open]")).to_have_count(number)


def test_facets_are_pressed_taken_away_and_kept_by_reload_and_back(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        page.click(".facet a:text-is('Ended')")
        page.wait_for_url("**status=ended")
        lists(browser, re.compile("^Word"))
        page.reload()
        lists(browser, re.compile("^Word"))
        page.click("td.title a[data-open]")
        page.wait_for_selector("[role=log]")
        page.go_back()
        expect(page.locator(".facet a[aria-current]")).to_have_text(["Ended"])
        page.click(".chips a")
        page.wait_for_url(lambda url: "status" not in url)
        lists_as_many_as(browser, 6)
        page.go_back()
        lists_as_many_as(browser, 1)


@pytest.mark.long
def test_fields_narrow_beside_what_is_chosen_already(site: Site) -> None:
    with opened(site, "/sessions/?status=active&sort=tokens") as browser:
        page = browser.page
        page.fill("#by-user", "bo")
        page.fill("#since", "2026-01-01T00:00")
        page.press("#by-user", "Enter")
        page.wait_for_url("**user=bo**")
        lists_as_many_as(browser, 4)
        expect(page.locator(".chips li")).to_have_count(3)
        expect(page.locator("#since")).to_have_value("2026-01-01T00:00")
        assert "sort=tokens" in page.url
        page.click("text=Clear filters")
        page.wait_for_url("**/sessions/?sort=tokens")


@pytest.mark.long
def test_a_hit_deep_in_a_session_is_opened_where_it_stands(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        page.keyboard.press("/")
        page.keyboard.type("xylophone")
        page.keyboard.press("Enter")
        expect(page.locator("tr.hits mark")).to_have_text("xylophone")
        page.click("a.hit")
        page.wait_for_url("**/m/31/?q=xylophone")
        expect(page.locator("#m31")).to_be_visible()
        page.go_back()
        expect(page.locator("#search")).to_have_value("xylophone")


def test_sessions_and_hits_are_walked_with_the_keyboard(site: Site) -> None:
    with opened(site, "/sessions/?q=apple") as browser:
        keys = browser.page.keyboard
        keys.press("j")
        browser.stands_on("Fruit 3", begins=True)
        keys.press("j")
        browser.stands_on("apple again")
        for _ in range(3):
            keys.press("j")
        browser.stands_on("Fruit 2", begins=True)
        keys.press("k")
        browser.stands_on("apple 3")
        keys.press("Enter")
        browser.page.wait_for_url("**/m/1/?q=apple")


@in_each_look
def test_no_list_is_wider_than_the_screen(site: Site, size: tuple[int, int], scheme: str) -> None:
    with opened(site, "/sessions/", size, scheme) as browser:
        for address in LISTS:
            browser.open(address)
            assert browser.page.evaluate(WIDER) <= 0, address
            browser.page.locator("details.facets").evaluate("fold => { fold.open = true }")
            assert browser.page.evaluate(WIDER) <= 0, f"{address} unfolded"


@pytest.mark.long
def test_facets_fold_on_a_narrow_screen_with_the_number_of_the_chosen(site: Site) -> None:
    with opened(site, "/sessions/?status=active&user=bo", NARROW) as browser:
        page = browser.page
        expect(page.locator("#by-user")).to_be_hidden()
        expect(page.locator("details.facets summary")).to_contain_text("2", use_inner_text=True)
        page.click("details.facets summary")
        expect(page.locator("#by-user")).to_be_visible()
    with opened(site, "/sessions/") as browser:
        expect(browser.page.locator("#by-user")).to_be_visible()
        expect(browser.page.locator("details.facets summary")).to_be_hidden()


def test_the_list_is_whole_without_scripts(site: Site) -> None:
    with browsing.browser(site.chromium) as chromium:
        page = chromium.new_page(java_script_enabled=False)
        page.goto(f"{site.url}/sessions/")
        page.fill("#search", "apple")
        page.press("#search", "Enter")
        page.wait_for_url("**q=apple**")
        page.click(".facet a:text-is('Idle')")
        expect(page.locator("main")).to_contain_text("No session matches", use_inner_text=True)
        page.click("main >> text=Clear filters")
        expect(page.locator("td.title")).to_have_count(6)


@pytest.mark.long
@needs_axe
@in_each_look
def test_axe_finds_nothing_serious_on_lists(site: Site, size: tuple[int, int], scheme: str) -> None:
    with opened(site, "/sessions/", size, scheme) as browser:
        for address in LISTS:
            browser.open(address)
            assert browser.serious(scheme) == [], address
