"""The session page in a real browser: long logs, jumps, finding, reviews, the keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot
from tests.pages.samples import CALL, assistant, result, session, talk, user
from tests.pages.test_browser import NARROW, WIDE, Browser, Site

MOST, OCTETS = 400, 500_000
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


def wait_for_seqs(page: Page, wanted: Iterable[int]) -> None:
    """Until these messages are on the page, and no others."""
    page.wait_for_function(f"wanted => JSON.stringify({SEQS}) === wanted", arg=as_js(wanted))


def as_js(numbers: Iterable[int]) -> str:
    return json.dumps(list(numbers), separators=(",", ":"))


def wait_for(page: Page, seq: int) -> None:
    page.wait_for_function(IN_SIGHT, arg=seq)


def to_edge(page: Page, *, up: bool) -> None:
    """Scrolls as far as there is something, and waits for what comes after it."""
    before = seqs(page)
    page.evaluate(f"document.getElementById('log').scrollTop = {-1e7 if up else 1e7}")
    edge = "at(0)" if up else "at(-1)"
    page.wait_for_function(f"was => {SEQS}.{edge} !== was", arg=before[0 if up else -1])


@pytest.mark.long
def test_ten_thousand_messages_open_at_their_end_and_at_any_place(
    look: Callable[[Snapshot], Site],
) -> None:
    said = talk(5_000)
    said[7_499] = assistant("A xylophone was mentioned once.")
    site = look(session(ensure_project(), said, title="Long"))
    with opened(site, "m/5000/") as browser:
        page = browser.page
        address = f"{site.url}/sessions/{site.long.id}/"
        page.goto(address)
        wait_for(page, 10_000)
        answer = page.reload()
        assert answer
        assert len(answer.body()) < OCTETS
        assert len(seqs(page)) <= MOST
        for key, seq in ("Home", 1), ("End", 10_000):
            page.keyboard.press(key)
            wait_for(page, seq)
            expect(page.locator("article:focus")).to_have_attribute(
                "aria-label", re.compile(rf"message {seq}\b")
            )
            assert len(seqs(page)) <= MOST
        page.keyboard.press("/")
        page.keyboard.type("xylophone")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=xylophone")
        wait_for(page, 7_500)
        expect(page.locator("#m7500 mark")).to_have_text("xylophone")
        expect(page.locator(".hits-nav")).to_contain_text("1 of 1", use_inner_text=True)
        page.keyboard.press("Escape")
        page.locator(".strip a").nth(147).click(force=True)
        page.wait_for_url("**/m/4999/?q=xylophone")
        wait_for(page, 4_999)


@pytest.mark.long
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


# As many turns up, the key pressed again when the one before has moved the focus.
WALK = """
async turns => {
  const seq = () => Number(document.activeElement.dataset?.seq);
  for (let turn = 0; turn < turns; turn += 1) {
    const was = seq();
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "[", bubbles: true }));
    while (!(seq() < was)) await new Promise(done => setTimeout(done));
  }
  return seq();
}
"""


@pytest.mark.long
def test_the_keyboard_walks_across_chunks_and_the_focus_is_never_lost(
    look: Callable[[Snapshot], Site],
) -> None:
    site = look(session(ensure_project(), talk(300)))
    with opened(site) as browser:
        page, keys = browser.page, browser.page.keyboard
        keys.press("End")
        assert page.evaluate(WALK, 249) == 103
        keys.press("[")
        browser.stands_on("Question 50")
        assert len(seqs(page)) <= MOST
        keys.press("]")
        browser.stands_on("Question 51")
        keys.press("j")
        browser.stands_on("Answer 51")


@pytest.mark.long
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
        expect(page.locator("#m200")).to_have_count(1)


def test_jumps_point_at_a_message_and_back_goes_back(look: Callable[[Snapshot], Site]) -> None:
    site = look(session(ensure_project(), talk(300), title="Jumps"))
    with opened(site, "m/120/") as browser:
        page = browser.page
        expect(page.locator("#m120")).to_be_focused()
        page.click('#contents [data-seq="131"]')
        page.wait_for_url("**/m/131/")
        expect(page.locator("#m131")).to_be_focused()
        page.click('.strip a[href$="/m/550/"]', force=True)
        page.wait_for_url("**/m/550/")
        wait_for(page, 550)
        page.go_back()
        page.wait_for_url("**/m/131/")
        wait_for(page, 131)
        page.reload()
        expect(page.locator("#m131")).to_be_focused()


@pytest.mark.long
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
        near = re.compile(f"^({'|'.join(str(seen + off) for off in range(-2, 3))})$")
        expect(page.locator("#contents [aria-current]")).to_have_attribute("data-seq", near)


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
        expect(page.locator('#contents [data-seq="1"]')).to_have_count(1)
        expect(page.locator('#contents [data-seq="2"]')).to_have_count(0)
        page.keyboard.press("Home")
        page.wait_for_selector('#contents [data-seq="2"]')
        current = page.locator("#contents [aria-current]")
        expect(current).to_have_attribute("data-seq", re.compile("^[12]$"))


@pytest.mark.long
def test_hits_are_walked_with_the_keyboard(look: Callable[[Snapshot], Site]) -> None:
    said = [*talk(60), user("The red kite"), *talk(120), user("A kite again"), *talk(60)]
    site = look(session(ensure_project(), said))
    with opened(site, "?q=kite") as browser:
        page, keys = browser.page, browser.page.keyboard
        wait_for(page, 121)
        current = page.locator(".hits [aria-current]")
        expect(current).to_have_text(re.compile(r"^\s*121"), use_inner_text=True)
        keys.press("n")
        page.wait_for_url("**/m/362/?q=kite")
        wait_for(page, 362)
        expect(page.locator("#m362 mark")).to_have_text("kite")
        keys.press("N")
        page.wait_for_url("**/m/121/?q=kite")
        page.click("text=Clear")
        page.wait_for_url("**/m/121/")
        wait_for(page, 121)
        expect(page.locator("mark")).to_have_count(0)


def test_escape_closes_what_is_open(look: Callable[[Snapshot], Site]) -> None:
    with opened(look(session(ensure_project(), system="Be brief."))) as browser:
        page, keys = browser.page, browser.page.keyboard
        for told in ("Details", "System text"):
            page.click(f"summary:has-text('{told}')")
            expect(page.locator("details.drop[open]")).to_have_count(1)
        expect(page.locator(".prompt .text")).to_be_visible()
        keys.press("Escape")
        expect(page.locator("details.drop[open]")).to_have_count(0)
        keys.press("?")
        shown = page.locator("#help")
        expect(shown).to_be_visible()
        expect(shown).to_contain_text("Next, previous hit", use_inner_text=True)
        expect(shown).to_contain_text("Find in this session", use_inner_text=True)
        expect(shown).not_to_contain_text("Search", use_inner_text=True)
        keys.press("Escape")
        expect(shown).to_be_hidden()


@pytest.mark.long
def test_a_review_is_written_with_the_keyboard_and_stays(
    look: Callable[[Snapshot], Site],
) -> None:
    site = look(session(ensure_project(), talk(10)))
    with opened(site) as browser:
        page, keys = browser.page, browser.page.keyboard
        keys.press("End")
        keys.press("k")
        keys.press("r")
        # The form takes the keys when it has the focus, and that comes after the form.
        form = page.locator("form#review-19")
        expect(form.locator(":focus")).to_be_attached()
        keys.press("Escape")
        expect(form).to_have_count(0)
        keys.press("r")
        expect(form.locator(":focus")).to_be_attached()
        keys.press("ArrowUp")
        keys.press("Tab")
        keys.press("Space")
        keys.press("Tab")
        keys.type("Too short, j k n [ ] are typed here.")
        keys.press("Tab")
        keys.press("Enter")
        page.wait_for_selector("div#review-19 .comment")
        expect(page.locator('[data-review="19"]')).to_be_focused()
        to_review = page.locator("#to-review")
        expect(to_review).to_have_text(re.compile(r"^\s*1 to review"), use_inner_text=True)
        page.reload()
        shown = page.locator("#review-19")
        for told in ("needs review", "bad", "Too short, j k n [ ] are typed here.", "local"):
            expect(shown).to_contain_text(told, use_inner_text=True)
        page.click("#to-review a")
        page.wait_for_url("**/m/19/")


def write_review(page: Page, seq: int) -> None:
    """Opens the form, and waits for the focus, which comes last."""
    page.click(f'#m{seq} [data-review="{seq}"]', force=True)
    expect(page.locator(f"form#review-{seq} :focus")).to_be_attached()


@pytest.mark.long
def test_what_was_typed_survives_a_walk_through_the_log(look: Callable[[Snapshot], Site]) -> None:
    site = look(session(ensure_project(), talk(300)))
    with opened(site) as browser:
        page = browser.page
        text = page.locator("form#review-600 textarea")
        write_review(page, 600)
        text.fill("Not saved yet")
        page.keyboard.press("Escape")
        expect(text).to_have_count(0)
        write_review(page, 600)
        expect(text).to_have_value("")
        text.fill("Not saved yet")
        while seqs(page)[0] > 1:
            to_edge(page, up=True)
        expect(page.locator("#m600")).to_have_count(0)
        while seqs(page)[-1] < 600:
            to_edge(page, up=False)
        write_review(page, 600)
        expect(text).to_have_value("Not saved yet")


def test_a_message_is_copied_and_turned_into_json_and_back(
    look: Callable[[Snapshot], Site],
) -> None:
    made = session(ensure_project(), [user("<b>one</b>\n two"), assistant("three")])
    site = look(made)
    # What is said is there for a moment only, so the page itself listens.
    listen = """
    voice => new MutationObserver(() => {
      if (voice.textContent) voice.dataset.said = voice.textContent;
    }).observe(voice, { childList: true })
    """
    clip = "wanted => navigator.clipboard.readText().then(clip => clip === wanted)"
    with opened(site) as browser:
        page = browser.page
        wanted = {
            "text": "<b>one</b>\n two",
            "id": f"msg_{made.id.hex}_1",
            "link": f"{site.url}/sessions/{made.id}/m/1/",
        }
        voice = page.locator(".unseen[role=status]")
        voice.evaluate(listen)
        page.locator("#m1").focus()
        for what, told in wanted.items():
            voice.evaluate("voice => { voice.dataset.said = '' }")
            page.click(f'#m1 [data-take="{what}"]')
            expect(voice).to_have_attribute("data-said", "Copied")
            page.wait_for_function(clip, arg=told)
        page.click("#m1 [data-view]")
        stored = page.locator("#m1 .stored")
        expect(stored).to_contain_text('"content": "<b>one</b>\\n two"', use_inner_text=True)
        page.click("#m1 [data-view]")
        page.wait_for_selector("#m1 .text")
        expect(page.locator("#m1:focus-within")).to_be_attached()


def test_on_a_phone_the_turns_open_over_the_page(look: Callable[[Snapshot], Site]) -> None:
    site = look(session(ensure_project(), talk(100)))
    with opened(site, size=NARROW) as browser:
        page = browser.page
        expect(page.locator("#contents")).to_be_hidden()
        page.click(".turns-button")
        page.click('#contents [data-seq="151"]')
        page.wait_for_url("**/m/151/")
        expect(page.locator("#contents")).to_be_hidden()
        wait_for(page, 151)


@pytest.mark.long
def test_without_scripts_links_lead_through_the_log(look: Callable[[Snapshot], Site]) -> None:
    made = session(ensure_project(), talk(150))
    get_store().retract(made.project, made.id, (290, 292))
    site = look(get_store().get(made.project, made.id))
    with site.browser() as browser:
        assert browser.page.context.browser
        plain = browser.page.context.browser.new_context(java_script_enabled=False)
        page = plain.new_page()
        page.goto(f"{site.url}/sessions/{made.id}/")
        expect(page.locator("#m300")).to_be_visible()
        page.click("#earlier a.button")
        expect(page.locator("#m200")).to_have_count(1)
        expect(page.locator("#m300")).to_have_count(0)
        page.click("#earlier a.end")
        expect(page.locator("#m1")).to_have_count(1)
        page.goto(f"{site.url}/sessions/{made.id}/m/300/?review=true")
        page.fill("textarea", "Said without a script")
        page.click("form.review button")
        expect(page.locator("#review-300 .comment")).to_contain_text("Said without a script")
