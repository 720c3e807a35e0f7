"""Each row goes to the session as it is saved: once, in order, whatever the backfill does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

import holdfast
from holdfast.adoption import copying
from holdfast.adoption.backfilling import backfill
from sessions_app.core.errors import StoreBusy
from tests.adoption.filling import chat, differing, filled, log, say, texts
from tests.adoption.site.adoption import Chats
from tests.adoption.site.models import Chat, ChatMessage
from tests.restoring import Backup
from tests.store.racing import Blocker, race
from tests.store.test_faults import forget_connection
from tests.store.test_i11_flat_cost import counting

SQLITE_WAIT = "PRAGMA busy_timeout=50"

usual = pytest.mark.usefixtures("quick_site")
committing = pytest.mark.usefixtures("site")


@contextmanager
def undone() -> Iterator[None]:
    """A transaction, or a savepoint of one, that is rolled back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def impatient() -> Iterator[None]:
    """A connection that waits 50 ms for a lock, and is closed afterwards."""
    with connection.cursor() as cursor:
        cursor.execute(SQLITE_WAIT if connection.vendor == "sqlite" else "SET lock_timeout='50ms'")
    yield
    forget_connection()


@usual
def test_the_first_row_makes_the_session() -> None:
    one = chat("ana", "Trip")
    assert Chats().copy(say(one, "Move my flight.")) == 1
    session = holdfast.open(f"chat:{one.pk}")
    assert (session.user, session.title, texts(one)) == ("ana", "Trip", ["Move my flight."])


@usual
def test_a_row_saved_before_the_backfill_came_brings_those_before_it_along() -> None:
    one = chat()
    say(one, "first", 1)
    say(one, "second", 2)
    assert Chats().copy(say(one, "third", 3)) == 3
    assert backfill(Chats(), "default").new == 0
    assert texts(one) == ["first", "second", "third"]


@usual
def test_copying_a_row_again_stores_nothing() -> None:
    one = chat()
    row = say(one, "hello")
    assert [Chats().copy(row) for _ in range(3)] == [1, 0, 0]
    assert texts(one) == ["hello"]


@usual
def test_a_long_conversation_is_brought_up_to_date_a_batch_at_a_time() -> None:
    filled(1, 2 * copying.BATCH + 10)
    one = Chat.objects.get()
    stored = [Chats().copy(say(one, f"new {n}", 9_000 + n)) for n in range(4)]
    assert stored == [copying.BATCH, copying.BATCH, 13, 1]
    assert differing() == []


@usual
def test_an_old_row_outside_the_tail_is_still_found() -> None:
    filled(1, 3 * copying.TAIL)
    one = Chat.objects.get()
    backfill(Chats(), "default")
    late = say(one, "written on a train, sent at home", 0.5)
    assert Chats().copy(late) == 1
    assert Chats().copy(ChatMessage.objects.earliest("pk")) == 0
    assert log(one)[-1]["metadata"]["source"] == f"chatmessage:{late.pk}"


@usual
def test_a_conversation_that_the_mapping_mostly_leaves_out_goes_on() -> None:
    one = chat()
    ChatMessage.objects.bulk_create(
        ChatMessage(chat=one, author="audit", text="looked at", written=one.started)
        for _ in range(copying.BATCH + copying.TAIL)
    )
    assert Chats().copy(say(one, "hello", 5)) == 1
    assert Chats().copy(say(one, "again", 6)) == 1
    assert texts(one) == ["hello", "again"]


