"""Large bodies lie packed in the database, and nobody but the store can tell."""

from __future__ import annotations

from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions_app import exporting, search
from sessions_app.core import errors, words
from sessions_app.core.appending import Prepared
from sessions_app.core.packing import LEAST
from sessions_app.models import Message
from sessions_app.store import fulltext
from sessions_app.store.base import Snapshot, Store, Window
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import verify
from tests.store.saying import bodies, opened, said

LINES = "\n".join(
    f"{number}: the needle is in line {number * 7919 % 1009}" for number in range(400)
)
EACH = len(LINES.encode())


def tool(text: str) -> Prepared:
    body = orjson.dumps({"tool_call_id": "call_1", "content": text}).decode()
    return Prepared("tool", 0, body, 10, estimated=False)


def filled(store: Store, project: int, key: str | None = None) -> UUID:
    """Five messages: 2 and 4 are large."""
    session = opened(store, project, key=key)
    for item in (said("one"), tool(LINES), said("three"), tool(f"last {LINES}"), said("five")):
        store.append(project, session, [item])
    return session


@pytest.fixture
def store(db: None) -> DurableStore:
    return DurableStore()


@pytest.fixture
def session(store: DurableStore, project: int) -> Snapshot:
    return store.get(project, filled(store, project, "packed"))


def spoil(session: Snapshot, seq: int, **columns: object) -> None:
    Message.objects.filter(session_id=session.number, seq=seq).update(**columns)


def test_only_large_bodies_are_packed_and_all_are_read_whole(
    any_store: Store, project: int
) -> None:
    found = any_store.get(project, filled(any_store, project))
    rows = Message.objects.filter(session_id=found.number)
    packed = dict(rows.exclude(packed=None).values_list("seq", "body"))
    read = {item.seq: item.body for item in any_store.messages(found, Window())}
    assert packed == {seq: f"~{len(read[seq].encode()):08d}" for seq in (2, 4)}
    assert orjson.loads(read[2])["content"] == LINES
    assert max(len(bytes(row.packed or b"")) for row in rows) < EACH / 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.integers(-50, 50),
)
def test_any_text_around_the_threshold_comes_back(
    store: DurableStore, project: int, text: str, over: int
) -> None:
    made = opened(store, project)
    batch = [tool(text + "x" * (LEAST + over)), tool(text)]
    store.append(project, made, batch)
    found = store.get(project, made)
    assert bodies(store, found) == [item.body for item in batch]
    assert not list(verify(store, project=project))


def test_a_page_ends_by_the_bytes_of_whole_texts(store: DurableStore, session: Snapshot) -> None:
    def seqs(octets: int) -> list[int]:
        return [item.seq for item in store.messages(session, Window(octets=octets))]

    assert seqs(EACH) == [1, 2, 3]
    assert seqs(2 * EACH) == [1, 2, 3, 4, 5]
    assert seqs(10) == [1, 2]


def test_a_fork_and_an_old_version_have_the_whole_text(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    fork = store.fork(project, session.id, 4).session
    assert bodies(store, fork) == bodies(store, session)[:3] == bodies(store, session, 4)
    assert not list(verify(store, project=project))
    store.purge(project, session.id)
    assert len(bodies(store, fork)[1]) > EACH


def test_words_and_letters_of_a_packed_body_are_found(
    store: DurableStore, session: Snapshot
) -> None:
    found = search.in_session("default", session, "needle")
    assert ([hit.seq for hit in found.hits], found.literal) == ([2, 4], False)
    literal = search.forward(store, session, "IS IN LINE", after=0, end=6, limit=9)
    assert [row.seq for row in literal] == [2, 4]
    assert [row.seq for row in store.picked(session.number, (1, 4))] == [1, 4]


def test_an_export_has_the_whole_text(store: DurableStore, project: int, session: Snapshot) -> None:
    assert b"".join(exporting.holdfast(store, project)).count(b"needle") == 800
    (line,) = b"".join(exporting.openai_chat(store, project)).splitlines()
    assert LINES in [message["content"] for message in orjson.loads(line)["messages"]]


def test_a_row_from_before_is_read_beside_packed_ones(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    whole = bodies(store, session)
    spoil(session, 2, body=whole[1], packed=None)
    assert bodies(store, session) == whole
    assert not list(verify(store, project=project))


@pytest.mark.parametrize(
    "columns",
    [
        {"packed": None},
        {"packed": b"no frame"},
        {"body": "~00000009"},
        {"body": "~99999999"},
        {"body": "~"},
        {"body": "~0000000x{}"},
        {"body": f"~{EACH:08d}[]"},
    ],
)
def test_a_damaged_body_is_told_by_its_seq(
    store: DurableStore, project: int, session: Snapshot, columns: dict[str, object]
) -> None:
    spoil(session, 2, **columns)
    with pytest.raises(errors.MessageDamaged, match="Message 2 is damaged") as raised:
        store.messages(session, Window())
    assert raised.value.details == {"seq": 2}
    assert [item.seq for item in store.messages(session, Window(after=2))] == [3, 4, 5]
    problems = list(verify(store, project=project))
    assert [(problem.kind, problem.seq) for problem in problems] == [("damaged", 2)]


def test_a_damaged_body_keeps_no_other_from_the_index_nor_the_session_from_its_purge(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    spoil(session, 2, packed=b"no frame")
    assert [hit.seq for hit in search.in_session("default", session, "needle").hits] == [4]
    store.purge(project, session.id)
    assert not fulltext.seqs_in(store.db, session.number, words.query("five"))


def test_an_erased_body_is_blank_and_not_damaged(store: DurableStore, session: Snapshot) -> None:
    spoil(session, 2, body="", packed=None, salt=b"")
    assert bodies(store, session)[1] == ""
