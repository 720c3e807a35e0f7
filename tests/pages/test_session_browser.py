"""The session page in a real browser: long logs, jumps, finding, reviews, the keyboard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot
from tests.pages.samples import CALL, assistant, result, session, talk, user
from tests.pages.test_browser import NARROW, WIDE, Browser, Site

MOST, OCTETS, SECONDS = 400, 500_000, 2.0
SEQS = "[...document.querySelectorAll('#log article')].map(item => Number(item.dataset.seq))"
IN_SIGHT = """
seq => {
  const box = document.getElementById(`m${seq}`)?.getBoundingClientRect();
  const frame = document.getElementById('log').getBoundingClientRect();
  return Boolean(box && box.bottom > frame.top && box.top < frame.bottom);
}
"""

pytestmark = pytest.mark.usefixtures("local", "transactional_db")


@pytest.fixture
def look(live_server: LiveServer, chromium: Path) -> Callable[[Snapshot], Site]:
    """A site with one session on it, made before any browser starts."""
    return lambda made: Site(live_server.url, chromium, made, made)


@contextmanager
def opened(site: Site, rest: str = "", size: tuple[int, int] = WIDE) -> Iterator[Browser]:
    """The session's page; nothing may have gone wrong on it by the end."""
    with site.browser(size) as browser:
        browser.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        browser.open(f"/sessions/{site.long.id}/{rest}")
        yield browser
        assert browser.troubles == []


def seqs(page: Page) -> list[int]:
    return list(page.evaluate(SEQS))


def wait_for(page: Page, seq: int) -> None:
    page.wait_for_function(IN_SIGHT, arg=seq)


def to_edge(page: Page, *, up: bool) -> None:
    """Scrolls as far as there is something, and waits for what comes after it."""
    before = seqs(page)
    page.evaluate(f"document.getElementById('log').scrollTop = {-1e7 if up else 1e7}")
    edge = "at(0)" if up else "at(-1)"
    page.wait_for_function(f"was => {SEQS}.{edge} !== was", arg=before[0 if up else -1])


def test_ten_thousand_messages_open_at_their_end_and_at_any_place(
    look: Callable[[Snapshot], Site],
) -> None:
    said = talk(5_000)
    said[7_499] = assistant("A xylophone was mentioned once.")
    site = look(session(ensure_project(), said, title="Long"))
    with opened(site, "m/5000/") as browser:
        page = browser.page
        begun = time.monotonic()
        answer = page.goto(f"{site.url}/sessions/{site.long.id}/")
        wait_for(page, 10_000)
        assert time.monotonic() - begun < SECONDS
        assert answer
        assert len(answer.body()) < OCTETS
        assert len(seqs(page)) <= MOST
        for key, seq in (("Home", 1), ("End", 10_000)):
            begun = time.monotonic()
            page.keyboard.press(key)
            wait_for(page, seq)
            assert time.monotonic() - begun < SECONDS
            assert f"message {seq}" in str(page.evaluate("document.activeElement.ariaLabel"))
            assert len(seqs(page)) <= MOST
        page.keyboard.press("/")
        page.keyboard.type("xylophone")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=xylophone")
        wait_for(page, 7_500)
        assert page.inner_text("#m7500 mark") == "xylophone"
        assert "1 of 1" in page.inner_text(".hits-nav")
        page.keyboard.press("Escape")
        page.locator(".strip a").nth(147).click(force=True)
        page.wait_for_url("**/m/4999/?q=xylophone")
        wait_for(page, 4_999)


def test_scrolling_loads_more_in_order_and_keeps_what_is_in_sight(
    look: Callable[[Snapshot], Site],
) -> None:
    site = look(session(ensure_project(), talk(400)))
    with opened(site) as browser:
        page = browser.page
        first = seqs(page)
        assert first == sorted(first)
        assert first[-1] == 800
        for _ in range(2):
            mark = seqs(page)[0]
            to_edge(page, up=True)
            # What was at the top stays in sight, with more above it.
            wait_for(page, mark)
            found = seqs(page)
            assert found == list(range(found[0], 801))
        assert len(seqs(page)) >= len(first) + 200
        while seqs(page)[0] > 1:
            to_edge(page, up=True)
            assert len(seqs(page)) <= MOST
        found = seqs(page)
        assert found == list(range(1, found[-1] + 1))
        while seqs(page)[-1] < 800:
            to_edge(page, up=False)
            found = seqs(page)
            assert found == list(range(found[0], found[-1] + 1))
            assert len(found) <= MOST


