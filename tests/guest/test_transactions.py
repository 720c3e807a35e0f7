"""Holdfast inside the site's own transactions, views, commands and threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.guest.hosting import PREFIX, SECONDS, Guest
from tests.guest.visiting import Visitor

pytestmark = pytest.mark.long

# One transaction of the site's, from another connection's point of view before and after its end.
UNSEEN = """
import django; django.setup()
from threading import Thread
from django.db import connections, transaction
import holdfast

def seen():
    def look():
        found.append(len(holdfast.open("unseen").messages()))
        connections.close_all()
    found = []
    thread = Thread(target=look)
    thread.start()
    thread.join()
    return found[0]

session = holdfast.open("unseen")
class Broken(Exception): pass
try:
    with transaction.atomic():
        said = session.append(role="user", content="never said")
        own = len(session.messages())
        raise Broken
except Broken:
    pass
print(said.durable, said.durable_by, own, seen())
%s
said = session.append(role="user", content="outside")
print(said.durable, said.durable_by, seen())
"""
BESIDE = """
with transaction.atomic():
    session.append(role="user", content="said")
    before = seen()
print(before, seen())
"""


@pytest.fixture(scope="module")
def nora(address: str) -> Visitor:
    """A customer of the shop."""
    return Visitor(address).sign_in("nora")


def ask(customer: Visitor, subject: str) -> tuple[int, Any]:
    answer = customer.post("/tickets/", subject=subject, text=f"{subject}?")
    return answer.status, answer.json()


def messages(guest: Guest, visitor: Visitor, key: str) -> list[Any]:
    """What was said in a session, read over the API."""
    bearer = f"Bearer {guest.made['key']}"
    query = f"{PREFIX}/api/v1/sessions?key={key}"
    found = visitor.send("GET", query, Authorization=bearer).json()["data"]
    if not found:
        return []
    path = f"{PREFIX}/api/v1/sessions/{found[0]['id']}/messages"
    said: list[Any] = visitor.send("GET", path, Authorization=bearer).json()["data"]
    return said


def wait_for(look: Callable[[], list[Any]], count: int) -> list[Any]:
    """What `look` finds once there are `count` of it."""
    deadline = time.monotonic() + SECONDS
    while len(found := look()) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_a_view_says_and_stores_with_the_rows_of_the_site_or_not_at_all(
    guest: Guest, nora: Visitor
) -> None:
    status, ticket = ask(nora, "Flat tyre")
    assert (status, ticket["durable"], ticket["durable_by"]) == (201, False, "commit")
    key = f"ticket-{ticket['ticket']}"
    # The question, and what a thread said once the transaction was there to be seen.
    said = wait_for(lambda: messages(guest, nora, key), 2)
    assert [one["role"] for one in said] == ["user", "developer"]

    answered = nora.post(f"/tickets/{ticket['ticket']}/answer/").json()
    assert answered["durable"] is True
    assert "Flat tyre?" in messages(guest, nora, key)[2]["content"]

    assert [ask(nora, subject)[0] for subject in ("Brakes", "Chain", "Bell")] == [201, 201, 409]
    listed = guest.manage("tickets").splitlines()
    assert [line.split(": ")[0] for line in listed] == ["1 Flat tyre", "2 Brakes", "3 Chain"]
    assert listed[0].endswith(": 3 messages")
    assert messages(guest, nora, "ticket-4") == []


def test_a_rolled_back_append_was_never_there(guest: Guest) -> None:
    """On SQLite a second connection could not write while the first does, so it looks after."""
    beside = BESIDE if "PGHOST" in guest.variables else ""
    first, *between, last = guest.said("-c", UNSEEN % beside).splitlines()
    assert first == "False commit 1 0"
    assert between in ([], ["0 1"])
    assert last == f"True None {1 + len(between)}"


def test_a_database_of_our_own_is_no_part_of_the_transaction(
    apart: Guest, address_apart: str
) -> None:
    customer = Visitor(address_apart).sign_in("nora")
    answers = [ask(customer, subject) for subject in ("Tyre", "Brakes", "Chain", "Bell")]
    assert [status for status, _ in answers] == [201, 201, 201, 409]
    assert answers[0][1]["durable"] is True
    assert len(messages(apart, customer, "ticket-4")) == 1
