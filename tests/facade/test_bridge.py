"""The two colours of function: twins that cannot drift, calls that end up in the right thread."""

from __future__ import annotations

import asyncio
import inspect
import os
import threading
from contextvars import ContextVar
from typing import Any

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection, transaction

from holdfast import bridge, facade
from holdfast.facade import Client, Memory, Session
from tests.facade.conftest import Script, local_client


@pytest.mark.parametrize("owner", [Session, Memory, Client, facade])
def test_every_verb_has_a_twin_with_the_same_signature(owner: Any) -> None:
    verbs = {
        name: found
        for name, found in vars(owner).items()
        if inspect.isfunction(found)
        and found.__module__ == facade.__name__
        and not name.startswith("_")
        and name != "connect"  # it sends nothing, so there is nothing to wait for
    }
    sync = {name for name, found in verbs.items() if not inspect.iscoroutinefunction(found)}
    assert sync
    assert set(verbs) - sync == {f"a{name}" for name in sync if name != "as_json"}
    for name in set(verbs) - sync:
        assert inspect.signature(verbs[name]) == inspect.signature(verbs[name[1:]])
        assert (verbs[name].__name__, verbs[name].__doc__) == (name, verbs[name[1:]].__doc__)


def thread() -> str:
    return threading.current_thread().name


def test_a_call_stays_in_its_thread_without_a_loop() -> None:
    assert bridge.here(thread)() == thread()


async def test_a_call_leaves_the_thread_of_a_running_loop() -> None:
    assert bridge.here(thread)().startswith("holdfast")
    assert (await bridge.twin(thread)()).startswith("holdfast")


async def test_calls_one_after_another_keep_their_thread_and_so_its_connection() -> None:
    bridge.close()  # whichever threads the tests before have left would take turns
    names = set()
    for _ in range(20):
        names.add(await bridge.twin(thread)())
        # The answer is there a moment before its thread is back and waits for the next call.
        idle = bridge._pool._idle_semaphore
        assert idle.acquire(timeout=60)
        idle.release()
    assert len(names) == 1


async def test_what_the_caller_set_in_its_context_is_seen() -> None:
    tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
    tenant.set("acme")
    assert await bridge.twin(tenant.get)() == "acme"
    assert bridge.here(tenant.get)() == "acme"


async def test_an_error_comes_out_as_it_was_raised() -> None:
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await bridge.twin(fail)()
    with pytest.raises(KeyError):
        bridge.here(fail)()


async def test_after_closing_new_threads_start() -> None:
    await bridge.twin(thread)()
    bridge.close()
    assert (await bridge.twin(thread)()).startswith("holdfast")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_threads_of_its_own(script: Script) -> None:
    code = """
import asyncio, os
from holdfast import bridge
double = bridge.twin(lambda number: number * 2)
asyncio.run(double(1))
child = os.fork()
if not child:
    os._exit(asyncio.run(double(21)))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    # Python 3.12 warns of any fork beside a thread; that it works all the same is the point.
    assert script(f"import warnings; warnings.simplefilter('ignore'){code}") == "42"


async def test_the_guard_of_django_is_up_and_we_do_not_need_it_down(
    transactional_db: None,
) -> None:
    assert "DJANGO_ALLOW_ASYNC_UNSAFE" not in os.environ
    with pytest.raises(SynchronousOnlyOperation):
        connection.cursor()
    assert facade.open("cell").append(role="user", content="x").durable


def test_an_append_rolls_back_with_the_callers_transaction(transactional_db: None) -> None:
    session = local_client().open("k")

    with transaction.atomic():
        done = session.append(role="user", content="never said")
        transaction.set_rollback(True)
    assert (done.durable, done.durable_by) == (False, "commit")
    assert session.messages() == []
    assert session.refresh().version == 1


def test_an_append_in_a_callers_transaction_is_kept_by_its_commit(transactional_db: None) -> None:
    session = local_client().open("k")
    with transaction.atomic():
        session.append(role="user", content="said")
    assert [item["content"] for item in session.messages()] == ["said"]


def test_appends_at_once_from_one_loop_are_all_kept_in_order(transactional_db: None) -> None:
    async def talk() -> list[int]:
        session = await facade.aopen("busy")
        calls = [session.aappend(role="user", content=str(number)) for number in range(40)]
        return sorted(done.seq for done in await asyncio.gather(*calls))

    assert asyncio.run(talk()) == list(range(1, 41))


def test_the_version_of_a_session_never_goes_back(transactional_db: None) -> None:
    async def talk() -> int:
        session = await facade.aopen("busy")
        calls = [session.aappend(role="user", content="x") for _ in range(20)]
        await asyncio.gather(*calls)
        return session.version

    assert asyncio.run(talk()) == 21