def test_the_keyboard_walks_across_chunks_and_the_focus_is_never_lost(
    look: Callable[[Snapshot], Site],
) -> None:
    site = look(session(ensure_project(), talk(300)))
    with opened(site) as browser:
        page, keys = browser.page, browser.page.keyboard
        keys.press("End")
        place = 600
        for _ in range(250):
            keys.press("[")
            page.wait_for_function(
                "was => Number(document.activeElement.dataset?.seq) < was", arg=place
            )
            place = int(page.evaluate("document.activeElement.dataset.seq"))
        assert "Question 50" in browser.focused()
        assert len(seqs(page)) <= MOST
        keys.press("]")
        keys.press("j")
        assert "Answer 51" in browser.focused()


def test_an_edge_that_cannot_be_loaded_says_so_and_its_link_stays(
    look: Callable[[Snapshot], Site],
) -> None:
    site = look(session(ensure_project(), talk(150)))
    with site.browser() as browser:
        page = browser.page
        page.route("**/?before=*", lambda route: route.abort())
        browser.open(f"/sessions/{site.long.id}/")
        page.evaluate("document.getElementById('log').scrollTop = -1e7")
        page.wait_for_selector("#earlier.failed")
        page.unroute("**/?before=*")
        page.click("#earlier a.button")
        page.wait_for_url("**/?before=201")
        assert seqs(page)[-1] == 200 or 200 in seqs(page)


def test_jumps_point_at_a_message_and_back_goes_back(look: Callable[[Snapshot], Site]) -> None:
    site = look(session(ensure_project(), talk(300), title="Jumps"))
    with opened(site, "m/120/") as browser:
        page = browser.page
        assert page.evaluate("document.activeElement.id") == "m120"
        page.click('#contents [data-seq="131"]')
        page.wait_for_url("**/m/131/")
        assert page.evaluate("document.activeElement.id") == "m131"
        page.click('.strip a[href$="/m/550/"]', force=True)
        page.wait_for_url("**/m/550/")
        wait_for(page, 550)
        page.go_back()
        page.wait_for_url("**/m/131/")
        wait_for(page, 131)
        page.reload()
        assert page.evaluate("document.activeElement.id") == "m131"


def test_a_place_that_was_scrolled_to_is_in_the_address(look: Callable[[Snapshot], Site]) -> None:
    site = look(session(ensure_project(), talk(300)))
    with opened(site) as browser:
        page = browser.page
        page.evaluate("document.getElementById('m560').scrollIntoView()")
        page.wait_for_url("**/?around=*")
        seen = int(page.url.rpartition("=")[2])
        assert abs(seen - 560) <= 2
        page.reload()
        wait_for(page, seen)
        assert page.evaluate(f"({IN_SIGHT})({seen})")
        current = page.locator("#contents [aria-current]").get_attribute("data-seq")
        assert abs(int(current or 0) - seen) <= 2


def test_the_contents_follow_to_where_one_is(look: Callable[[Snapshot], Site]) -> None:
    calls = [{**CALL, "id": f"c{number}"} for number in range(500)]
    steps = [
        part
        for call in calls
        for part in (assistant(tool_calls=[call]), result("ok", str(call["id"])))
    ]
    site = look(session(ensure_project(), [user("Do it all"), *steps]))
    with opened(site) as browser:
        page = browser.page
        assert page.locator('#contents [data-seq="1"]').count() == 1
        assert page.locator('#contents [data-seq="2"]').count() == 0
        page.keyboard.press("Home")
        page.wait_for_selector('#contents [data-seq="2"]')
        assert page.locator("#contents [aria-current]").get_attribute("data-seq") in ("1", "2")


def test_hits_are_walked_with_the_keyboard(look: Callable[[Snapshot], Site]) -> None:
    said = [*talk(60), user("The red kite"), *talk(120), user("A kite again"), *talk(60)]
    site = look(session(ensure_project(), said))
    with opened(site, "?q=kite") as browser:
        page, keys = browser.page, browser.page.keyboard
        wait_for(page, 121)
        assert page.inner_text(".hits [aria-current]").startswith("121")
        keys.press("n")
        page.wait_for_url("**/m/362/?q=kite")
        wait_for(page, 362)
        assert page.inner_text("#m362 mark") == "kite"
        keys.press("N")
        page.wait_for_url("**/m/121/?q=kite")
        page.click("text=Clear")
        page.wait_for_url("**/m/121/")
        wait_for(page, 121)
        assert page.locator("mark").count() == 0


def test_escape_closes_what_is_open(look: Callable[[Snapshot], Site]) -> None:
    with opened(look(session(ensure_project(), system="Be brief."))) as browser:
        page, keys = browser.page, browser.page.keyboard
        for told in ("Details", "System text"):
            page.click(f"summary:has-text('{told}')")
            assert page.locator("details.drop[open]").count() == 1
        assert page.locator(".prompt .text").is_visible()
        keys.press("Escape")
        assert page.locator("details.drop[open]").count() == 0
        keys.press("?")
        told = page.inner_text("#help")
        assert "Next, previous hit" in told
        assert "Find in this session" in told
        assert "Search" not in told
        keys.press("Escape")
        assert not page.locator("#help").is_visible()


