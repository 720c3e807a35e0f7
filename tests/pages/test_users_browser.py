"""The pages of users in a real browser: odd keys, the keyboard, a decision and its undo."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from tests import browsing
from tests.pages.remembered import contradicted, seen, stored
from tests.pages.samples import session, user
from tests.pages.test_browser import WIDER, Site, has_axe, in_each_look
from tests.pages.test_bulk_browser import press, told
from tests.pages.test_sessions_browser import opened

pytestmark = pytest.mark.usefixtures("local", "transactional_db")

ODD = (
    "..", ".", "a/../b", "a//b", "%2e%2e", "a?b#c", "a\\b", "\u202eabc", " ", "x\ny", "caf\u00e9",
)  # fmt: skip


@pytest.fixture
def site(live_server: LiveServer, chromium: Path) -> Site:
    project = ensure_project()
    for key in ODD:
        stored(project, f"It is {json.dumps(key)}.", who=key)
    made = session(project, [user("I live in Lisbon.")], user="ines")
    for number in range(4):
        stored(project, f"Likes tea {number}.", category="preference", key=f"tea {number}")
    contradicted(project, made)
    seen(project, "zoe")
    return Site(live_server.url, chromium, made, made)


def says(page: Page, key: str) -> None:
    """Waits until the page of this user is there."""
    expect(page.locator("td.says a[data-open]")).to_contain_text(f"It is {json.dumps(key)}.")


@pytest.mark.long
def test_whatever_the_key_a_press_opens_its_page(site: Site) -> None:
    with opened(site, "/users/") as browser:
        page = browser.page
        links = [link.get_attribute("href") for link in page.locator("td.who a").all()]
        assert len(links) == len(ODD) + 2
        for at, link in enumerate(links[2:]):
            page.locator("td.who a").nth(at + 2).click()
            key = ODD[len(ODD) - 1 - at]
            says(page, key)
            page.locator(".segments a").nth(5).click()
            says(page, key)
            page.fill("#find-facts", "it")
            page.press("#find-facts", "Enter")
            page.wait_for_url(re.compile("q=it"))
            says(page, key)
            page.click("summary >> text=Add a fact")
            page.fill("#new-text", "Added.")
            page.click(".add button")
            told(page, "1 fact stored.")
            twin = page.locator(".bottom a").first.get_attribute("href")
            answer = page.request.get(f"{site.url}{twin}")
            assert answer.json()["user"] == key, link
            browser.open("/users/")


def test_the_list_is_walked_found_in_and_kept_by_back(site: Site) -> None:
    with opened(site, "/users/?sort=-user") as browser:
        page = browser.page
        press(page, "/")
        page.keyboard.type("in")
        press(page, "Enter")
        page.wait_for_url(re.compile("q=in"))
        press(page, "j")
        browser.stands_on("ines")
        with page.expect_navigation():
            press(page, "Enter")
        expect(page.locator("h1")).to_have_text("ines")
        page.go_back()
        expect(page.locator("#by-key")).to_have_value("in")
        press(page, "g", "u")
        page.wait_for_url("**/users/")
        expect(page.locator("#by-key")).to_have_value("")


@pytest.mark.long
def test_facts_are_selected_with_x_retired_and_put_back(site: Site) -> None:
    with opened(site, "/users/ines/?category=preference") as browser:
        page = browser.page
        press(page, "j", "x", "j", "x")
        expect(page.locator("[data-picked]")).to_have_text("2")
        press(page, "a")
        expect(page.locator("#bulk button").first).to_be_focused()
        page.click("#bulk button[value=retire]")
        dialog = page.locator("dialog.ask")
        expect(dialog.locator("h2")).to_have_text("Retire 2 facts?")
        expect(dialog).to_be_visible()  # it is there before it is open
        press(page, "Escape")
        expect(dialog).to_have_count(0)
        page.click("#bulk button[value=retire]")
        dialog.locator("#ask-reason").fill("She drinks none.")
        dialog.locator("button.grave").click()
        told(page, "2 facts retired.")
        expect(page.locator("td.says a[data-open]")).to_have_text(
            ["Likes tea 1.", "Likes tea 0."], use_inner_text=True
        )
        page.reload()
        told(page, "2 facts retired.")
        page.click(".told button")
        told(page, "2 facts put back as before.")
        expect(page.locator("td.says a[data-open]")).to_have_count(4)
        expect(page).to_have_url(re.compile("category=preference"))


def test_a_decision_is_made_with_the_keyboard_and_undone(site: Site) -> None:
    with opened(site, "/users/") as browser:
        page = browser.page
        page.click(".waits .button")
        expect(page.locator("h1")).to_have_text("Facts that wait for a decision")
        press(page, "j")
        expect(page.locator("article.conflict")).to_be_focused()
        with page.expect_navigation():
            press(page, "Enter")
        expect(page).to_have_url(re.compile("/facts/"))
        page.go_back()
        page.locator("article.conflict").focus()
        button = page.locator("button[value=accept]")
        while not button.evaluate("one => one === document.activeElement"):
            press(page, "Tab")
        press(page, "Enter")
        told(page, "1 fact accepted.", "1 fact gave way.")
        expect(page.locator("h2")).to_contain_text(["Nothing waits"])
        page.click(".told button")
        told(page, "1 fact put back as before.")
        expect(page.locator("article.conflict")).to_contain_text("I live in Lisbon.")


@pytest.mark.long
def test_a_fact_is_added_and_what_is_wrong_with_it_is_said(site: Site) -> None:
    with opened(site, "/users/ines/") as browser:
        page = browser.page
        page.click(".add summary")
        page.fill("#new-text", "   ")
        page.fill("#new-category", "taste")
        page.click(".add button")
        expect(page.locator("#add-wrong")).to_be_visible()
        expect(page.locator("#new-category")).to_have_value("taste")
        page.fill("#new-text", "Takes no sugar.")
        page.click(".add button")
        told(page, "1 fact stored.")
        expect(page.locator("td.says a[data-open]").first).to_have_text("Takes no sugar.")
        assert [trouble for trouble in browser.troubles if "status of 422" not in trouble] == []
        browser.troubles.clear()


@pytest.mark.long
def test_what_a_prompt_would_get_is_opened_in_its_address(site: Site) -> None:
    with opened(site, "/users/ines/") as browser:
        page = browser.page
        page.fill("#prompt-query", "Which tea?")
        page.press("#prompt-query", "Enter")
        expect(page.locator("pre.prompt")).to_contain_text("Likes tea")
        page.reload()
        expect(page.locator("pre.prompt")).to_contain_text("Likes tea")


def test_a_user_is_erased_by_typing_the_key(site: Site) -> None:
    with opened(site, "/users/zoe/") as browser:
        page = browser.page
        page.click(".actions a")
        expect(page.locator("#gone-title")).to_have_text("What goes, for good")
        page.fill("#typed", "zo")
        page.click("form.typed button.grave")
        expect(page.locator("#typed-wrong")).to_contain_text("nothing was erased")
        page.fill("#typed", "zoe")
        page.click("form.typed button.grave")
        expect(page.locator("h1")).to_have_text("What was remembered of zoe is erased")
        with page.expect_download() as download:
            page.click(".actions a")
        receipt = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
        assert (receipt["user"], receipt["counts"]["users"]) == ("zoe", 1)
        assert [trouble for trouble in browser.troubles if "status of 422" not in trouble] == []
        browser.troubles.clear()


@pytest.mark.long
def test_all_of_it_works_without_scripts(site: Site) -> None:
    with browsing.browser(site.chromium) as chromium:
        page: Page = chromium.new_page(java_script_enabled=False)
        page.goto(f"{site.url}/users/ines/?category=preference")
        page.locator("td.pick input").first.check()
        page.click("#bulk button[value=pin]")
        expect(page.locator("h1")).to_have_text("Pin 1 fact?")
        page.click(".ask button")
        expect(page.locator(".told")).to_contain_text("1 fact pinned.")
        page.click(".told button")
        expect(page.locator(".told")).to_contain_text("1 fact put back as before.")
        page.goto(f"{site.url}/inbox/")
        page.click("button[value=dismiss]")
        expect(page.locator(".told")).to_contain_text("1 fact dismissed.")


@pytest.mark.long
@in_each_look
def test_questions_and_answers_are_as_wide_as_the_screen_and_sound(
    site: Site, size: tuple[int, int], scheme: str
) -> None:
    with site.browser(size, scheme) as browser:
        page = browser.page
        browser.open("/users/ines/?category=preference")
        page.locator("td.pick input").first.check()
        assert page.evaluate(WIDER) <= 0
        page.click("#bulk button[value=retire]")
        expect(page.locator("dialog.ask")).to_be_visible()
        assert page.evaluate(WIDER) <= 0
        assert not has_axe or browser.serious(scheme) == []
        page.locator("dialog.ask button.grave").click()
        told(page, "1 fact retired.")
        assert page.evaluate(WIDER) <= 0
        assert not has_axe or browser.serious(scheme) == []
