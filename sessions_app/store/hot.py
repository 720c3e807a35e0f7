"""The hot tier: what Redis holds of sessions. The only file that knows Redis.

Redis is a hint (I9): whatever it answers is checked by its reader, whatever it fails at is counted
and costs an answer nothing but time, and of that no more than the breaker allows. Nothing connects
before the first question, so a Redis that is absent at the start is one that fails.

A session is one hash, `holdfast:{<id in hex>}`, so it lies on one server of a cluster, is evicted
as a whole, and goes with one DEL. That a server is one of a cluster is learnt when it says that
another one has a key; from then on each is asked for its own. Fields of a hash: `id`, the digest of
the database's identity; `at`, the newest version that was heard of; `keep`, for how many ms it is
kept from its last use; and for each value `name` the bytes and, in `t:name`, when they were true,
in ms of the clock of Redis. A script decides every write, so that none that is late wins over one
that is newer. All of it is of Redis 7.0.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from hashlib import sha1
from threading import Lock
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from sessions_app import conditions
from sessions_app.store.base import GONE
from sessions_app.store.parts import Part

TIMEOUT_SECONDS = 0.05
"""For a connection, and for an answer."""
MOST_CONNECTIONS = 64
READ_OCTETS = 128 * 1024
"""Bytes that are taken from a connection at once: most contexts."""
MOST_STALE_MS = 60_000
"""No reader takes anything that is older without a look at the database."""
LASTING_MS = 30 * 60 * 1000
"""How long what stays right as long as its session does is kept, from its last use."""
PASSING_MS = MOST_STALE_MS
"""How long anything else is: nobody would believe it any longer."""
MOST_VALUES = 32
"""Values of one session; with one more it begins anew."""
FORGET_AT_ONCE = 200
TOLD = ("hits", "misses", "stale", "errors", "openings")
"""The counts that say most; with `attempts`, `kept` and `refused_...` they are all of them."""

T = TypeVar("T")
Servers = Callable[[str], Any]
"""Gives the client of the server that has a key."""
log = logging.getLogger("holdfast.store")


class _Script(NamedTuple):
    source: str
    sha: str


def _script(source: str) -> _Script:
    return _Script(source, sha1(source.encode(), usedforsecurity=False).hexdigest())


# The first line of a script says what it may do: not run on a replica, and where memory is full
# only if it takes no more.

# ARGV: database, version, name, value, its age in ms, ms to keep it, the most values; then the
# `id` and `at` that the writer saw before it asked the database and found wrong, or '' and ''.
PUT_IF_NEWER = _script("""#!lua
if redis.call('TYPE', KEYS[1])['ok'] ~= 'hash' then redis.call('DEL', KEYS[1]) end
local got = redis.call('HMGET', KEYS[1], 'id', 'at', 'keep', 't:' .. ARGV[3])
local id, at, version = got[1] or '', tonumber(got[2] or ''), tonumber(ARGV[2])
local keep, wrong = tonumber(ARGV[6]), got[2] and id == ARGV[8] and got[2] == ARGV[9]
if at and not wrong then
  if at > version then return 0 end
  if at == version and id ~= '' and id ~= ARGV[1] then return 0 end
end
local now = redis.call('TIME')
local then_ms = now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[5]
if wrong or at ~= version or id ~= ARGV[1] or redis.call('HLEN', KEYS[1]) >= 2 * ARGV[7] + 3 then
  redis.call('DEL', KEYS[1])
else
  if (tonumber(got[4] or '') or 0) > then_ms then return 0 end
  keep = math.max(keep, tonumber(got[3] or '') or 0)
end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'at', ARGV[2], 'keep', string.format('%d', keep),
  ARGV[3], ARGV[4], 't:' .. ARGV[3], string.format('%d', then_ms))
redis.call('PEXPIRE', KEYS[1], string.format('%d', keep))
return 1
""")

# ARGV: version, ms to keep it. What older versions left goes; the mark stays, so none comes back.
MOVED = _script("""#!lua flags=allow-oom
if redis.call('TYPE', KEYS[1])['ok'] ~= 'hash' then redis.call('DEL', KEYS[1]) end
local at = tonumber(redis.call('HGET', KEYS[1], 'at') or '')
if at and at >= tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'at', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
""")


class Seen(NamedTuple):
    """The database and the version that a session's hash named, to the byte."""

    database: bytes
    at: bytes


NOTHING_SEEN = Seen(b"", b"")


class Found(NamedTuple):
    """What Redis has under a name: the bytes, or None, and how long ago they were true, in ms;
    and whether it answered at all. `then_ms` is when they were true by its clock, 0 for nothing."""

    seen: Seen = NOTHING_SEEN
    age_ms: int = -1
    raw: bytes | None = None
    reached: bool = True
    then_ms: int = 0


class Look(NamedTuple):
    """What a look at Redis found: its version, or what is in the way."""

    version: str = ""
    failed: str = ""


