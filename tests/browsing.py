"""One Chromium for all tests of a process; each test has pages and a storage of its own.

Playwright's driver runs an event loop in the thread of the tests and leaves it running between two
calls. Django refuses its database there, and no other loop can start. So between two tests the loop
is only parked: asyncio is told that none runs, which is true as long as nobody calls Playwright.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

from django.core.signals import request_finished, request_started
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# What a page shows after a press comes when it comes: every read waits for it, and for long,
# because a busy machine is slow and a page that is wrong is wrong after that too.
expect.set_options(timeout=30_000)


@dataclass(frozen=True)
class _Running:
    playwright: Playwright
    browser: Browser
    loop: asyncio.AbstractEventLoop


class _Requests:
    """Those that servers in this process are at work on, since it was told to look."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._open = 0
        request_started.connect(self._began, weak=False)
        request_finished.connect(self._ended, weak=False)

    def _began(self, **_: object) -> None:
        with self._changed:
            self._open += 1

    def _ended(self, **_: object) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def forget(self) -> None:
        """What is open now is not waited for."""
        with self._changed:
            self._open = 0

    def end(self) -> None:
        """Waits until all are answered, though not for a stream that nobody reads any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._open <= 0, timeout=5)


_requests = _Requests()
_running: list[_Running] = []


@contextmanager
def browser(executable: Path) -> Iterator[Browser]:
    """The browser, until the end of a test, which closes what it has opened."""
    if _running and not _running[0].browser.is_connected():
        close()
    if not _running:
        _start(executable)
    running = _running[0]
    _requests.forget()
    asyncio._set_running_loop(running.loop)
    try:
        yield running.browser
        for context in running.browser.contexts:
            context.close()
    finally:
        asyncio._set_running_loop(None)
        # A page may have asked for news last; emptying the tables would wait for its answer, and
        # that for the emptying.
        _requests.end()


def _start(executable: Path) -> None:
    playwright = sync_playwright().start()
    loop = asyncio.get_running_loop()
    try:
        started = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        _running.append(_Running(playwright, started, loop))
    finally:
        asyncio._set_running_loop(None)


def close() -> None:
    """Ends the browser and its driver, if there is one."""
    while _running:
        running = _running.pop()
        asyncio._set_running_loop(running.loop)
        try:
            running.browser.close()
            running.playwright.stop()
        finally:
            asyncio._set_running_loop(None)
