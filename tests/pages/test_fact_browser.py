"""A fact in a real browser: set right, pinned, retired, and edited by two at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from memory_app import facts
from memory_app.facts import By
from memory_app.models import Fact
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot
from tests import browsing
from tests.pages.test_browser import WIDER, Site, has_axe, in_each_look
from tests.pages.test_fact import address, lived, sourced, stored, used

pytestmark = pytest.mark.usefixtures("local", "transactional_db")

SAVE = "button:text-is('Save')"


@dataclass
class Told:
    """A site, a session of ines, and a fact of hers that its contexts had."""

    site: Site
    session: Snapshot
    fact: Any
    spare: Any

    @property
    def page(self) -> str:
        return address(self.fact)


def another(page: Page) -> Page:
    """A page of somebody else."""
    assert page.context.browser
    return page.context.browser.new_page()


@pytest.fixture
def told(live_server: LiveServer, chromium: Path) -> Told:
    project = ensure_project()
    made = lived(project)
    fact = sourced(project, made)
    used(project, made, 3)
    spare = stored(project, "Ines keeps her keys in the blue locker.")
    return Told(Site(live_server.url, chromium, made, made), made, fact, spare)


def in_context(page: Page, told: Told, fact: Any) -> bool:
    """Whether the next context of the session has a fact."""
    answer = page.request.get(f"{told.site.url}/sessions/{told.session.id}/context.json").json()
    return str(fact.id) in [key for part in answer["parts"] for key in part["facts"]]


@pytest.mark.long
def test_a_pinned_fact_is_in_the_next_context_and_a_retired_one_is_not(told: Told) -> None:
    # What was learnt is told only where it is asked for, unless it is pinned.
    Fact.everything.filter(pk=told.spare.pk).update(learnt_by="rules")
    with told.site.browser() as browser:
        page = browser.page
        assert not in_context(page, told, told.spare)
        browser.open(address(told.spare))
        page.fill(".reason", "She loses them.")
        page.click("text=Pin")
        expect(page.locator(".told")).to_contain_text("Pinned")
        expect(page.locator(".revisions")).to_contain_text("She loses them.")
        assert in_context(page, told, told.spare)
        page.click("text=Retire")
        expect(page.locator(".told")).to_contain_text("Retired")
        assert not in_context(page, told, told.spare)
        page.click(".told >> text=Undo")
        expect(page.locator(".told")).to_contain_text("Undone")
        assert in_context(page, told, told.spare)
        assert browser.troubles == []


@pytest.mark.long
def test_a_newcomer_sets_a_fact_right_and_sees_what_it_touched_in_five_presses(
    told: Told,
) -> None:
    with told.site.browser() as browser:
        page = browser.page
        browser.open("/")
        presses: list[Callable[[], None]] = [
            lambda: page.click("nav >> text=Users"),
            lambda: page.click("main >> text=ines"),
            lambda: page.click("main >> text=Ines lives in Porto."),
            lambda: page.click("main >> text=Edit"),
            lambda: page.click(SAVE),
        ]
        for press in presses[:-1]:
            press()
        page.fill("[name=text]", "Ines lives in Lisbon.")
        presses[-1]()
        expect(page.locator("h1")).to_have_text("Ines lives in Lisbon.")
        expect(page.locator(".told")).to_contain_text("3 answers may have been spoilt")
        expect(page.locator(".uses tbody tr")).to_have_count(3)
        expect(page.locator(".uses .answer").first).to_contain_text("You live in Porto.")
        assert len(presses) <= 5
        page.click(".told a:not(.button)")
        expect(page.locator("#uses-title")).to_be_in_viewport()
        page.locator(".uses .answer a").last.click()
        page.wait_for_url("**/m/3/")
        expect(page.locator("#m3")).to_be_focused()
        assert browser.troubles == []


def edit(page: Page, told: Told, text: str) -> None:
    page.goto(f"{told.site.url}{told.page}?edit=true")
    page.fill("[name=text]", text)


@pytest.mark.long
def test_the_second_editor_sees_both_texts_and_saves_over(told: Told) -> None:
    with told.site.browser() as browser:
        second = browser.page
        first = another(second)
        for page, text in ((first, "Ines lives in Lisbon."), (second, "Ines lives in Madrid.")):
            edit(page, told, text)
        second.fill("[name=reason]", "I asked her.")
        first.click(SAVE)
        expect(first.locator("h1")).to_have_text("Ines lives in Lisbon.")
        second.click(SAVE)
        expect(second.locator("h1")).to_have_text("This fact was changed while you edited it")
        expect(second.locator(".stored")).to_have_text("Ines lives in Lisbon.")
        expect(second.locator("[name=text]")).to_have_value("Ines lives in Madrid.")
        expect(second.locator("[name=reason]")).to_have_value("I asked her.")
        second.fill("[name=text]", "Ines lives in Madrid now.")
        second.click("text=Save mine over it")
        expect(second.locator("h1")).to_have_text("Ines lives in Madrid now.")
        expect(second.locator(".revisions li").first).to_contain_text("I asked her.")
        second.click(".told >> text=Undo")
        expect(second.locator("h1")).to_have_text("Ines lives in Lisbon.")


@pytest.mark.long
def test_the_second_editor_takes_theirs(told: Told) -> None:
    with told.site.browser() as browser:
        second = browser.page
        first = another(second)
        edit(second, told, "Ines lives in Madrid.")
        edit(first, told, "Ines lives in Lisbon.")
        first.click(SAVE)
        expect(first.locator("h1")).to_have_text("Ines lives in Lisbon.")
        second.click(SAVE)
        second.click("text=Take theirs")
        expect(second.locator("h1")).to_have_text("Ines lives in Lisbon.")
        expect(second.locator(".revisions li")).to_have_count(2)


def test_a_fact_is_edited_and_walked_with_the_keyboard(told: Told) -> None:
    with told.site.browser() as browser:
        page, keys = browser.page, browser.page.keyboard
        browser.open(told.page)
        keys.press("e")
        expect(page.locator("[name=text]")).to_be_focused()
        assert page.url.endswith("?edit=true")
        keys.press("Escape")
        expect(page.locator("[data-editor]")).to_have_count(0)
        keys.press("e")
        expect(page.locator("[name=text]")).to_be_focused()
        keys.press("End")
        keys.type(" Still.")
        keys.press("Escape")
        expect(page.locator("[name=text]")).to_have_value("Ines lives in Porto. Still.")
        page.locator("[name=text]").press("Tab")
        page.locator("[name=reason]").press("Enter")
        expect(page.locator("h1")).to_have_text("Ines lives in Porto. Still.")
        page.go_back()
        browser.open(told.page)
        for words in ("2 local", "1 user", "at "):
            keys.press("j")
            browser.stands_on(words)
        keys.press("k")
        browser.stands_on("1 user")
        keys.press("j")
        keys.press("Enter")
        page.wait_for_url("**/contexts/*/")
        assert browser.troubles == []


def test_what_was_typed_survives_a_mistake(told: Told) -> None:
    with told.site.browser() as browser:
        page = browser.page
        edit(page, told, "Ines lives in Lisbon.")
        page.click("summary")
        page.fill("[name=metadata]", "{no")
        page.click(SAVE)
        expect(page.locator("#wrong-metadata")).to_contain_text("not valid JSON")
        expect(page.locator("[name=metadata]")).to_be_focused()
        expect(page.locator("[name=text]")).to_have_value("Ines lives in Lisbon.")
        page.fill("[name=metadata]", '{"told": "by her"}')
        page.click(SAVE)
        expect(page.locator(".meta")).to_contain_text("by her")


@pytest.mark.long
def test_all_of_it_works_without_scripts(told: Told) -> None:
    with browsing.browser(told.site.chromium) as chromium:
        page = chromium.new_page(java_script_enabled=False)
        page.goto(f"{told.site.url}{told.page}")
        page.click("text=Edit")
        page.fill("[name=text]", "Ines lives in Lisbon.")
        page.click(SAVE)
        expect(page.locator("h1")).to_have_text("Ines lives in Lisbon.")
        page.click(".revisions >> text=Back to this")
        expect(page.locator("h1")).to_have_text("Ines lives in Porto.")
        page.click("text=Mark the answers for review…")
        page.click("button >> text=Mark 3 answers")
        expect(page.locator(".told")).to_contain_text("3 answers marked for review.")
        page.click(".told >> text=Undo")
        expect(page.locator(".told")).to_contain_text("taken away again")


@in_each_look
def test_every_state_fits_the_screen_and_axe_finds_nothing_serious(
    told: Told, size: tuple[int, int], scheme: str
) -> None:
    long = {"text": "Along" * 60, "subject": "s" * 200}
    facts.change(get_store(), told.session.project, told.fact.id, facts.editing(long), By("b" * 99))
    with told.site.browser(size, scheme) as browser:
        page = browser.page

        def look(name: str) -> None:
            assert page.evaluate(WIDER) <= 0, name
            if has_axe:
                assert browser.serious(scheme) == [], name

        for query in ("", "?edit=true", "?merge=blue%20locker", f"?into={told.spare.id}"):
            browser.open(f"{told.page}{query}")
            look(query)
        edit(page, told, "Along" * 50 + "er")
        page.evaluate("document.querySelector('[name=revision]').value = '1'")
        page.click(SAVE)
        expect(page.locator("h1")).to_contain_text("was changed while")
        look("conflict")
        page.click("text=Save mine over it")
        expect(page.locator(".told")).to_be_visible()
        look("told")
        page.evaluate("document.querySelector('.acts [name=revision]').value = '1'")
        page.click("text=Retire")
        expect(page.locator(".missed")).to_be_visible()
        look("missed")
        assert [one for one in browser.troubles if "status of 409" not in one] == []