class Hot:
    """One Redis, shared by all threads of this process."""

    def __init__(self, url: str, *, now: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._guard = Lock()
        self._servers: Servers | None = None
        self._cluster: Any = None
        self.part = Part(conditions.REDIS, "Redis", "hot", now=now)

    def __repr__(self) -> str:
        return f"<Hot {urlsplit(self._url).scheme}>"  # the rest may hold a password

    # -- what is kept ------------------------------------------------------------------------

    def read(self, session: UUID, name: str, database: str, *, mark: bool = False) -> Found:
        """What is kept under a name. Where it is of `database` it is kept on from now. With `mark`
        all but the bytes: an answer of 100 octets instead of 60,000, for who has these."""
        packet = _marking(session, name) if mark else _reading(session, name)
        answers = self._call(partial(_together, key=_key(session), packet=packet, count=4))
        match answers:
            case [[bytes() | None as id_, bytes() as at, keep, then, *value], [*now], left, _]:
                pass
            case _:
                return Found(reached=answers is not None)
        if left < (kept := _number(keep)) // 2 and id_ == database.encode():
            key = _key(session)
            packet = _packed("PEXPIRE", key, str(kept))
            self._call(partial(_together, key=key, packet=packet, count=1))
        raw = value[0] if value and isinstance(value[0], bytes) else None
        then_ms = _number(then)
        return Found(Seen(id_ or b"", at), _age_ms(now, then_ms), raw, then_ms=then_ms)

    def put_if_newer(
        self,
        session: UUID,
        name: str,
        raw: bytes,
        *,
        database: str,
        version: int,
        age_ms: int,
        keep_ms: int,
        wrong: Seen = NOTHING_SEEN,
    ) -> bool:
        """Keeps what was read of `version` at least `age_ms` ago, unless a newer version was heard
        of; whether it is kept. `wrong` is what stood there before the database was asked and is not
        so by what it said: that is replaced though it may look newer."""
        about = (database, version, name, raw, age_ms, keep_ms, MOST_VALUES, *wrong)
        kept: int | None = self._asked(PUT_IF_NEWER, session, *about)
        return kept == 1

    def moved(self, session: UUID, version: int) -> None:
        """Drops what is kept of older versions, and lets none of it come back."""
        self._asked(MOVED, session, version, LASTING_MS)

    def forget(self, sessions: Iterable[UUID]) -> None:
        """Drops all that is kept of sessions, and what of them is on its way here."""
        waiting = list(sessions)
        for at in range(0, len(waiting), FORGET_AT_ONCE):
            if not self._call(partial(_forget, sessions=waiting[at : at + FORGET_AT_ONCE])):
                self.count("unforgotten")

    # -- how it is ---------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """What happened in this process so far, by name; `hits` are those that were checked against
        the database and those that were not."""
        told = self.part.counts()
        told["hits"] = told.get("hits_checked", 0) + told.get("hits_unchecked", 0)
        return told

    def count(self, name: str) -> None:
        """Counts what happened to a value here."""
        self.part.count(name)

    def look(self) -> Look:
        """Asks Redis for its version, whatever the breaker says."""
        try:
            told = self._found()("").info("server")
        except _failures() as failed:
            return Look(failed=_cause(failed))
        return Look(str(told.get("redis_version", "")))

    # -- asking ------------------------------------------------------------------------------

    def _asked(self, script: _Script, session: UUID, *args: Any) -> Any:
        return self._call(partial(_evaluate, script=script, key=_key(session), args=args))

    def _call(self, ask: Callable[[Servers], T]) -> T | None:
        """What Redis answers; None where it fails or is left alone."""
        if not self.part.admitted():
            return None
        self.count("attempts")
        try:
            answer = self._answered(ask)
        except _failures() as failed:
            self.count("errors")
            if not _is_passing(failed):
                self._servers = None if self._cluster else self._servers
                self.part.failed(_cause(failed))
            return None
        self.part.worked()
        return answer

    def _answered(self, ask: Callable[[Servers], T]) -> T:
        servers = self._found()
        try:
            return ask(servers)
        except _moved():
            return ask(self._found(instead=servers))

    def _found(self, *, instead: Servers | None = None) -> Servers:
        """Who has which key: found at the first use, and anew `instead` of what turned out to be
        wrong. Nothing connects but to find the servers of a cluster."""
        servers = self._servers
        if servers is None or servers is instead:
            with self._guard:
                if self._servers is None or self._servers is instead:
                    self._servers = self._find(in_cluster=instead is not None)
                servers = self._servers
        return servers

    def _find(self, *, in_cluster: bool) -> Servers:
        if self._cluster is not None:
            self._cluster.nodes_manager.initialize()
        elif in_cluster:
            self._cluster = _cluster(self._url)
        else:
            client = _client(self._url)
            return lambda _key: client
        return partial(_server_of, self._cluster)


@lru_cache(maxsize=8)
def of(url: str) -> Hot:
    """The hot tier behind a URL: one for the process, so that it has one breaker."""
    return Hot(url)


def _client(url: str) -> Any:
    import redis

    pool = redis.ConnectionPool.from_url(url, max_connections=MOST_CONNECTIONS, **_manners())
    return redis.Redis(connection_pool=pool)


def _cluster(url: str) -> Any:
    """The cluster that the server behind a URL is of; it is asked for the others."""
    from redis.cluster import RedisCluster

    # What some of them have is better than nothing.
    return RedisCluster.from_url(url, require_full_coverage=False, **_manners())


def _server_of(cluster: Any, key: str) -> Any:
    return cluster.get_redis_connection(cluster.get_node_from_key(key))


def _manners() -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        "protocol": 2,  # no greeting, and answers as they were
        "socket_read_size": READ_OCTETS,
        "driver_info": None,  # nor two commands that tell Redis who connects
    }


def _failures() -> tuple[type[Exception], ...]:
    """What asking Redis may raise. OSError and ValueError are of addresses and of answers that are
    no Redis's."""
    import redis

    return (redis.RedisError, redis.exceptions.RedisClusterException, OSError, ValueError)


def _moved() -> type[Exception]:
    """What a server of a cluster says of a key that another one has."""
    import redis

    return redis.exceptions.MovedError


def _is_passing(failed: Exception) -> bool:
    """Whether a failure says nothing of Redis: all connections that we allow ourselves are in use,
    or a key is on its way from one server of a cluster to another."""
    import redis

    return isinstance(failed, redis.exceptions.MaxConnectionsError | redis.exceptions.AskError)


def _is_of_another_kind(failed: Exception) -> bool:
    return str(failed).startswith("WRONGTYPE")


def _cause(failed: Exception) -> str:
    """What failed, without the address: only the kind of error, and the word Redis gives for it."""
    word = str(failed).partition(" ")[0].lstrip("-")
    kind = type(failed).__name__
    return f"{kind} {word}" if word.isascii() and word.isupper() and word.isalpha() else kind


# A script that gave a context of 37 kB back took 64 us of the server's time; these commands take 4
# together. The last keeps a hash for as long as anything in it may be believed, and fails on a
# replica, whose values and clock are others.
@lru_cache(maxsize=4096)
def _reading(session: UUID, name: str) -> bytes:
    """The commands of a read: what there is, the time by which it is old, how long it is kept."""
    return _asking(session, name, name)


@lru_cache(maxsize=4096)
def _marking(session: UUID, name: str) -> bytes:
    """The same without the value itself."""
    return _asking(session, name)


def _asking(session: UUID, name: str, *values: str) -> bytes:
    key = _key(session)
    wanted = _packed("HMGET", key, "id", "at", "keep", f"t:{name}", *values)
    kept = _packed("PEXPIRE", key, str(PASSING_MS), "GT")
    return wanted + _packed("TIME") + _packed("PTTL", key) + kept


def _packed(*words: str) -> bytes:
    """A command as it is sent; to pack it anew for each read took a tenth of the round trip."""
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)


