"""The session page in a real browser while its session grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from holdfast.projects import ensure_project
from sessions_app import preparing
from sessions_app.store import get_store, leasing
from sessions_app.store.base import Snapshot
from tests import browsing
from tests.cli.running import Shell
from tests.importers.test_claude_code import talk as transcript
from tests.importers.test_follow import add, as_lines, process
from tests.pages.samples import CALL, assistant, result, session, talk, user
from tests.pages.test_browser import Browser, Site
from tests.pages.test_session_browser import (
    opened,
    seqs,
    to_edge,
    wait_for,
    wait_for_seqs,
    write_review,
)
from tests.passing import DatabaseTime
from tests.test_serving import serving

pytestmark = pytest.mark.usefixtures("local", "transactional_db")

AT_END = """
() => {
  const log = document.getElementById("log");
  const last = [...log.querySelectorAll("article")].at(-1);
  return last.getBoundingClientRect().bottom <= log.getBoundingClientRect().bottom + 40;
}
"""


@pytest.fixture
def look(live_server: LiveServer, chromium: Path) -> Callable[[Snapshot], Site]:
    """A site with one session on it, made before any browser starts."""
    return lambda made: Site(live_server.url, chromium, made, made)


def elsewhere(act: Callable[[], Any]) -> None:
    """Does something to the store in a thread without Playwright's loop."""

    def done() -> None:
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(done).result()


def grow(page: Page, made: Snapshot, *said: Any) -> None:
    """Appends to a session as any caller would, and has the page ask for news."""
    change(page, lambda: get_store().append(made.project, made.id, preparing.batch(list(said))))


def change(page: Page, act: Callable[[], Any]) -> None:
    """Does something to the store. The page asks at once, as it does when the network is back;
    how often it asks by itself is a test of its own."""
    elsewhere(act)
    page.evaluate("dispatchEvent(new Event('online'))")


# Counted in the page: a request is told to us some time after the page has made it.
COUNT = """
window.asked = 0;
window.answered = 0;
const real = window.fetch;
const done = new MessageChannel();
done.port1.onmessage = () => { window.answered += 1; };
window.fetch = async (address, ...more) => {
  if (!String(address).includes("/news/")) return real(address, ...more);
  window.asked += 1;
  try {
    const answer = await real(address, ...more);
    const text = await answer.text();
    answer.text = async () => text;
    return answer;
  } finally {
    done.port2.postMessage("");  // arrives when the page has done all that it does with it
  }
};
"""


def asked(page: Page) -> int:
    """How often the page has asked for news since it was loaded."""
    return int(page.evaluate("window.asked"))


