"""Those who write and read while things break: each does what its seed says, and every call of
theirs is logged with its times and its class.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from tests.faults import calls, nodes
from tests.faults.history import (
    GAVE_UP,
    LOST,
    OK,
    REFUSED,
    UNKNOWN,
    UNREACHED,
    WRITES,
    Attempt,
)

PATIENCE = 60.0
"""How long a call is waited for, in seconds; longer than anything that is done to the servers."""
IMPATIENCE = 0.15
LAST_TRIES = 20
"""So often is tried again what is not answered at the end of the run, when all servers are well."""
PAUSE = 0.02
"""Between the attempts of an operation, and between the reads of a reader, in seconds."""
NOT_APPLIED = ("store_busy", "storage_full", "rate_limited")
"""Errors of the server after which nothing was stored, says the contract."""
LEASE_SECONDS, FROZEN_SECONDS = 1, 1.3
BUDGETS = (1_500, 3_000)
PAGE = 200
NAMES = 40
"""Sessions are opened under so many names: each by several writers, some at once."""


class Journal:
    """The attempts of all clients; who waits for things to go on waits here."""

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self._changed = threading.Condition()
        self._good = {"writes": 0, "reads": 0}

    def add(self, attempt: Attempt) -> None:
        with self._changed:
            self.attempts.append(attempt)
            if attempt.outcome == OK:
                self._good["writes" if attempt.kind in WRITES else "reads"] += 1
                self._changed.notify_all()

    def wait(self, what: str, more: int, seconds: float) -> bool:
        """Whether there were so many more good `writes` or `reads` within that time."""
        with self._changed:
            wanted = self._good[what] + more
            return self._changed.wait_for(lambda: self._good[what] >= wanted, seconds)


class Client:
    """Makes calls under one name and keeps account of them."""

    def __init__(self, who: str, ports: Sequence[int], journal: Journal) -> None:
        self.who, self.ports, self.journal = who, ports, journal

    def attempt(
        self, op: str, request: calls.Request, node: int, wait: float = PATIENCE
    ) -> Attempt:
        """One call, logged."""
        headers = {"Idempotency-Key": op} if request.keyed else {}
        if request.expected is not None:
            headers["If-Match"] = str(request.expected)
        if "token" in request.asked:
            headers["Holdfast-Lease"] = str(request.asked["token"])
        invoked = time.monotonic()
        call = (request.method, request.path, request.body)
        reply, code = None, ""
        try:
            reply = nodes.send(self.ports[node], call, headers, wait)
        except nodes.Unreached:
            code = UNREACHED
        except TimeoutError:
            code = GAVE_UP if wait < PATIENCE else LOST
        except nodes.BROKEN:
            code = LOST
        told, body = calls.told(request, reply), b"" if reply is None else reply.raw
        good = reply is not None and reply.status in range(200, 300)
        code = code or str(told.pop("code", ""))
        attempt = Attempt(
            op=op,
            who=self.who,
            kind=request.kind,
            session=request.session,
            node=node,
            invoked=invoked,
            completed=time.monotonic(),
            outcome=_outcome(reply.status if reply else 0, code),
            status=reply.status if reply else 0,
            code=code,
            keyed=request.keyed,
            expected=request.expected,
            asked=request.asked,
            answer=told,
            body=hashlib.sha256(body).hexdigest() if good and request.keyed else "",
        )
        self.journal.add(attempt)
        return attempt


def _outcome(status: int, code: str) -> str:
    if status in range(200, 300):
        return OK
    applied_not = status in range(400, 500) or code in (*NOT_APPLIED, UNREACHED)
    return REFUSED if applied_not else UNKNOWN


# -- who writes --------------------------------------------------------------------------------


@dataclass
class World:
    """What all clients of a run share: the servers, the sessions (the first is the hot one), the
    one that is written to under leases alone, what was said where, and when to stop."""

    ports: Sequence[int]
    sessions: Sequence[str]
    leased: str
    journal: Journal
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.versions = dict.fromkeys(self.all, 1)
        self.said: dict[str, tuple[int, str]] = {}

    @property
    def all(self) -> list[str]:
        return [*self.sessions, self.leased]

    def saw(self, attempt: Attempt) -> None:
        """Remember where a session stands, for who writes under a condition or asks for the past;
        it may be behind, as with any client."""
        rows = attempt.answer.get("rows") or [[0, attempt.answer.get("version") or 0, ""]]
        seq, version = rows[-1][:2]
        if version > self.versions.get(attempt.session, version):
            self.versions[attempt.session] = version
        if attempt.kind == "append" and attempt.outcome == OK:
            self.said[attempt.session] = (seq, attempt.asked["texts"][-1])


class Writer(threading.Thread):
    """Writes until it is told to stop, and never gives up on a key."""

    def __init__(self, who: str, world: World, seed: str) -> None:
        super().__init__(name=who, daemon=True)
        self.world, self.rng = world, Random(f"{seed} {who}")
        self.client = Client(who, world.ports, world.journal)
        self._twin = ThreadPoolExecutor(1)
        self._count = 0

    def run(self) -> None:
        try:
            while not self.world.stopping.is_set():
                self._count += 1
                self._perform(f"{self.name}-{self._count}")
        finally:
            self._twin.shutdown()

    def _perform(self, op: str) -> None:
        request = self._chosen(op)
        first, other = self.rng.sample(range(len(self.world.ports)), 2)
        wait = IMPATIENCE if self.rng.random() < 0.03 else PATIENCE
        twice = self.rng.random() < 0.08
        twin = None
        if request.keyed and twice:
            twin = self._twin.submit(self.client.attempt, op, request, other)
        attempt = self.client.attempt(op, request, first, wait)
        last = LAST_TRIES
        while not _settled(attempt) and request.keyed and last:
            time.sleep(PAUSE)
            attempt = self.client.attempt(op, request, self.rng.choice((first, other)))
            last -= self.world.stopping.is_set()
        self.world.saw(attempt)
        if twin is not None:
            twin.result()

    def _chosen(self, op: str) -> calls.Request:
        hot = self.rng.random() < 0.7
        session = self.world.sessions[0] if hot else self.rng.choice(self.world.sessions[1:])
        what = self.rng.choices(
            ("append", "edit", "retract", "pin", "open", "fact"), (84, 4, 3, 3, 3, 3)
        )[0]
        matched = self.rng.random() < 0.3
        expected = self.world.versions[session] if matched else None
        first, said = self.rng.randrange(1, 20), self.world.said.get(session)
        if what == "append":
            batch, keyed = self.rng.choice((1, 1, 1, 3)), self.rng.random() < 0.85
            return calls.append(op, session, batch, expected=expected, keyed=keyed)
        if what == "edit":
            return calls.edit(op, session, expected)
        if what == "retract":
            last = first + self.rng.randrange(3)
            return calls.retract(op, session, (first, last), expected)
        if what == "open":
            name = f"opened-{self.rng.randrange(NAMES)}"
            return calls.opening(name, keyed=self.rng.random() < 0.5)
        if what == "fact" and said:
            return calls.fact(op, session, *said)
        return calls.pin(op, session, first, expected)


class Agent(threading.Thread):
    """Writes to one session under a lease; sometimes it is frozen past its end and goes on."""

    def __init__(self, who: str, world: World, seed: str) -> None:
        super().__init__(name=who, daemon=True)
        self.world, self.rng = world, Random(f"{seed} {who}")
        self.client = Client(who, world.ports, world.journal)
        self._count = 0

    def run(self) -> None:
        while not self.world.stopping.is_set():
            got = self._settled(lambda op: calls.lease(op, self.world.leased, LEASE_SECONDS))
            if got.outcome == OK:
                self._work(got.answer["token"])
            self.world.stopping.wait(PAUSE)

    def _work(self, token: int) -> None:
        for _ in range(self.rng.randrange(1, 6)):
            if self.rng.random() < 0.2:
                self.world.stopping.wait(FROZEN_SECONDS)
            said = self._settled(lambda op: calls.append_held(op, self.world.leased, token))
            if said.outcome != OK:
                return
        if self.rng.random() < 0.7:
            request = calls.release(self.world.leased, token)
            self.client.attempt("release", request, self.rng.randrange(len(self.world.ports)))

    def _settled(self, request: Callable[[str], calls.Request]) -> Attempt:
        """The end of an operation, tried until it is answered."""
        self._count += 1
        op, last = f"{self.name}-{self._count}", LAST_TRIES
        while True:
            node = self.rng.randrange(len(self.world.ports))
            attempt = self.client.attempt(op, request(op), node)
            last -= self.world.stopping.is_set()
            if _settled(attempt) or not last:
                return attempt
            time.sleep(PAUSE)


def _settled(attempt: Attempt) -> bool:
    return attempt.outcome == OK or attempt.status in range(400, 500)


# -- who reads ---------------------------------------------------------------------------------


class Reader(threading.Thread):
    """Reads in every way there is until it is told to stop."""

    def __init__(self, who: str, world: World, seed: str) -> None:
        super().__init__(name=who, daemon=True)
        self.world, self.rng = world, Random(f"{seed} {who}")
        self.client = Client(who, world.ports, world.journal)
        self._read: dict[str, int] = {}
        self._count = 0

    def run(self) -> None:
        while not self.world.stopping.is_set():
            request = self._chosen()
            first, other = self.rng.sample(range(len(self.world.ports)), 2)
            self._ask(request, first)
            if self.rng.random() < 0.3:  # what one has kept of it, the other must not tell too late
                self._ask(request, other)
            self.world.stopping.wait(PAUSE)

    def _ask(self, request: calls.Request, node: int) -> None:
        self._count += 1
        attempt = self.client.attempt(f"{self.name}-{self._count}", request, node)
        self.world.saw(attempt)
        if request.kind == "follow" and attempt.answer.get("rows"):
            self._read[request.session] = attempt.answer["rows"][-1][0]

    def _staleness(self) -> dict[str, int]:
        """What may be some seconds old, as a caller may ask."""
        return {"max_stale": self.rng.choice((1, 3))} if self.rng.random() < 0.3 else {}

    def _chosen(self) -> calls.Request:
        hot = self.rng.random() < 0.5
        session = self.world.sessions[0] if hot else self.rng.choice(self.world.all)
        kind = self.rng.choices(
            ("last", "log", "follow", "past", "session", "context", "then"),
            (25, 10, 20, 10, 10, 15, 10),
        )[0]
        known, tokens = self.world.versions[session], self.rng.choice(BUDGETS)
        if kind in ("context", "then"):
            # Of a version that others have gone on from: what belongs to the newest may still come.
            if kind == "then" and known > 1:
                return calls.context(session, tokens, {"at": self.rng.randrange(1, known)})
            return calls.context(session, tokens, self._staleness())
        if kind == "session":
            return calls.state(session)
        if kind == "last":
            return calls.messages(
                kind, session, {"limit": 20, "order": "desc", **self._staleness()}
            )
        if kind == "follow":
            return calls.messages(
                kind, session, {"after": self._read.get(session, 0), "limit": PAGE}
            )
        if kind == "log":
            return calls.messages(
                kind, session, {"after": self.rng.randrange(known), "limit": PAGE}
            )
        return calls.messages(
            kind, session, {"at": self.rng.randrange(1, known + 1), "limit": PAGE}
        )


def join(threads: Sequence[threading.Thread]) -> None:
    """Wait for all of them; who does not end has hung."""
    for thread in threads:
        with suppress(RuntimeError):
            thread.join(2 * PATIENCE)
        assert not thread.is_alive(), f"{thread.name} has not ended"