def test_a_review_is_written_with_the_keyboard_and_stays(
    look: Callable[[Snapshot], Site],
) -> None:
    site = look(session(ensure_project(), talk(10)))
    with opened(site) as browser:
        page, keys = browser.page, browser.page.keyboard
        keys.press("End")
        keys.press("k")
        keys.press("r")
        page.wait_for_selector("form#review-19")
        keys.press("Escape")
        assert page.locator("form#review-19").count() == 0
        keys.press("r")
        page.wait_for_selector("form#review-19")
        keys.press("ArrowUp")
        keys.press("Tab")
        keys.press("Space")
        keys.press("Tab")
        keys.type("Too short, j k n [ ] are typed here.")
        keys.press("Tab")
        keys.press("Enter")
        page.wait_for_selector("div#review-19 .comment")
        assert page.evaluate("document.activeElement.dataset.review") == "19"
        assert page.inner_text("#to-review").startswith("1 to review")
        page.reload()
        shown = page.inner_text("#review-19")
        for told in ("needs review", "bad", "Too short, j k n [ ] are typed here.", "local"):
            assert told in shown
        page.click("#to-review a")
        page.wait_for_url("**/m/19/")


def test_what_was_typed_survives_a_walk_through_the_log(look: Callable[[Snapshot], Site]) -> None:
    site = look(session(ensure_project(), talk(300)))
    with opened(site) as browser:
        page = browser.page
        page.click('#m600 [data-review="600"]', force=True)
        page.fill("#review-600 textarea", "Not saved yet")
        page.keyboard.press("Escape")
        page.click('#m600 [data-review="600"]', force=True)
        page.wait_for_selector("form#review-600")
        assert page.input_value("#review-600 textarea") == ""
        page.fill("#review-600 textarea", "Not saved yet")
        while seqs(page)[0] > 1:
            to_edge(page, up=True)
        assert page.locator("#m600").count() == 0
        while seqs(page)[-1] < 600:
            to_edge(page, up=False)
        page.click('#m600 [data-review="600"]', force=True)
        page.wait_for_selector("form#review-600")
        assert page.input_value("#review-600 textarea") == "Not saved yet"


def test_a_message_is_copied_and_turned_into_json_and_back(
    look: Callable[[Snapshot], Site],
) -> None:
    made = session(ensure_project(), [user("<b>one</b>\n two"), assistant("three")])
    site = look(made)
    clip = "navigator.clipboard.readText()"
    with opened(site) as browser:
        page = browser.page
        wanted = {
            "text": "<b>one</b>\n two",
            "id": f"msg_{made.id.hex}_1",
            "link": f"{site.url}/sessions/{made.id}/m/1/",
        }
        page.locator("#m1").focus()
        for what, told in wanted.items():
            page.click(f'#m1 [data-take="{what}"]')
            page.locator(".unseen[role=status]:text-is('Copied')").wait_for(state="attached")
            assert page.evaluate(clip) == told
        page.click("#m1 [data-view]")
        page.wait_for_selector("#m1 .stored")
        assert '"content": "<b>one</b>\\n two"' in page.inner_text("#m1 .stored")
        page.click("#m1 [data-view]")
        page.wait_for_selector("#m1 .text")
        assert page.evaluate("document.activeElement.closest('article').id") == "m1"


def test_on_a_phone_the_turns_open_over_the_page(look: Callable[[Snapshot], Site]) -> None:
    site = look(session(ensure_project(), talk(100)))
    with opened(site, size=NARROW) as browser:
        page = browser.page
        assert not page.locator("#contents").is_visible()
        page.click(".turns-button")
        page.click('#contents [data-seq="151"]')
        page.wait_for_url("**/m/151/")
        assert not page.locator("#contents").is_visible()
        wait_for(page, 151)


def test_without_scripts_links_lead_through_the_log(look: Callable[[Snapshot], Site]) -> None:
    made = session(ensure_project(), talk(150))
    get_store().retract(made.project, made.id, (290, 292))
    site = look(get_store().get(made.project, made.id))
    with site.browser() as browser:
        assert browser.page.context.browser
        plain = browser.page.context.browser.new_context(java_script_enabled=False)
        page = plain.new_page()
        page.goto(f"{site.url}/sessions/{made.id}/")
        assert page.locator("#m300").is_visible()
        page.click("#earlier a.button")
        assert page.locator("#m200").count() == 1
        page.click("#earlier a.end")
        assert page.locator("#m1").count() == 1
        page.goto(f"{site.url}/sessions/{made.id}/m/300/?review=true")
        page.fill("textarea", "Said without a script")
        page.click("form.review button")
        assert "Said without a script" in page.inner_text("#review-300")
        plain.close()