def hide(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
        }""",
        hidden,
    )


def test_a_new_message_comes_to_the_open_page(look: Callable[[Snapshot], Site]) -> None:
    made = session(ensure_project(), talk(40), title="Growing")
    with opened(look(made)) as browser:
        page = browser.page
        grow(page, made, user("And then?"))
        page.wait_for_selector("#m81")
        wait_for(page, 81)
        expect(page.locator(".facts")).to_contain_text("messages 81", use_inner_text=True)
        expect(page.locator(".strip a")).to_have_count(81)
        expect(page.locator('#contents [data-seq="81"]')).to_have_count(1)
        expect(page.locator("#new")).to_be_hidden()
        grow(page, made, assistant("Then that."))
        page.wait_for_selector("#m82")
        page.wait_for_function(AT_END)
        expect(page.locator(".chunk[aria-live=polite] #m82")).to_have_count(1)
        expect(page.locator("#log[aria-live=off]")).to_have_count(1)


@pytest.mark.long
def test_whoever_reads_above_is_not_moved_and_told(look: Callable[[Snapshot], Site]) -> None:
    made = session(ensure_project(), talk(60))
    with opened(look(made)) as browser:
        page = browser.page
        page.evaluate("document.getElementById('m60').scrollIntoView()")
        page.wait_for_url("**/?around=*")
        top = "document.getElementById('m60').getBoundingClientRect().top"
        before = page.evaluate(top)
        grow(page, made, user("And then?"))
        page.wait_for_selector("#m121")
        expect(page.locator("#new")).to_have_text("↓ 1 new", use_inner_text=True)
        assert page.evaluate(top) == pytest.approx(before, abs=1)
        grow(page, made, assistant("Then that."), user("Good"))
        page.wait_for_selector("#m123")
        expect(page.locator("#new")).to_have_text("↓ 3 new", use_inner_text=True)
        page.click("#new")
        wait_for(page, 123)
        expect(page.locator("#new")).to_be_hidden()
        expect(page.locator("#m123")).to_be_focused()


def test_a_late_result_folds_into_its_call(look: Callable[[Snapshot], Site]) -> None:
    made = session(ensure_project(), [user("Go"), assistant(tool_calls=[CALL])])
    with opened(look(made)) as browser:
        page = browser.page
        page.click("#m2 .k-call summary")
        call = page.locator("#m2")
        expect(call).to_contain_text("no result", use_inner_text=True)
        grow(page, made, result("ME 422 at 13:20"))
        page.wait_for_selector("#m2 #m3")
        expect(page.locator("#m2 .k-call[open]")).to_have_count(1)
        expect(page.locator("#m2 .k-call summary")).to_be_focused()
        expect(call).to_contain_text("ME 422 at 13:20", use_inner_text=True)
        expect(call).not_to_contain_text("no result", use_inner_text=True)
        wait_for_seqs(page, [1, 2])
        grow(page, made, assistant("It leaves at 13:20."))
        wait_for_seqs(page, [1, 2, 4])


@pytest.mark.long
def test_much_at_once_comes_whole_and_in_order(look: Callable[[Snapshot], Site]) -> None:
    made = session(ensure_project(), talk(60))
    with opened(look(made)) as browser:
        page = browser.page
        grow(page, made, *talk(125))
        wait_for_seqs(page, range(21, 371))
        wait_for(page, 370)
        grow(page, made, *talk(60))
        page.wait_for_selector("#m490")
        found = seqs(page)
        assert found == list(range(found[0], 491))
        assert len(found) <= 400
        while seqs(page)[0] > 1:
            to_edge(page, up=True)
        grow(page, made, *talk(60))
        page.wait_for_selector("#new:not([hidden])")
        page.click("#new")
        wait_for(page, 610)
        found = seqs(page)
        assert found == list(range(found[0], 611))


@pytest.mark.long
def test_what_came_while_one_was_far_away_is_not_all_loaded(
    look: Callable[[Snapshot], Site],
) -> None:
    made = session(ensure_project(), talk(60))
    with opened(look(made)) as browser:
        page = browser.page
        hide(page, hidden=True)
        grow(page, made, *talk(200))
        grow(page, made, *talk(200))
        hide(page, hidden=False)
        wait_for(page, 920)
        wait_for_seqs(page, range(821, 921))


@contextmanager
def stopped(site: Site, made: Snapshot) -> Iterator[Browser]:
    """The session's page, in which time passes only when a test says so."""
    with site.browser() as browser:
        browser.page.clock.install(time=0)
        browser.page.clock.pause_at(1_000)
        browser.page.add_init_script(COUNT)
        browser.open(f"/sessions/{made.id}/")
        yield browser


def passes(page: Page, seconds: float, *, answers: int) -> None:
    """Time passes, and so many questions of the page are answered, or given up, in it."""
    before = asked(page)
    page.clock.run_for(round(seconds * 1_000))
    page.wait_for_function("wanted => window.answered === wanted", arg=before + answers)
    assert asked(page) == before + answers


def test_it_asks_every_two_seconds_but_not_while_nobody_looks_or_when_it_ended(
    look: Callable[[Snapshot], Site],
) -> None:
    made = session(ensure_project(), talk(3))
    with stopped(look(made), made) as browser:
        page = browser.page
        passes(page, 1.9, answers=0)
        passes(page, 0.1, answers=1)
        passes(page, 1.9, answers=0)
        passes(page, 0.1, answers=1)
        hide(page, hidden=True)
        passes(page, 120, answers=0)
        elsewhere(lambda: get_store().end(made.project, made.id))
        hide(page, hidden=False)
        passes(page, 0, answers=1)
        page.wait_for_selector(".boundary.e-ended")
        expect(page.locator(".heading .status")).to_have_text("ended", use_inner_text=True)
        passes(page, 120, answers=0)
        page.reload()
        passes(page, 120, answers=0)
        assert browser.troubles == []


