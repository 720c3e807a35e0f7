"""The pages in a real browser: what only a browser knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from sessions_app.store.base import Snapshot
from tests import browsing
from tests.pages.canaries import addresses, poisoned
from tests.pages.samples import session, talk

MOMENT = "2026-11-28T12:00:00Z"
WIDE, NARROW = (1280, 900), (375, 780)
# One look of four in a quick run: where there is least room, and by the colours seen least.
in_each_look = pytest.mark.parametrize(
    ("size", "scheme"),
    [
        pytest.param(NARROW, "dark"),
        pytest.param(NARROW, "light", marks=pytest.mark.long),
        pytest.param(WIDE, "dark", marks=pytest.mark.long),
        pytest.param(WIDE, "light", marks=pytest.mark.long),
    ],
)
AXE = "axe_playwright_python"
# A dark page has the elements of the light one and other colours, so that only these are new.
SERIOUS = """
scheme => axe.run(scheme === "dark" ? { runOnly: ["color-contrast"] } : {})
  .then(found => found.violations
    .filter(broken => ['serious', 'critical'].includes(broken.impact))
    .map(broken => [broken.id, broken.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]))
"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
UNFOLD = "document.querySelectorAll('details').forEach(fold => { fold.open = true })"

has_axe = find_spec(AXE) is not None
needs_axe = pytest.mark.skipif(not has_axe, reason=f"{AXE} is not installed")
pytestmark = pytest.mark.usefixtures("local", "transactional_db")


@dataclass
class Browser:
    """A page of a browser, and all that went wrong in it."""

    page: Page
    base: str
    troubles: list[str] = field(default_factory=list)

    def open(self, address: str) -> None:
        self.page.goto(f"{self.base}{address}")

    def go(self, key: str) -> None:
        """Presses `g` and a key. They are one command while little time has passed, so on the
        page's clock none does, however busy the machine is."""
        self.page.clock.set_fixed_time(MOMENT)
        self.page.keyboard.press("g")
        self.page.keyboard.press(key)

    @property
    def focused(self) -> Locator:
        """The row or message with the focus; a result inside a call is one of its own."""
        return self.page.locator("[data-item]:focus-within").last

    def stands_on(self, words: str, *, begins: bool = False) -> None:
        """Waits until the row or message with the focus has these words."""
        if begins:
            wanted = re.compile(rf"^\s*{re.escape(words)}")
            expect(self.focused).to_have_text(wanted, use_inner_text=True)
        else:
            expect(self.focused).to_contain_text(words, use_inner_text=True)

    def serious(self, scheme: str) -> list[Any]:
        """What axe finds that is serious."""
        spec = find_spec(AXE)
        assert spec
        assert spec.origin
        # Straight into the page's world: as a script element the policy would refuse it.
        self.page.evaluate(Path(spec.origin).with_name("axe.min.js").read_text())
        return list(self.page.evaluate(SERIOUS, scheme))

    def watch(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}"))
        self.page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        # A browser reports the status of a page that is meant to be a 404 as an error of its own.
        if message.type in ("error", "warning") and "status of 404" not in message.text:
            self.troubles.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(self.base):
            self.troubles.append(f"foreign: {request.url}")


@dataclass
class Site:
    """A running server and how to look at it; its data is there before any browser starts,
    because Django refuses queries in a thread in which Playwright's loop runs."""

    url: str
    chromium: Path
    poisoned: Snapshot
    long: Snapshot

    @contextmanager
    def browser(self, size: tuple[int, int] = WIDE, scheme: str = "light") -> Iterator[Browser]:
        with browsing.browser(self.chromium) as chromium:
            width, height = size
            page = chromium.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",  # so that nothing is seen halfway
            )
            found = Browser(page, self.url)
            found.watch()
            yield found


@pytest.fixture
def site(live_server: LiveServer, chromium: Path) -> Site:
    project = ensure_project()
    long = session(project, talk(150), title="A long talk", user="alice")
    made = poisoned(project)
    for number in range(4):
        session(project, talk(1), title=f"Talk {number}")
    return Site(live_server.url, chromium, made, long)


@in_each_look
def test_every_page_is_quiet_and_as_wide_as_the_screen(
    site: Site, size: tuple[int, int], scheme: str
) -> None:
    pages = [*addresses(site.poisoned), f"/sessions/{site.long.id}/m/100/", "/login/", "/style/"]
    with site.browser(size, scheme) as browser:
        for address in pages:
            browser.open(address)
            assert browser.page.evaluate(WIDER) <= 0, address
            browser.page.evaluate(UNFOLD)
            assert browser.page.evaluate(WIDER) <= 0, f"{address} unfolded"
        assert browser.troubles == []