def _together(servers: Servers, key: str, packet: bytes, count: int) -> list[Any]:
    """The answers to so many commands about a key, which are sent in one packet; that it is of
    another kind is one of them."""
    pool = servers(key).connection_pool
    connection = pool.get_connection()
    try:
        connection.send_packed_command([packet])
        answers = [_answer(connection) for _ in range(count)]
    except BaseException:
        connection.disconnect()  # there may be answers on their way
        raise
    finally:
        pool.release(connection)
    for answer in answers:
        if isinstance(answer, Exception) and not _is_of_another_kind(answer):
            raise answer
    return answers


def _answer(connection: Any) -> Any:
    """One answer, an error too: those behind it must be read as well."""
    import redis

    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


def _age_ms(now: Sequence[Any], then_ms: int) -> int:
    """How long ago a time was, both by the clock of Redis: [seconds, microseconds], and ms."""
    if len(now) != 2 or not then_ms:
        return -1
    return _number(now[0]) * 1000 + _number(now[1]) // 1000 - then_ms


def _number(text: Any) -> int:
    """A whole number as Redis tells it; 0 for what is none."""
    if isinstance(text, int):
        return text
    return int(text) if isinstance(text, bytes) and text.isdigit() and len(text) < 18 else 0


def _evaluate(servers: Servers, script: _Script, key: str, args: Sequence[Any]) -> Any:
    import redis

    client = servers(key)
    try:
        return client.execute_command("EVALSHA", script.sha, 1, key, *args)
    except redis.exceptions.NoScriptError:  # a Redis that was started or emptied since
        return client.execute_command("EVAL", script.source, 1, key, *args)


def _forget(servers: Servers, sessions: Sequence[UUID]) -> bool:
    of_server: defaultdict[Any, list[str]] = defaultdict(list)
    for session in sessions:
        of_server[servers(_key(session))].append(_key(session))
    # Whole scripts, because a Redis that was emptied knows none by its digest.
    for client, keys in of_server.items():
        with client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.eval(MOVED.source, 1, key, GONE, LASTING_MS)
            pipe.execute()
    return True


def _key(session: UUID) -> str:
    return f"holdfast:{{{session.hex}}}"
