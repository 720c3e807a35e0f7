"""What every call of an OpenAI-compatible endpoint goes by: which address, until when, how often.

The package `openai` (extra `[llm]`) is imported here alone, and only when something is asked.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib import import_module
from types import ModuleType
from typing import Any, ClassVar, TypeVar

from memory_app.core.work import (
    FORBIDDEN_ADDRESS,
    INVALID_ANSWER,
    RATE_LIMITED,
    REFUSED_REDIRECT,
    REJECTED,
    SERVER_ERROR,
    TIMEOUT,
    EngineFailed,
)
from memory_app.dialling import MOST_BYTES, Bounds, Deadline, Resolver, Transport, resolve
from sessions_app.core import addresses

CALLS = 4
"""How often one question is sent to an endpoint that fails before it is left alone."""
BACKOFF = 0.5
"""Seconds before the second call, at most; each further wait is twice as long."""

Given = TypeVar("Given")
Got = TypeVar("Got")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A model behind `url`, the part before the name of a call. `timeout` is for all of one piece
    of work, in seconds; `local` allows addresses that are not public. Its key is in no text of it.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    timeout: float = 60.0
    local: bool = False
    backoff: float = BACKOFF
    resolve: Resolver = field(default=resolve, repr=False)
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    settings: ClassVar[str] = "HOLDFAST_MODEL"
    """How the settings begin that it was made from."""
    most_bytes: ClassVar[int] = MOST_BYTES

    def _check(self) -> None:
        """Raises EngineFailed for what would fail later in words that tell too much."""
        try:
            addresses.target(self.url, local=self.local)
        except addresses.Forbidden as forbidden:
            raise EngineFailed(FORBIDDEN_ADDRESS, f"{self.settings}_URL {forbidden}") from None
        if not (self.key.isascii() and self.key.isprintable()) or " " in self.key:
            raise EngineFailed(REJECTED, f"{self.settings}_KEY must be ASCII without blanks")

    def asking(
        self, send: Callable[[Any, Given], Any], read: Callable[[bytes], Got]
    ) -> Callable[[Given], Got]:
        """What asks again and again until one deadline, which begins now: `send` calls the client
        for a raw answer, `read` takes its bytes or raises EngineFailed."""
        self._check()
        openai = _library()
        deadline = Deadline(self.timeout)
        client = self._client(openai, deadline)
        return lambda given: self._persistently(
            lambda: _once(openai, lambda: send(client, given), read), deadline
        )

    def _client(self, openai: Any, deadline: Deadline) -> Any:
        httpx, httpcore = _http(openai)
        bounds = Bounds(deadline, self.local, self.resolve, self.most_bytes)
        return openai.OpenAI(
            # The package would otherwise take the key for another endpoint from the environment.
            api_key=self.key or "none",
            base_url=self.url,
            max_retries=0,
            http_client=httpx.Client(
                transport=Transport(httpx, httpcore, bounds),
                follow_redirects=False,
                trust_env=False,
            ),
        )

    def _persistently(self, call: Callable[[], Got], deadline: Deadline) -> Got:
        """What `call` gives, tried again while there is hope and time."""
        for attempt in range(1, CALLS + 1):
            try:
                return call()
            except EngineFailed as failed:
                chance = random.random()  # noqa: S311 - it spreads callers and hides nothing
                wait = pause(attempt, failed.after, self.backoff, chance)
                if attempt == CALLS or not failed.retryable or not deadline.allows(wait):
                    # Without the frames of the call: reports of errors show what is in them.
                    raise failed.with_traceback(None) from None
            self.pause(wait)
        raise AssertionError("the last call returns or raises")


def pause(attempt: int, after: float | None, backoff: float, chance: float) -> float:
    """Seconds to wait after a failed attempt (from 1): what the endpoint asks for and, so that
    many callers do not come back at once, up to one backoff more or half of one less."""
    step: float = backoff * 2 ** (attempt - 1)
    if after is not None:
        return after + chance * backoff
    return step * (0.5 + chance / 2)


def _library() -> Any:
    try:
        import openai
    except ImportError:
        raise EngineFailed(REJECTED, "install holdfast[llm] to ask a model") from None
    return openai


def _http(openai: Any) -> tuple[ModuleType, ModuleType]:
    """The modules whose classes this version of the package takes: httpx or its successor, and
    the one below it."""
    roots = [base.__module__.partition(".")[0] for base in openai.DefaultHttpxClient.__mro__]
    name = next(root for root in roots if root.startswith("httpx"))
    return import_module(name), import_module(name.replace("httpx", "httpcore"))


def _once(openai: Any, send: Callable[[], Any], read: Callable[[bytes], Got]) -> Got:
    """What is read of one answer. Raises EngineFailed, from which nothing leads to the request."""
    try:
        answered = send()
    except openai.APIStatusError as error:
        failed = refusal(error.status_code, error.response.headers)
    except openai.OpenAIError as error:
        # Earlier versions of the package wrap whatever a transport raises.
        wrapped = error.__cause__
        known = isinstance(wrapped, EngineFailed)
        failed = wrapped if known else EngineFailed(INVALID_ANSWER, type(error).__name__)
    except UnicodeError:
        failed = EngineFailed(REJECTED, "the URL's host is no name")
    else:
        return read(answered.content)
    # Raised here, where the package's error, which holds the request, is out of sight.
    raise failed


def refusal(status: int, headers: Mapping[str, str]) -> EngineFailed:
    """What an HTTP status other than 200 means."""
    after = retry_after(headers.get("retry-after"), time.time())
    said = f"status {status}"
    if 300 <= status < 400:
        return EngineFailed(REFUSED_REDIRECT, said)
    if status == 429:
        return EngineFailed(RATE_LIMITED, said, after=after)
    if status == 408:
        return EngineFailed(TIMEOUT, said, after=after)
    if status in (409, 425) or status >= 500:
        return EngineFailed(SERVER_ERROR, said, after=after)
    return EngineFailed(REJECTED, said)


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, in either form; None for any other value."""
    if value is None:
        return None
    try:
        return max(0.0, float(value)) if _is_number(value) else _until(value, now)
    except (ValueError, OverflowError):
        return None


def _is_number(value: str) -> bool:
    return value.replace(".", "", 1).isdecimal()


def _until(value: str, now: float) -> float:
    return max(0.0, parsedate_to_datetime(value).timestamp() - now)