@pytest.mark.long
@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(site: Site, scheme: str) -> None:
    pages = [*addresses(site.poisoned), f"/sessions/{site.long.id}/", "/login/", "/style/"]
    with site.browser(scheme=scheme) as browser:
        for address in pages:
            browser.open(address)
            assert browser.serious(scheme) == [], address


def test_the_list_is_walked_with_the_keyboard(site: Site) -> None:
    with site.browser() as browser:
        browser.open("/sessions/")
        keys = browser.page.keyboard
        keys.press("j")
        browser.stands_on("Talk 3")
        keys.press("j")
        keys.press("j")
        keys.press("k")
        browser.stands_on("Talk 2")
        with browser.page.expect_navigation():
            keys.press("Enter")
        expect(browser.page.locator("[role=log]")).to_be_attached()
        expect(browser.page.locator("h1")).to_have_text("Talk 2")
        browser.go("s")
        browser.page.wait_for_url("**/sessions/")


def test_search_takes_the_keys_while_somebody_types(site: Site) -> None:
    with site.browser() as browser:
        browser.open("/sessions/")
        keys = browser.page.keyboard
        keys.press("/")
        keys.type("jk?t")
        expect(browser.page.locator("#search")).to_have_value("jk?t")
        expect(browser.page.locator("dialog")).to_be_hidden()
        keys.press("Escape")
        keys.press("j")
        expect(browser.focused).to_be_attached()


def test_help_opens_and_closes_and_keys_can_be_switched_off(site: Site) -> None:
    with site.browser() as browser:
        browser.open("/sessions/")
        keys, page = browser.page.keyboard, browser.page
        dialog = page.locator("dialog")
        keys.press("?")
        expect(dialog).to_be_visible()
        page.uncheck("dialog input[type=checkbox]")
        keys.press("Escape")
        expect(dialog).to_be_hidden()
        keys.press("?")
        expect(dialog).to_be_hidden()


def test_a_theme_is_there_before_the_first_paint_and_stays(site: Site) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    # The ground of the first frame that has a body: a frame is what is painted.
    first = f"""
    window.first = null;
    const look = () => {{
      if (document.body) window.first = {ground};
      else requestAnimationFrame(look);
    }};
    requestAnimationFrame(look);
    """
    with site.browser(scheme="light") as browser:
        page = browser.page
        page.add_init_script(first)
        browser.open("/sessions/")
        page.wait_for_function("window.first")
        light = page.evaluate(ground)
        page.keyboard.press("t")
        page.keyboard.press("t")
        page.wait_for_function(f"light => {ground} !== light", arg=light)
        dark = page.evaluate(ground)
        page.reload()
        page.wait_for_function("window.first")
        assert page.evaluate("window.first") == dark
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_times_can_be_read_in_the_zone_of_the_browser(site: Site) -> None:
    with site.browser() as browser:
        browser.open(f"/sessions/{site.long.id}/")
        first = browser.page.locator('time[data-as="clock"]').first
        expect(first).to_have_attribute("title", re.compile("UTC"))
        browser.page.click('[data-switch="zone"]')
        expect(browser.page.locator('[data-switch="zone"]')).to_have_text("Local")


def test_a_message_opens_in_sight_and_back_keeps_the_list(site: Site) -> None:
    with site.browser() as browser:
        browser.open("/sessions/?user=alice")
        with browser.page.expect_navigation():
            browser.page.click("text=A long talk")
        expect(browser.page.locator("#m300")).to_be_visible()
        browser.open(f"/sessions/{site.long.id}/m/120/")
        expect(browser.page.locator("#m120")).to_be_focused()
        box = browser.page.locator("#m120").bounding_box()
        assert box
        assert 0 < box["y"] < WIDE[1]
        browser.page.go_back()
        browser.page.go_back()
        expect(browser.page).to_have_url(re.compile(r"/sessions/\?user=alice$"))
        expect(browser.page.locator("#by-user")).to_have_value("alice")


def test_pages_are_whole_without_scripts(site: Site) -> None:
    with browsing.browser(site.chromium) as chromium:
        page = chromium.new_page(java_script_enabled=False)
        page.goto(f"{site.url}/sessions/{site.long.id}/context/?tokens=500")
        expect(page.locator("svg.bar rect").nth(1)).to_be_attached()
        expect(page.locator("[data-switch=theme]")).to_be_hidden()
