"""Large bodies lie packed in the database, and nobody but the store can tell."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring import titles
from sessions_app import exporting, preparing, search
from sessions_app.core import errors, packing, words
from sessions_app.core.appending import Prepared
from sessions_app.core.packing import LEAST
from sessions_app.models import Message
from sessions_app.store import fulltext, packed, turns
from sessions_app.store import statements as sql
from sessions_app.store.base import Snapshot, Store, Window
from sessions_app.store.database import Row
from sessions_app.store.durable import DurableStore
from sessions_app.verifying import verify
from tests.examples import examples
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
    marked = dict(rows.exclude(packed=None).values_list("seq", "body"))
    read = {item.seq: item.body for item in any_store.messages(found, Window())}
    assert marked == {seq: f"~{len(read[seq].encode()):08d}" for seq in (2, 4)}
    assert orjson.loads(read[2])["content"] == LINES
    assert max(len(bytes(row.packed or b"")) for row in rows) < EACH / 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(25))
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


def everything(store: DurableStore, session: Snapshot) -> list[object]:
    """What every reader of bodies says of the session's five messages."""
    number = session.number
    return [
        [store.messages(session, window) for window in WINDOWS],
        store.tail(number, 6, 5),
        store.lines(number, 6, 5),
        store.lines_from(number, 0, 5, 5),
        store.lines_in(number, [1, 2, 4]),
        store.picked(number, (2, 3)),
        list(store.log(session, page=2)),
        store.containing(session, "needle"),
        fulltext.said(store.db, [(number, seq) for seq in range(1, 6)]),
        list(exporting.openai_chat(store, session.project)),
    ]


WINDOWS = (Window(), Window(limit=2, newest_first=True), Window(around=3, limit=4), Window(at=3))


def test_every_reader_says_the_same_of_packed_and_of_plain_rows(
    store: DurableStore, session: Snapshot
) -> None:
    before = everything(store, session)
    for seq, body in enumerate(bodies(store, session), 1):
        spoil(session, seq, body=body, packed=None)
    assert everything(store, session) == before


@pytest.fixture
def asked(store: DurableStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that are asked from here on."""
    found: list[str] = []
    rows = store.db.rows

    def listened(statement: str, params: Sequence[object] = ()) -> list[Row]:
        found.append(statement)
        return rows(statement, params)

    monkeypatch.setattr(store.db, "rows", listened)
    return found


def test_small_messages_are_read_by_one_statement_and_packed_ones_by_one_more(
    store: DurableStore, session: Snapshot, asked: list[str]
) -> None:
    store.messages(session, Window(limit=1))
    assert asked == [sql.MESSAGES_FROM]
    store.messages(session, Window())
    assert len(asked) == 3
    assert "packed" not in sql.MESSAGES_FROM + sql.MESSAGES_BACK + sql.LINES_BACK


def test_what_is_blanked_or_purged_between_mark_and_frame_is_not_damaged(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    rows = store.db.rows(sql.LINES_FROM, (session.number, 0, 5, 5))
    spoil(session, 2, body="", packed=None, salt=b"")
    found = packed.whole(store.db, session.number, rows)
    assert [row[0] for row in found if not row[-1]] == [2]
    store.purge(project, session.id)
    with pytest.raises(errors.NotFound):
        packed.whole(store.db, session.number, rows)


def test_a_damaged_body_does_not_spoil_a_search_of_all_sessions(
    store: DurableStore, project: int, session: Snapshot
) -> None:
    other = store.get(project, filled(store, project))
    search.bring_up_to_date("default")
    spoil(session, 2, packed=b"no frame")
    found = search.hits("default", [session, other], "needle")
    texts = {number: [bool(hit.pieces) for hit in said.hits] for number, said in found.items()}
    assert texts == {session.number: [True, False], other.number: [True, True]}


def test_a_result_of_a_packed_call_is_known_and_a_damaged_one_refuses_no_append(
    store: DurableStore, project: int
) -> None:
    made = opened(store, project)
    run = {"name": "run", "arguments": orjson.dumps({"code": LINES}).decode()}
    call = {"id": "c1", "type": "function", "function": run}
    said = {"role": "assistant", "content": None, "tool_calls": [call]}
    store.append(project, made, preparing.batch([said]))
    answer = {"role": "tool", "tool_call_id": "c1", "content": "done"}
    assert not store.append(project, made, preparing.batch([answer])).notices
    spoil(store.get(project, made), 1, packed=None)
    assert store.append(project, made, preparing.batch([answer])).first_seq == 3


def test_lists_read_the_beginning_of_a_packed_body(store: DurableStore, project: int) -> None:
    made = opened(store, project)
    said = [{"role": role, "content": f"{role}: {LINES}"} for role in ("user", "assistant")]
    store.append(project, made, preparing.batch(said))
    found = store.get(project, made)
    texts = bodies(store, found)
    (first,), _ = turns.beginnings("default", found, 1, 1)
    (act,) = turns.acts("default", found, 1, 9)
    assert (first.body, act.body) == (texts[0][: packing.WORDS], texts[1][: packing.ACT])
    (title,) = titles.titles("default", [found]).values()
    assert title.startswith("user: 0: the needle")
