"""The selection in a real browser: keyboard and mouse, its questions, the undo, saved views."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from sessions_app import savedviews
from sessions_app.models import Project
from sessions_app.savedviews import NewView
from sessions_app.store import get_store
from tests import browsing
from tests.pages.samples import session, talk, user
from tests.pages.test_browser import WIDER, Site, has_axe, in_each_look
from tests.pages.test_sessions_browser import lists, lists_as_many_as, opened

pytestmark = pytest.mark.usefixtures("local", "transactional_db")


@pytest.fixture
def site(live_server: LiveServer, chromium: Path) -> Site:
    project = ensure_project()
    for number in range(5):
        tags = ("fruit", "x" * 80) if number % 2 else ("fruit",)
        said = [user(f"apple {number}"), *talk(number)]
        made = session(project, said, title=f"Fruit {number}", user="bo", tags=tags)
    get_store().end(project.pk, made.id)
    keep(project, "Fruit of bo", "user=bo&tag=fruit")
    keep(project, "A long name of a view " * 3, "q=apple")
    keep(project, "Old", "mood=happy")
    return Site(live_server.url, chromium, made, made)


def keep(project: Project, name: str, query: str) -> None:
    savedviews.put(get_store(), project.pk, NewView(name[: savedviews.LONGEST_NAME], query, "ana"))


def picked(page: Page, *titles: str) -> None:
    """Waits until these rows are selected, and no others."""
    rows = page.locator("tr:has([data-pick]:checked) td.title a[data-open]")
    expect(rows).to_have_text(list(titles), use_inner_text=True)


def picked_as_many_as(page: Page, number: int) -> None:
    expect(page.locator("tr:has([data-pick]:checked)")).to_have_count(number)


def with_tag(page: Page, tag: str, number: int) -> None:
    """Waits until as many rows have the tag."""
    expect(page.locator("a.tag").filter(has_text=tag)).to_have_count(number)


def told(page: Page, *words: str) -> None:
    """Waits until the page that says what was done is whole and has the focus where it says it."""
    said = page.locator(".told")
    for part in words:
        expect(said).to_contain_text(part, use_inner_text=True)
    page.wait_for_load_state()
    expect(said).to_be_focused()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_rows_are_selected_with_the_keyboard_and_the_focus_stays(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        bar = page.locator("#bulk")
        press(page, "x")
        expect(bar).to_be_hidden()
        press(page, "j", "x", "j", "j", "x")
        picked(page, "Fruit 4", "Fruit 2")
        words = re.compile(r"^\s*2 selected\s+Archive\s+Tag\s+Export\s+Delete")
        expect(bar).to_have_text(words, use_inner_text=True)
        browser.stands_on("Fruit 2", begins=True)
        press(page, "x")
        picked(page, "Fruit 4")
        press(page, "Escape")
        picked(page)
        expect(bar).to_be_hidden()
        browser.stands_on("Fruit 2", begins=True)


def test_the_actions_are_one_key_away_and_the_way_back_too(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        press(page, "j", "j", "x", "a")
        expect(page.locator(":focus")).to_have_text("Archive")
        press(page, "Escape")
        browser.stands_on("Fruit 3", begins=True)
        picked(page)
        press(page, "a")
        browser.stands_on("Fruit 3", begins=True)


def test_two_deleted_by_keyboard_are_back_after_the_undo(site: Site) -> None:
    with opened(site, "/sessions/?tag=fruit") as browser:
        page = browser.page
        press(page, "j", "x", "j", "x", "a")
        press(page, "Tab", "Tab", "Tab", "Enter")
        page.wait_for_selector("dialog:modal")
        expect(page.locator("dialog.ask")).to_contain_text("Delete 2 sessions?")
        press(page, "j", "x", "t")
        expect(page.locator("button:focus")).to_have_text("Delete 2 sessions")
        press(page, "Enter")
        told(page, "2 sessions deleted")
        lists(browser, "Fruit 2", "Fruit 1", "Fruit 0")
        assert "tag=fruit" in page.url
        press(page, "Tab", "Enter")
        told(page, "restored")
        lists_as_many_as(browser, 5)
        page.reload()
        lists_as_many_as(browser, 5)


@pytest.mark.long
def test_a_question_can_be_left_with_escape_and_cancel(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        for leave in ("Escape", "Enter"):
            page.locator("[data-pick]").first.check()
            page.click("#bulk >> text=Delete")
            page.wait_for_selector("dialog:modal")
            if leave == "Enter":
                press(page, "Tab")
            press(page, leave)
            page.wait_for_selector("dialog.ask", state="detached")
            picked(page, "Fruit 4")
            expect(page.locator("#bulk button[value=delete]")).to_be_focused()
        assert "bulk" not in page.url


@pytest.mark.long
def test_a_reload_of_the_result_does_nothing_again(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        page.locator("[data-pick]").first.check()
        page.click("#bulk >> text=Archive")
        page.click("dialog.ask button.strong")
        told(page, "1 session archived")
        lists_as_many_as(browser, 4)
        page.click(".facet a:text-is('Archived')")
        page.wait_for_url("**status=archived")
        lists(browser, "Fruit 4")
        with page.expect_navigation():
            page.click("td.title a[data-open]")
        page.wait_for_selector("text=Archived")
        page.go_back()
        page.go_back()
        page.reload()
        told(page, "1 session archived")
        page.click(".told >> text=Undo")
        told(page, "out of the archive")
        page.reload()
        page.click(".facet a:text-is('Ended')")
        page.wait_for_url("**status=ended")
        lists(browser, "Fruit 4")


@pytest.mark.long
def test_a_tag_is_added_to_those_selected_and_taken_back(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        page.check("[data-pick-all]")
        picked_as_many_as(page, 5)
        page.locator("[data-pick]").first.uncheck()
        expect(page.locator("[data-pick-all]")).to_be_checked(indeterminate=True)
        page.click("#bulk >> text=Tag")
        page.wait_for_selector("#ask-tag:focus")
        page.keyboard.type("summer x")
        press(page, "Enter")
        told(page, "4 sessions tagged")
        with_tag(page, "summer x", 4)
        page.click(".told >> text=Undo")
        told(page, "no longer tagged")
        with_tag(page, "summer x", 0)
        with_tag(page, "fruit", 5)


@pytest.mark.long
def test_the_box_that_has_the_focus_does_not_take_the_keys(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        page.locator("[data-pick]").nth(1).click()
        press(page, "x")
        picked(page)
        press(page, "x", "j")
        browser.stands_on("Fruit 2", begins=True)
        picked(page, "Fruit 3")


@pytest.mark.long
def test_on_a_hit_its_session_is_selected(site: Site) -> None:
    with opened(site, "/sessions/?q=apple") as browser:
        page = browser.page
        press(page, "j", "j", "x")
        browser.stands_on("apple")
        picked(page, "Fruit 4")


def test_those_selected_are_taken_away_as_one_file(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        press(page, "j", "x", "j", "x", "a", "Tab", "Tab")
        with page.expect_download() as download:
            press(page, "Enter")
        assert download.value.suggested_filename == "sessions.jsonl"
        assert Path(download.value.path()).read_text().count('{"session":') == 2
        picked_as_many_as(page, 2)


@pytest.mark.long
def test_the_help_names_the_keys_of_this_page(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        press(browser.page, "j", "x", "?")
        shown = browser.page.locator("#help")
        expect(shown).to_contain_text("Select the session", use_inner_text=True)
        press(browser.page, "Escape")
        expect(shown).to_be_hidden()
        picked_as_many_as(browser.page, 1)


@pytest.mark.long
def test_a_view_is_saved_opened_deleted_and_had_back(site: Site) -> None:
    with opened(site, "/sessions/?status=ended") as browser:
        page = browser.page
        page.click("text=Save as a view")
        page.fill("#view-name", "Ended ones")
        press(page, "Enter")
        told(page)
        expect(page.locator(".views [aria-current]")).to_have_text("Ended ones")
        page.click(".views >> text=All")
        page.wait_for_url("**/sessions/?")
        page.click(".views >> text=Ended ones")
        page.wait_for_url("**status=ended")
        lists(browser, "Fruit 4")
        page.click("text=About this view")
        page.click("text=Delete for all members")
        told(page)
        expect(page.locator(".views")).not_to_contain_text("Ended ones")
        page.click(".told >> text=Undo")
        page.wait_for_selector(".views >> text=Ended ones")


@pytest.mark.long
def test_all_of_it_works_without_scripts(site: Site) -> None:
    with browsing.browser(site.chromium) as chromium:
        page = chromium.new_page(java_script_enabled=False)
        page.goto(f"{site.url}/sessions/?sort=-created")
        page.locator("[data-pick]").nth(0).check()
        page.locator("[data-pick]").nth(1).check()
        page.click("#bulk >> text=Tag")
        page.fill("#ask-tag", "plain")
        page.click("button.strong")
        with_tag(page, "plain", 2)
        assert "sort=-created" in page.url
        page.click(".told >> text=Undo")
        with_tag(page, "plain", 0)
        page.check("[data-pick-all]")
        page.click("#bulk >> text=Delete")
        expect(page.locator("h1")).to_contain_text("Delete 5 sessions?")
        page.click("text=Cancel")
        expect(page.locator("td.title")).to_have_count(5)
        page.click("#bulk >> text=Archive")
        expect(page.locator("h1")).to_contain_text("No session is selected")


@pytest.mark.long
def test_a_question_that_fails_is_told_by_a_page(site: Site) -> None:
    with site.browser() as browser:
        browser.open("/sessions/")
        page = browser.page
        page.locator("[data-pick]").first.check()
        page.evaluate("document.querySelector('#bulk [name=list]').value = '?nonsense=1'")
        page.click("#bulk >> text=Delete")
        page.wait_for_selector("h1:has-text('This page cannot be shown')")


def states(site: Site, size: tuple[int, int], scheme: str) -> list[str]:
    """Looks at each state of the page; what is too wide or, with axe, seriously wrong in it."""
    found = []
    with opened(site, "/sessions/?user=bo", size, scheme) as browser:
        page = browser.page

        def look(name: str) -> None:
            if page.evaluate(WIDER) > 0:
                found.append(f"{name}: too wide")
            if has_axe:
                found.extend(f"{name}: {broken}" for broken in browser.serious(scheme))

        look("views")
        page.click("text=Save as a view")
        look("name of a view")
        page.check("[data-pick-all]")
        page.locator("[data-pick]").first.uncheck()
        look("selected")
        page.click("#bulk >> text=Tag")
        page.wait_for_selector("dialog:modal")
        look("question")
        page.fill("#ask-tag", "word " * 50)
        page.click("dialog button.strong")
        told(page)
        look("told")
        with page.expect_navigation():
            page.click(".views .broken")
        page.wait_for_selector("text=cannot be opened any more")
        look("broken view")
    return found


@pytest.mark.long
@in_each_look
def test_every_state_fits_the_screen_and_axe_finds_nothing_serious(
    site: Site, size: tuple[int, int], scheme: str
) -> None:
    assert states(site, size, scheme) == []


@pytest.fixture
def looking_only(settings: Settings) -> None:
    settings.HOLDFAST_LOCAL = False
    settings.HOLDFAST_ROLES = {"Team": "viewer"}


@pytest.mark.long
def test_a_viewer_has_no_controls_but_the_export(
    site: Site, looking_only: None, django_user_model: type
) -> None:
    from django.contrib.auth.models import Group, User

    person = User.objects.create_user("vera", password="a long password")
    person.groups.add(Group.objects.create(name="Team"))
    with opened(site, "/login/?next=/sessions/?user=bo") as browser:
        page = browser.page
        page.fill("#id_username", "vera")
        page.fill("#id_password", "a long password")
        # Whole, because the keys are nobody's until the scripts have run.
        with page.expect_navigation(url="**/sessions/?user=bo"):
            press(page, "Enter")
        press(page, "j", "x")
        words = "1 selected Export Clear Esc"
        expect(page.locator("#bulk")).to_have_text(words, use_inner_text=True)
        expect(page.locator("text=Save as a view")).to_be_hidden()
        with page.expect_download() as download:
            page.click("#bulk >> text=Export")
        assert download.value.suggested_filename == "sessions.jsonl"
