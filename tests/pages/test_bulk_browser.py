"""The selection in a real browser: keyboard and mouse, its questions, the undo, saved views."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from sessions_app import savedviews
from sessions_app.models import Project
from sessions_app.savedviews import NewView
from sessions_app.store import get_store
from tests.pages.samples import session, talk, user
from tests.pages.test_browser import AXE, FLAGS, NARROW, WIDE, Site
from tests.pages.test_sessions_browser import SERIOUS, opened, titles

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

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


def picked(page: Page) -> list[str]:
    return page.locator("tr:has([data-pick]:checked) td.title a[data-open]").all_inner_texts()


def bar(page: Page) -> str:
    return " ".join(page.inner_text("#bulk").split()) if page.is_visible("#bulk") else ""


def with_tag(page: Page, tag: str) -> int:
    return page.locator("a.tag").filter(has_text=tag).count()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_rows_are_selected_with_the_keyboard_and_the_focus_stays(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        press(page, "x")
        assert bar(page) == ""
        press(page, "j", "x", "j", "j", "x")
        assert picked(page) == ["Fruit 4", "Fruit 2"]
        assert bar(page).startswith("2 selected Archive Tag Export Delete")
        assert browser.focused().startswith("Fruit 2")
        press(page, "x")
        assert picked(page) == ["Fruit 4"]
        press(page, "Escape")
        assert picked(page) == []
        assert bar(page) == ""
        assert browser.focused().startswith("Fruit 2")


def test_the_actions_are_one_key_away_and_the_way_back_too(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        press(page, "j", "j", "x", "a")
        assert page.evaluate("document.activeElement.textContent") == "Archive"
        press(page, "Escape")
        assert browser.focused().startswith("Fruit 3")
        assert picked(page) == []
        press(page, "a")
        assert browser.focused().startswith("Fruit 3")


def test_two_deleted_by_keyboard_are_back_after_the_undo(site: Site) -> None:
    with opened(site, "/sessions/?tag=fruit") as browser:
        page = browser.page
        press(page, "j", "x", "j", "x", "a")
        press(page, "Tab", "Tab", "Tab", "Enter")
        page.wait_for_selector("dialog:modal")
        assert "Delete 2 sessions?" in page.inner_text("dialog.ask")
        press(page, "j", "x", "t")
        assert page.evaluate("document.activeElement.textContent") == "Delete 2 sessions"
        press(page, "Enter")
        page.wait_for_selector(".told")
        assert "2 sessions deleted" in page.inner_text(".told")
        assert titles(browser) == ["Fruit 2", "Fruit 1", "Fruit 0"]
        assert "tag=fruit" in page.url
        press(page, "Tab", "Enter")
        page.wait_for_selector(".told:has-text('restored')")
        assert len(titles(browser)) == 5
        page.reload()
        assert len(titles(browser)) == 5


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
            assert picked(page) == ["Fruit 4"]
            assert page.evaluate("document.activeElement.value") == "delete"
        assert "bulk" not in page.url


def test_a_reload_of_the_result_does_nothing_again(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        page.locator("[data-pick]").first.check()
        page.click("#bulk >> text=Archive")
        page.click("dialog.ask button.strong")
        page.wait_for_selector(".told")
        assert len(titles(browser)) == 4
        page.click(".facet a:text-is('Archived')")
        page.wait_for_url("**status=archived")
        assert titles(browser) == ["Fruit 4"]
        page.click("td.title a[data-open]")
        page.wait_for_selector("text=Archived")
        page.go_back()
        page.go_back()
        page.reload()
        assert "1 session archived" in page.inner_text(".told")
        page.click(".told >> text=Undo")
        page.wait_for_selector(".told:has-text('out of the archive')")
        page.reload()
        page.click(".facet a:text-is('Ended')")
        page.wait_for_url("**status=ended")
        assert titles(browser) == ["Fruit 4"]


def test_a_tag_is_added_to_those_selected_and_taken_back(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        page.check("[data-pick-all]")
        assert len(picked(page)) == 5
        page.locator("[data-pick]").first.uncheck()
        assert page.evaluate("document.querySelector('[data-pick-all]').indeterminate")
        page.click("#bulk >> text=Tag")
        page.wait_for_selector("#ask-tag:focus")
        page.keyboard.type("summer x")
        press(page, "Enter")
        page.wait_for_selector(".told")
        assert "4 sessions tagged" in page.inner_text(".told")
        assert with_tag(page, "summer x") == 4
        page.click(".told >> text=Undo")
        page.wait_for_selector(".told:has-text('no longer tagged')")
        assert with_tag(page, "summer x") == 0
        assert with_tag(page, "fruit") == 5


def test_the_box_that_has_the_focus_does_not_take_the_keys(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        page.locator("[data-pick]").nth(1).click()
        press(page, "x")
        assert picked(page) == []
        press(page, "x", "j")
        assert browser.focused().startswith("Fruit 2")
        assert picked(page) == ["Fruit 3"]


def test_on_a_hit_its_session_is_selected(site: Site) -> None:
    with opened(site, "/sessions/?q=apple") as browser:
        page = browser.page
        press(page, "j", "j", "x")
        assert "apple" in browser.focused()
        assert picked(page) == ["Fruit 4"]


def test_those_selected_are_taken_away_as_one_file(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        page = browser.page
        press(page, "j", "x", "j", "x", "a", "Tab", "Tab")
        with page.expect_download() as download:
            press(page, "Enter")
        assert download.value.suggested_filename == "sessions.jsonl"
        assert Path(download.value.path()).read_text().count('{"session":') == 2
        assert len(picked(page)) == 2


def test_the_help_names_the_keys_of_this_page(site: Site) -> None:
    with opened(site, "/sessions/") as browser:
        press(browser.page, "j", "x", "?")
        assert "Select the session" in browser.page.inner_text("#help")
        press(browser.page, "Escape")
        assert len(picked(browser.page)) == 1


def test_a_view_is_saved_opened_deleted_and_had_back(site: Site) -> None:
    with opened(site, "/sessions/?status=ended") as browser:
        page = browser.page
        page.click("text=Save as a view")
        page.fill("#view-name", "Ended ones")
        press(page, "Enter")
        page.wait_for_selector(".told")
        assert page.inner_text(".views [aria-current]") == "Ended ones"
        page.click(".views >> text=All")
        page.wait_for_url("**/sessions/?")
        page.click(".views >> text=Ended ones")
        page.wait_for_url("**status=ended")
        assert titles(browser) == ["Fruit 4"]
        page.click("text=About this view")
        page.click("text=Delete for all members")
        page.wait_for_selector(".told")
        assert "Ended ones" not in page.inner_text(".views")
        page.click(".told >> text=Undo")
        page.wait_for_selector(".views >> text=Ended ones")


def test_all_of_it_works_without_scripts(site: Site) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=site.chromium, args=FLAGS)
        page = chromium.new_page(java_script_enabled=False)
        page.goto(f"{site.url}/sessions/?sort=-created")
        page.locator("[data-pick]").nth(0).check()
        page.locator("[data-pick]").nth(1).check()
        page.click("#bulk >> text=Tag")
        page.fill("#ask-tag", "plain")
        page.click("button.strong")
        assert with_tag(page, "plain") == 2
        assert "sort=-created" in page.url
        page.click(".told >> text=Undo")
        assert with_tag(page, "plain") == 0
        page.check("[data-pick-all]")
        page.click("#bulk >> text=Delete")
        assert "Delete 5 sessions?" in page.inner_text("h1")
        page.click("text=Cancel")
        assert page.locator("td.title").count() == 5
        page.click("#bulk >> text=Archive")
        assert "No session is selected" in page.inner_text("h1")
        chromium.close()


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
    spec = find_spec(AXE)
    axe = Path(spec.origin or "").with_name("axe.min.js").read_text() if spec else ""
    with opened(site, "/sessions/?user=bo", size, scheme) as browser:
        page = browser.page

        def look(name: str) -> None:
            if page.evaluate(WIDER) > 0:
                found.append(f"{name}: too wide")
            if axe:
                page.evaluate(axe)
                found.extend(f"{name}: {broken}" for broken in page.evaluate(SERIOUS))

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
        page.wait_for_selector(".told")
        look("told")
        page.click(".views .broken")
        page.wait_for_selector("text=cannot be opened any more")
        look("broken view")
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_every_state_fits_the_screen_and_axe_finds_nothing_serious(
    site: Site, size: tuple[int, int], scheme: str
) -> None:
    assert states(site, size, scheme) == []


@pytest.fixture
def looking_only(settings: Settings) -> None:
    settings.HOLDFAST_LOCAL = False
    settings.HOLDFAST_ROLES = {"Team": "viewer"}


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
        press(page, "Enter")
        page.wait_for_selector("td.title")
        press(page, "j", "x")
        assert bar(page) == "1 selected Export Clear Esc"
        assert not page.is_visible("text=Save as a view")
        with page.expect_download() as download:
            page.click("#bulk >> text=Export")
        assert download.value.suggested_filename == "sessions.jsonl"
