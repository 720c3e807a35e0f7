"""A lease in Python: taken on entering, renewed beside the work, released on leaving.

Whose changes carry it: those of the thread or task that entered it, through whichever Session
object they go, and those of `lease.session` from anywhere. A thread that only shares a Session
object with the holder is somebody else.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cached_property, partial
from threading import Event, Thread
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from holdfast import bridge
from holdfast.backend import Backend, Expect
from holdfast.values import Json
from sessions_app import waiting
from sessions_app.core.errors import (
    HoldfastError,
    InvalidField,
    LeaseLost,
    NotFound,
    SessionBusy,
    SessionDeleted,
)

if TYPE_CHECKING:
    from holdfast.facade import Session

log = logging.getLogger("holdfast.leases")

SERVER_WAIT = 5
"""Seconds that one call may wait for a lease; who waits longer asks again."""
LEAVE_SECONDS = 5.0
GONE = (LeaseLost, NotFound, SessionDeleted)

_entered: ContextVar[Mapping[str, Lease]] = ContextVar(
    "holdfast_leases", default=MappingProxyType({})
)
"""The leases that this thread or task is in, by session."""


class Lease:
    """The right of one agent to append to a session, for `with` and for `async with`.

    `token` and `expires_at` are as of the last answer. Inside a caller's transaction nobody else
    sees the lease, nor gets past the transaction: it is not renewed there.
    """

    def __init__(self, backend: Backend, session: Session, holder: str, *, ttl: int, wait: float):
        self._backend = backend
        self._session = session
        self._wish: Json = {"holder": holder, "ttl": ttl}
        self._wait = seconds(wait)
        self._answer: Json = {}
        self._over = Event()
        self._over.set()
        self._lost = False
        self._beating: Thread | None = None
        self._outer: Lease | None = None

    def __repr__(self) -> str:
        state = "lost" if self._lost else "over" if self.over else f"token {self.token}"
        return f"<Lease of {self.holder} on {self._session.id}, {state}>"

    @property
    def holder(self) -> str:
        return str(self._wish["holder"])

    @property
    def ttl(self) -> int:
        """Seconds for which it is taken and renewed."""
        return int(self._wish["ttl"])

    @property
    def token(self) -> int:
        return int(self._answer["token"])

    @property
    def expires_at(self) -> str:
        return str(self._answer["expires_at"])

    @property
    def lost(self) -> bool:
        """Whether a renewal or a change has been told so. A change under a lost lease raises
        LeaseLost and stores nothing, also where nobody knew it yet."""
        return self._lost

    @property
    def over(self) -> bool:
        """Whether it was left or released."""
        return self._over.is_set()

    @cached_property
    def session(self) -> Session:
        """The session, for threads of your own: its changes carry this lease wherever they are
        made, and after its end raise LeaseLost."""
        return self._session._under(self)

    # -- its verbs ---------------------------------------------------------------------------

    @bridge.here
    def renew(self, ttl: int | None = None) -> None:
        """Hold the session for another `ttl` seconds from now (None: as long as it was taken for);
        done by itself every third of them. Raises LeaseLost, InvalidField."""
        with self.told():
            self._renew(self.ttl if ttl is None else ttl)

    @bridge.here
    def release(self) -> None:
        """Give the session back before the end of the block; changes after it are made without the
        lease. Raises LeaseLost."""
        with self.told():
            done = self._backend.release(self._session.id, Expect(lease=self.token))
        self._over.set()
        self._session._moved(done["version"])

    arenew = bridge.twin(renew)
    arelease = bridge.twin(release)

    def _renew(self, ttl: int) -> None:
        wish = {"token": self.token, "ttl": ttl}
        self._answer = self._backend.renew(self._session.id, wish, Expect())
        self._wish["ttl"] = ttl

    @contextmanager
    def told(self) -> Iterator[None]:
        """Remembers that the lease is lost when a call says so."""
        try:
            yield
        except LeaseLost:
            self._lost = True
            raise

    # -- entering and leaving ----------------------------------------------------------------

    def __enter__(self) -> Self:
        self._check_free()
        self._begin(bridge.here(self._acquired)())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()
        bridge.here(self._end)(error)

    async def __aenter__(self) -> Self:
        self._check_free()
        self._begin(await self._aacquired())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()
        await asyncio.shield(bridge.twin(self._end)(error))

    def _check_free(self) -> None:
        if not self.over:
            raise RuntimeError("This lease is entered already. Ask the session for another.")

    def _take(self, wait: float) -> Json:
        wish = {**self._wish, "wait": int(min(wait, SERVER_WAIT))}
        return self._backend.lease(self._session.id, wish, Expect())

    def _acquired(self) -> Json:
        end = time.monotonic() + self._wait
        for pause in waiting.pauses():
            try:
                return self._take(max(0.0, end - time.monotonic()))
            except SessionBusy:
                left = end - time.monotonic()
                if left <= 0:
                    raise
            time.sleep(min(pause, left))
        raise AssertionError("pauses do not end")

    async def _aacquired(self) -> Json:
        """The same without a thread while it waits: the bridge has few, and the holder needs one
        to release."""
        end, free = time.monotonic() + self._wait, asyncio.Event()
        loop = asyncio.get_running_loop()

        def ring() -> None:
            loop.call_soon_threadsafe(free.set)

        with waiting.listening(UUID(self._session.id), ring):
            for pause in waiting.pauses():
                free.clear()
                try:
                    return await self._atake()
                except SessionBusy:
                    left = end - time.monotonic()
                    if left <= 0:
                        raise
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(pause, left)):
                        await free.wait()
        raise AssertionError("pauses do not end")

    async def _atake(self) -> Json:
        taking = asyncio.ensure_future(bridge.twin(self._take)(0))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(self._give_back)
            raise

    def _give_back(self, taking: asyncio.Future[Json]) -> None:
        """Releases what was taken for somebody who no longer waits."""
        if not taking.cancelled() and taking.exception() is None:
            expect = Expect(lease=taking.result()["token"])
            bridge.beside(partial(self._backend.release, self._session.id, expect))

    def _begin(self, answer: Json) -> None:
        self._answer, self._lost = answer, False
        self._over = Event()
        self._session._moved(answer["version"])
        self._outer = _entered.get().get(self._session.id)
        _put(self._session.id, self)
        if answer.get("durable_by") != "commit":
            self._beating = Thread(target=self._beat, name="holdfast-lease", daemon=True)
            self._beating.start()

    def _leave(self) -> None:
        if _entered.get().get(self._session.id) is self:
            _put(self._session.id, self._outer)

    def _end(self, error: BaseException | None) -> None:
        """Releases it, and never hides what the block raised: what is not released ends by itself,
        and what was written under it stands."""
        released = self.over
        self._over.set()
        try:
            if not released and not self._lost:
                self.release()
        except HoldfastError as failed:
            log.warning("lease of %s was not released: %s", self._session.id, failed.code)
        except Exception:
            if error is None:
                raise
            log.exception("lease of %s was not released", self._session.id)
        if self._beating is not None:
            self._beating.join(LEAVE_SECONDS)

    def _beat(self) -> None:
        """Renews until it is over. What may pass is tried again a third later, which is in time."""
        over = self._over
        try:
            while not over.wait(self.ttl / 3):
                if not self._renewed(over):
                    return
        finally:
            bridge.disconnect()

    def _renewed(self, over: Event) -> bool:
        try:
            self._renew(self.ttl)
        except GONE as gone:
            if not over.is_set():
                self._lost = True
                log.warning("lease of %s is lost: %s", self._session.id, gone.code)
            return False
        except HoldfastError as failed:
            log.warning("lease of %s was not renewed: %s", self._session.id, failed.code)
        return True


def current(session: str) -> Lease | None:
    """The lease on a session that the calling thread or task is in."""
    found = _entered.get().get(session)
    return None if found is None or found.over else found


def seconds(wait: object) -> float:
    """How long to wait, from 0 on. Raises InvalidField."""
    right = isinstance(wait, int | float) and not isinstance(wait, bool)
    if not right or not 0 <= float(wait) < math.inf:  # type: ignore[arg-type]
        raise InvalidField("`wait` must be a number of seconds, from 0 on.", param="wait")
    return float(wait)  # type: ignore[arg-type]


def _put(session: str, lease: Lease | None) -> None:
    rest = {name: held for name, held in _entered.get().items() if name != session}
    found: dict[str, Any] = rest if lease is None else {**rest, session: lease}
    _entered.set(found)