@pytest.mark.long
def test_a_page_that_is_cut_off_says_so_asks_less_and_goes_on(
    look: Callable[[Snapshot], Site],
) -> None:
    made = session(ensure_project(), talk(3))
    with stopped(look(made), made) as browser:
        page = browser.page
        page.route("**/news/**", lambda route: route.abort())
        stale = page.locator("#stale")
        for seconds in (2, 4, 8, 16, 32, 60, 60):
            passes(page, seconds - 0.1, answers=0)
            passes(page, 0.1, answers=1)
            expect(stale).to_have_text("Not up to date, trying again")
        page.unroute("**/news/**")
        said = [user("There again")]
        elsewhere(lambda: get_store().append(made.project, made.id, preparing.batch(said)))
        passes(page, 60, answers=1)
        page.wait_for_selector("#m7")
        expect(stale).to_have_text("")


def test_a_session_that_is_gone_is_told_and_not_asked_for(
    look: Callable[[Snapshot], Site],
) -> None:
    made = session(ensure_project(), talk(3))
    with look(made).browser() as browser:
        browser.open(f"/sessions/{made.id}/")
        change(browser.page, lambda: get_store().delete(made.project, made.id))
        expect(browser.page.locator("#stale")).to_contain_text("no longer here")


@pytest.mark.long
def test_a_review_that_is_being_written_stays_where_it_is(
    look: Callable[[Snapshot], Site],
) -> None:
    made = session(ensure_project(), [*talk(40), user("Go"), assistant(tool_calls=[CALL])])
    with opened(look(made)) as browser:
        page = browser.page
        write_review(page, 82)
        page.fill("#review-82 textarea", "Not saved yet")
        page.check("#review-82 [name=needs_review]")
        page.focus("#review-82 textarea")
        before = page.locator("#review-82").bounding_box()
        elsewhere(lambda: get_store().pin(made.project, made.id, 82))
        grow(page, made, result("ok"), *talk(10))
        page.wait_for_selector("#m103")
        expect(page.locator("#new")).to_have_text("↓ 21 new", use_inner_text=True)
        expect(page.locator("#review-82 [name=comment]")).to_be_focused()
        expect(page.locator("#review-82 textarea")).to_have_value("Not saved yet")
        expect(page.locator("#review-82 [name=needs_review]")).to_be_checked()
        expect(page.locator("#m82.pinned .fate.held")).to_have_count(1)
        expect(page.locator("#m82 #m83")).to_have_count(1)
        after = page.locator("#review-82").bounding_box()
        assert before
        assert after
        assert before["height"] == after["height"]


def test_the_open_page_shows_the_holder_of_a_lease_for_as_long_as_it_holds(
    look: Callable[[Snapshot], Site], database_time: DatabaseTime
) -> None:
    made, store = session(ensure_project()), get_store()
    with opened(look(made)) as browser:
        page = browser.page
        holder = page.locator(".heading [data-live=holder]")
        expect(holder).to_be_hidden()
        change(page, lambda: leasing.acquire(store, made.project, made.id, "planner", 30))
        expect(holder).to_have_text("held by planner", use_inner_text=True)
        change(page, lambda: database_time.passes(30))
        expect(holder).to_be_hidden()


def test_what_is_retracted_is_struck_out_where_it_stands(look: Callable[[Snapshot], Site]) -> None:
    made = session(ensure_project())
    with opened(look(made)) as browser:
        page = browser.page
        change(page, lambda: get_store().retract(made.project, made.id, (3, 4), "wrong day"))
        page.wait_for_selector("#m4.retracted .fate")
        expect(page.locator("#m2 .gone")).to_have_count(1)
        expect(page.locator(".legend")).to_contain_text("retracted 2", use_inner_text=True)
        expect(page.locator(".strip .f-retracted")).to_have_count(2)


@pytest.mark.long
def test_a_transcript_that_is_followed_is_seen_growing(tmp_path: Path, chromium: Path) -> None:
    """The tool writes, one process imports, another serves, a browser shows."""
    shell, path = Shell(tmp_path), tmp_path / "talk.jsonl"
    path.write_bytes(as_lines(transcript(1)))
    database = tmp_path / "db.sqlite3"
    command = ("import", "claude-code", path, "--follow", "--database", database)
    with process(shell, *command) as told, serving(shell, database) as server:
        told.result()
        _, listed = server.call("GET", "/api/v1/sessions")
        found = listed["data"][0]["id"]
        with browsing.browser(chromium) as running:
            page = running.new_page()
            page.goto(f"http://127.0.0.1:{server.port}/sessions/{found}/")
            add(path, as_lines(transcript(2)[2:]))
            expect(page.locator("#m4")).to_contain_text("answer 2", use_inner_text=True)
