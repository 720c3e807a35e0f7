"""What somebody finds who has never seen the pages: counted in clicks from the first page on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from holdfast import demo
from holdfast.demo import sleeper
from holdfast.projects import ensure_project
from sessions_app import clock
from sessions_app.store import get_store
from tests import browsing

pytestmark = pytest.mark.usefixtures("local", "transactional_db")


@dataclass
class Newcomer:
    """Somebody at the first page; typing and Enter are no clicks."""

    page: Page
    clicks: int = 0

    def press(self, name: str) -> None:
        """Presses what is called so, as the whole of its name or a part of it."""
        self.press_on(self.page.get_by_role("link", name=name).first)

    def press_on(self, what: Locator) -> None:
        self.clicks += 1
        what.click()

    def sees(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)


@pytest.fixture
def newcomer(live_server: LiveServer, chromium: Path) -> Iterator[Newcomer]:
    demo.load(get_store(), ensure_project().pk, clock.now_us())
    with browsing.browser(chromium) as running:
        page = running.new_page(viewport={"width": 1280, "height": 900})
        page.goto(live_server.url)
        yield Newcomer(page)


def test_why_the_agent_forgot_the_booking_reference_takes_three_clicks(newcomer: Newcomer) -> None:
    newcomer.press("Two berths to Vienna")
    newcomer.press("Why did it forget?")
    expect(newcomer.page.get_by_label("Phrase")).to_be_focused()
    newcomer.page.keyboard.type(sleeper.REFERENCE)
    newcomer.page.keyboard.press("Enter")
    newcomer.sees("The answer #16 had to do without it")
    newcomer.press("what your code sent")
    newcomer.sees("absent")
    expect(newcomer.page.get_by_role("link", name="#1", exact=False).first).to_be_visible()
    assert newcomer.clicks <= 4


def test_where_the_prompt_cache_broke_takes_three_clicks(newcomer: Newcomer) -> None:
    newcomer.press("Offsite of the studio")
    newcomer.press("Context")
    newcomer.press("Look at the newest turns")
    newcomer.sees("Where the prompt cache broke")
    expect(newcomer.page.locator(".prefix tbody tr").first).to_be_visible()
    assert newcomer.clicks <= 4


def test_a_wrong_fact_is_put_right_in_five_clicks_with_the_answers_that_it_touched(
    newcomer: Newcomer,
) -> None:
    newcomer.press("Users")
    newcomer.press("lea")
    newcomer.press("Lea's favourite tea is peppermint.")
    newcomer.press("Edit")
    newcomer.page.locator("textarea[name=text]").fill("Lea's favourite tea is chamomile.")
    newcomer.press_on(newcomer.page.get_by_role("button", name="Save"))
    newcomer.sees("6 answers may have been spoilt")
    assert newcomer.clicks <= 5
