"""A context that may be a little old, against one round trip to the Redis it is kept in.

It is measured in a process of its own, since a process has a hot tier or has none from its start.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import orjson

import holdfast
from bench.ground import POSTGRES, SQLITE, Ground, running_redis
from bench.measuring import Collections, Samples, Series, interleaved, timed
from bench.report import Figure, Skipped, compared

DATABASES = (SQLITE, POSTGRES)
GET, PARSED, CACHED = "one Redis GET of its bytes", "the same, parsed", "context(max_stale=)"
MESSAGES, TOKENS, SECONDS = 2_000, 8_000, 60
MOST = 1.2


def measure(ground: Ground, database: str, *, quick: bool) -> Iterator[Figure]:
    """A session under the default policy whose context is built once and then asked for again."""
    from holdfast.facade import Session

    if "max_stale" not in inspect.signature(Session.context).parameters:
        raise Skipped("`session.context` has no `max_stale=`")
    with running_redis() as url:
        samples = _measured(ground.address(database), url, rounds=20 if quick else 150)
    named = "context of 8,000 tokens with `max_stale=`, over one Redis round trip"
    yield compared(named, database, samples, (CACHED, GET), MOST)
    yield compared(f"{named}, its JSON parsed", database, samples, (CACHED, PARSED))


def _measured(address: str, redis: str, *, rounds: int) -> Samples:
    command = [sys.executable, "-m", "bench.cached", address, redis, str(rounds)]
    environment = {**os.environ, "REDIS_URL": redis}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    taken = json.loads(done.stdout)
    return Samples({name: Series(blocks) for name, blocks in taken.items()}, Collections())


def _in_process(address: str, url: str, rounds: int) -> dict[str, Any]:
    import redis

    from holdfast import bootstrap

    alias = bootstrap.ready(address)
    # These need Django ready.
    from bench import payload
    from memory_app.pipeline import Pipeline
    from sessions_app import waking
    from sessions_app.store import get_store

    waking.listen(lambda: None)  # so that no worker of the script's own is at work meanwhile
    session = holdfast.open("cached", database=address)
    said = [payload.message(number) for number in range(MESSAGES)]
    for begin in range(0, MESSAGES, 500):
        session.append(said[begin : begin + 500])
    pipeline = Pipeline(get_store(alias))
    while pipeline.work():
        pass
    asked: dict[str, Any] = {"tokens": TOKENS, "max_stale": SECONDS}
    shown = session.context(**asked)
    client: Any = redis.Redis.from_url(url)
    client.set("bench", orjson.dumps({"messages": shown.messages}))
    calls = {
        GET: timed(lambda: client.get("bench")),
        PARSED: timed(lambda: orjson.loads(client.get("bench"))),
        CACHED: timed(lambda: session.context(**asked)),
    }
    samples = interleaved(calls, rounds=rounds)
    return {name: series.blocks for name, series in samples.series.items()}


if __name__ == "__main__":
    print(json.dumps(_in_process(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
