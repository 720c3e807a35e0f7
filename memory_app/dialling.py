"""One HTTP call to an address from a setting: where it may go, how long and how much in all.

The client of a model's library counts its timeouts per read, follows names at every connection and
reads whatever comes. Here the deadline is for the whole call, down to single bytes; the name is
asked for once, all its addresses are checked, and the connection goes to one of those, while Host
and TLS keep the name; and what comes is counted before it is understood.

httpx and httpcore are given by the caller, since the library decides which of them it works with.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from memory_app.core.work import (
    CONNECTION,
    FORBIDDEN_ADDRESS,
    INVALID_ANSWER,
    TIMEOUT,
    TOO_LONG,
    EngineFailed,
)
from sessions_app.core import addresses

MOST_BYTES = 1 << 20
"""Far more than a summary takes, with a model's thoughts, headers and escapes around it."""

Resolver = Callable[[str, int], Sequence[str]]
"""The addresses of a host and port. Raises OSError."""

# The rest would tell the endpoint of our machine, or hand it what the environment says of another.
_SENT = frozenset({b"host", b"authorization", b"content-type", b"content-length", b"accept"})
_OURS = [(b"Accept-Encoding", b"identity"), (b"User-Agent", b"holdfast"), (b"Connection", b"close")]


def resolve(host: str, port: int) -> list[str]:
    """What the system's resolver says. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Deadline:
    """A point in time by which something is over."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left. Raises EngineFailed when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise EngineFailed(TIMEOUT)
        return left

    def allows(self, seconds: float) -> bool:
        """Whether there is time to wait so long and then do something."""
        return time.monotonic() + seconds < self._end


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a call may not exceed."""

    deadline: Deadline
    local: bool = False
    resolve: Resolver = resolve
    most_bytes: int = MOST_BYTES


def looked_up(host: str, port: int, bounds: Bounds) -> list[str]:
    """The checked addresses of a host, or EngineFailed.

    A resolver knows no deadline, so it is asked in a thread that is left behind when it is late.
    """
    found: list[Sequence[str] | BaseException] = []
    done = threading.Event()

    def ask() -> None:
        try:
            found.append(bounds.resolve(host, port))
        except (OSError, UnicodeError) as error:
            found.append(error)
        finally:
            done.set()

    threading.Thread(target=ask, name="holdfast-resolver", daemon=True).start()
    if not done.wait(bounds.deadline.left()):
        raise EngineFailed(TIMEOUT, "the name of the endpoint was not resolved in time")
    answer = found[0] if found else OSError()
    if isinstance(answer, BaseException):
        raise EngineFailed(CONNECTION, "the name of the endpoint does not resolve")
    try:
        return addresses.check(answer, local=bounds.local)
    except addresses.Forbidden as forbidden:
        raise EngineFailed(FORBIDDEN_ADDRESS, f"the endpoint {forbidden}") from None


class Dialler:
    """Connections for httpcore: to checked addresses, within the bounds. For one request."""

    def __init__(self, httpcore: ModuleType, bounds: Bounds) -> None:
        self._httpcore = httpcore
        self._bounds = bounds
        self.ended = False
        """Whether the other side has ended the connection."""
        self._bytes = 0

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **how: Any) -> Stream:
        """A connection to the first address of the host that takes one."""
        found = looked_up(host, port, self._bounds)
        for place, address in enumerate(found, 1):
            # Each has an equal share of the time, or one dead address would use it all.
            share = self._bounds.deadline.left() / (len(found) - place + 1)
            try:
                backend = self._httpcore.SyncBackend()
                return Stream(backend.connect_tcp(address, port, timeout=share, **how), self)
            except (self._httpcore.ConnectError, self._httpcore.ConnectTimeout):
                if place == len(found):
                    raise
        raise EngineFailed(CONNECTION)

    def connect_unix_socket(self, *_: Any, **__: Any) -> Stream:
        raise EngineFailed(FORBIDDEN_ADDRESS)

    def left(self) -> float:
        return self._bounds.deadline.left()

    def took(self, data: bytes) -> bytes:
        """Counts what came. Raises EngineFailed when it is too much."""
        self.ended = not data
        self._bytes += len(data)
        if self._bytes > self._bounds.most_bytes:
            raise EngineFailed(TOO_LONG, "the answer has more bytes than are read")
        return data


class Stream:
    """A connection whose reads and writes have until the deadline, however little each brings."""

    def __init__(self, stream: Any, dialler: Dialler) -> None:
        self._stream = stream
        self._dialler = dialler

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._dialler.took(self._stream.read(max_bytes, timeout=self._dialler.left()))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=self._dialler.left())

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        left = self._dialler.left()
        secured = self._stream.start_tls(ssl_context, server_hostname, timeout=left)
        return Stream(secured, self._dialler)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


class Transport:
    """A transport for httpx's client. Each request has a connection of its own, its answer comes
    whole, and every failure is an EngineFailed that says nothing of the request."""

    def __init__(self, httpx: ModuleType, httpcore: ModuleType, bounds: Bounds) -> None:
        self._httpx = httpx
        self._httpcore = httpcore
        self._bounds = bounds

    def handle_request(self, request: Any) -> Any:
        dialler = Dialler(self._httpcore, self._bounds)
        try:
            return self._exchange(request, dialler)
        except self._httpcore.TimeoutException:
            # One address of several may be late without the deadline being over.
            self._bounds.deadline.left()
            raise EngineFailed(CONNECTION, "the endpoint takes no connection") from None
        except self._httpcore.ProtocolError:
            if dialler.ended:
                raise EngineFailed(CONNECTION, "the endpoint broke off") from None
            raise EngineFailed(INVALID_ANSWER, "what the endpoint sends is not HTTP") from None
        except self._httpcore.NetworkError as error:
            raise EngineFailed(CONNECTION, type(error).__name__) from None

    def _exchange(self, request: Any, dialler: Dialler) -> Any:
        # To read the authorities takes longer than most else here, so only where they are needed.
        context = self._httpx.create_ssl_context() if request.url.scheme == "https" else None
        with self._httpcore.ConnectionPool(ssl_context=context, network_backend=dialler) as pool:
            answer = pool.handle_request(self._outgoing(request))
            try:
                return self._incoming(answer)
            finally:
                answer.close()

    def _outgoing(self, request: Any) -> Any:
        url = request.url
        return self._httpcore.Request(
            request.method,
            self._httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=[pair for pair in request.headers.raw if pair[0].lower() in _SENT] + _OURS,
            content=request.stream,
        )

    def _incoming(self, answer: Any) -> Any:
        headers = {name.lower(): value for name, value in answer.headers}
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise EngineFailed(INVALID_ANSWER, "the answer is compressed, which was not asked for")
        # Nothing that is said beside an error is used, so it is not read either.
        content = b"".join(answer.iter_stream()) if answer.status == 200 else b""
        kept = [
            (name, headers[name]) for name in (b"content-type", b"retry-after") if name in headers
        ]
        return self._httpx.Response(answer.status, headers=kept, content=content)

    def close(self) -> None:
        """Nothing stays open between requests."""

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