@usual
def test_a_row_that_cannot_be_a_message_does_not_undo_the_save(
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = chat()
    bad = say(one, "", 1)
    with transaction.atomic():
        assert Chats().copy(bad) == 0
    Chats().copy(say(one, "fine", 2))
    (record,) = caplog.records
    assert record.getMessage() == f"chatmessage:{bad.pk} was not copied: `content` is empty"
    assert texts(one) == ["fine"]


@usual
@pytest.mark.parametrize("where", ["nowhere", "closed", "ended"])
def test_a_row_without_a_session_to_go_to_is_left_alone(where: str) -> None:
    one = chat()
    if where == "closed":
        Chat.objects.update(closed=True)
    if where == "ended":
        holdfast.open(f"chat:{one.pk}", user="ana").end()
    assert Chats().copy(say(None if where == "nowhere" else one, "hello")) == 0


@committing
def test_both_are_saved_or_neither() -> None:
    one = chat()
    Chats().copy(say(one, "kept", 1))
    with undone():
        assert Chats().copy(say(one, "undone", 2)) == 1
    assert texts(one) == ["kept"]
    assert ChatMessage.objects.count() == 1


@committing
def test_what_was_rolled_back_is_not_remembered_as_stored() -> None:
    one = chat()
    row = say(one, "hello")
    with undone():
        Chats().copy(row)
    with transaction.atomic():
        with undone():
            Chats().copy(row)
        say(one, "again", 2)
    assert Chats().copy(row) == 2
    assert texts(one) == ["hello", "again"]


@committing
def test_trouble_of_the_store_is_raised_and_undoes_the_save() -> None:
    one = chat()
    Chats().copy(say(one, "kept", 1))
    with Blocker.beside(connection) as blocker, impatient():
        blocker.take()
        with pytest.raises((StoreBusy, OperationalError)), transaction.atomic():
            Chats().copy(say(one, "undone", 2))
    assert texts(one) == ["kept"]
    assert ChatMessage.objects.count() == 1


@committing
def test_a_copy_costs_the_same_in_a_long_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    filled(2, 1)
    short, long = Chat.objects.order_by("pk")
    ChatMessage.objects.bulk_create(
        ChatMessage(chat=long, author="me", text=f"{n}", written=long.started) for n in range(1_500)
    )
    backfill(Chats(), "default")
    read = []
    for one in (short, long):
        Chats().copy(say(one, "the first one reads the session", 3_000))
        row = say(one, "the second one knows it", 3_001)
        with counting(monkeypatch) as counts:
            assert Chats().copy(row) == 1
        read.append(counts)
    assert read[0] == read[1]


@committing
def test_the_backfill_and_a_writer_of_the_same_chats_lose_and_double_nothing() -> None:
    filled(4, 60)
    chats = list(Chat.objects.order_by("pk"))

    def work(number: int) -> Any:
        if number >= len(chats):
            return backfill(Chats(), "default", batch=7).refused
        for minute in range(40):
            with transaction.atomic():
                Chats().copy(say(chats[number], f"live {minute}", 1_000 + minute))
        return []

    assert race(len(chats) + 2, work) == [[]] * (len(chats) + 2)
    assert differing() == []
    assert [len(log(one)) for one in chats] == [100] * len(chats)


@committing
def test_two_writers_of_one_chat_lose_and_double_nothing() -> None:
    one = chat()

    def work(number: int) -> None:
        for minute in range(30):
            with transaction.atomic():
                Chats().copy(say(one, f"{number} {minute}", minute))

    assert race(4, work) == [None] * 4
    assert sorted(texts(one)) == sorted(ChatMessage.objects.values_list("text", flat=True))
    # What two transactions wrote at one moment stands as they committed; a new session is in order.
    assert all(found.difference.missing == [] for found in differing())
    holdfast.open(f"chat:{one.pk}").delete(purge=True)
    backfill(Chats(), "default")
    assert differing() == []


@committing
def test_what_a_restored_database_has_lost_is_copied_again() -> None:
    one = chat()
    Chats().copy(say(one, "first", 1))
    backup = Backup()
    Chats().copy(say(one, "second", 2))
    backup.restore()
    holdfast.open(f"chat:{one.pk}").append(role="user", content="meanwhile")
    Chats().copy(say(one, "third", 3))
    assert texts(one) == ["first", "meanwhile", "second", "third"]
