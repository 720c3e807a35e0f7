"""What every store promises, whichever it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sessions_app.core import errors
from sessions_app.store.base import Edit, NewSession, Prompt, Store, Window
from tests.store.saying import at, bodies, filled, keyed, opened, said, turn


def test_opening_a_key_twice_finds_the_same_session(any_store: Store, project: int) -> None:
    first = any_store.open(project, NewSession(key="trip", title="A"))
    again = any_store.open(project, NewSession(key="trip", title="B"))
    assert (first.made, again.made) == (True, False)
    assert again.session == first.session
    assert again.session.title == "A"


def test_sessions_without_a_key_are_always_new(any_store: Store, project: int) -> None:
    assert opened(any_store, project) != opened(any_store, project)


def test_a_new_session_begins_at_version_1(any_store: Store, project: int) -> None:
    prompt = Prompt("Be kind.", ({"type": "function"},), 7, 30)
    made = any_store.open(project, NewSession(prompt=prompt, metadata={"a": 1}, tags=("x",)))
    row = made.session
    assert (row.version, row.messages, row.turns, row.tokens) == (1, 0, 0, 0)
    assert (row.active_tokens, row.window, row.capacity) == (37, 128_000, 120_000)
    state = any_store.state(row)
    assert (state.system, state.tags, dict(state.metadata)) == ("Be kind.", ("x",), {"a": 1})
    assert [event.kind for event in any_store.events(row)] == ["created"]


def test_a_session_of_another_user_is_refused(any_store: Store, project: int) -> None:
    opened(any_store, project, key="trip", user="alice")
    with pytest.raises(errors.UserMismatch):
        any_store.open(project, NewSession(key="trip", user="bob"))
    assert any_store.open(project, NewSession(key="trip")).session.user == "alice"


def test_an_unknown_policy_is_refused(any_store: Store, project: int) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        any_store.open(project, NewSession(policy="none"))
    assert caught.value.param == "policy"


def test_an_append_says_where_its_messages_went(any_store: Store, project: int) -> None:
    session = opened(any_store, project)
    any_store.append(project, session, turn())
    done = any_store.append(project, session, [said(tokens=5), said("a", "assistant", 6)])
    assert (done.version, done.first_seq, done.tokens, done.used) == (5, 3, (5, 6), 41)
    row = any_store.get(project, session)
    assert (row.version, row.messages, row.turns, row.tokens) == (5, 4, 2, 41)


def test_running_totals_go_on_through_batches(any_store: Store, project: int) -> None:
    session = opened(any_store, project)
    batch = [said("late", "assistant", 1), said("q", "user", 2), said("a", "assistant", 4)]
    any_store.append(project, session, turn())
    any_store.append(project, session, batch)
    row = any_store.get(project, session)
    found = any_store.messages(row, Window())
    assert [item.tokens_total for item in found] == [10, 30, 31, 33, 37]
    assert [item.turn for item in found] == [1, 1, 1, 2, 2]
    assert [item.turn_start for item in found] == [1, 1, 1, 4, 4]


def test_windows_show_what_they_say(any_store: Store, project: int) -> None:
    row = any_store.get(project, filled(any_store, project, turns=5))

    def seqs(window: Window) -> list[int]:
        return [item.seq for item in any_store.messages(row, window)]

    assert seqs(Window(limit=3)) == [1, 2, 3]
    assert seqs(Window(after=3, limit=2)) == [4, 5]
    assert seqs(Window(before=4, limit=2)) == [2, 3]
    assert seqs(Window(limit=2, newest_first=True)) == [10, 9]
    assert seqs(Window(around=5, limit=4)) == [3, 4, 5, 6]
    assert seqs(Window(at=5)) == [1, 2, 3, 4]
    assert seqs(Window(after=10)) == []


def test_an_edit_stores_only_what_is_new(any_store: Store, project: int) -> None:
    session = opened(any_store, project, title="A")
    assert any_store.edit(project, session, Edit(title="A")).session.version == 1
    done = any_store.edit(project, session, Edit(title="B", tags=("x", "y"), metadata={"n": 1}))
    assert (done.session.version, done.session.title) == (2, "B")
    prompt = Prompt("New.", (), 9, 0)
    done = any_store.edit(project, session, Edit(title="C", prompt=prompt))
    assert (done.session.version, done.session.prompt_version) == (4, 4)
    assert done.session.active_tokens == 9


def test_metadata_that_differs_only_in_type_is_new(any_store: Store, project: int) -> None:
    session = opened(any_store, project, metadata={"n": 1})
    done = any_store.edit(project, session, Edit(metadata={"n": True}))
    assert (done.session.version, done.session.metadata) == (2, '{"n":true}')


def test_a_retraction_takes_tokens_out_of_view_once(any_store: Store, project: int) -> None:
    session = filled(any_store, project, turns=3)
    first = any_store.retract(project, session, (2, 3))
    assert first.session.active_tokens == 90 - 30
    overlapping = any_store.retract(project, session, (3, 5))
    assert overlapping.session.active_tokens == 30
    inside = any_store.retract(project, session, (3, 4))
    assert inside.session.version == overlapping.session.version
    rest = any_store.retract(project, session, (1, None))
    assert (rest.session.active_tokens, rest.session.tokens) == (0, 90)
    assert len(bodies(any_store, rest.session)) == 6


def test_what_is_said_after_a_retraction_is_in_view(any_store: Store, project: int) -> None:
    session = filled(any_store, project, turns=2)
    any_store.retract(project, session, (3, None))
    assert any_store.append(project, session, [said(tokens=5)]).used == 35
    again = any_store.retract(project, session, (2, 2))
    assert again.session.active_tokens == 15


@pytest.mark.parametrize("span", [(0, 1), (7, None), (1, 7), (3, 2), (-1, 2), (2**70, None)])
def test_a_span_outside_the_session_is_refused(
    any_store: Store, project: int, span: tuple[int, int | None]
) -> None:
    session = filled(any_store, project, turns=3)
    with pytest.raises(errors.InvalidField):
        any_store.retract(project, session, span)


def test_pinning_is_remembered_until_unpinned(any_store: Store, project: int) -> None:
    session = filled(any_store, project)
    pinned = any_store.pin(project, session, 2).session
    assert any_store.state(pinned).pinned == (2,)
    assert any_store.pin(project, session, 2).session.version == pinned.version
    free = any_store.pin(project, session, 2, pinned=False).session
    assert any_store.state(free).pinned == ()
    assert any_store.state(free, pinned.version).pinned == (2,)
    with pytest.raises(errors.InvalidField):
        any_store.pin(project, session, 7)


def test_an_ended_session_takes_no_messages_until_reopened(any_store: Store, project: int) -> None:
    session = filled(any_store, project)
    ended = any_store.end(project, session).session
    assert any_store.end(project, session).session == ended
    with pytest.raises(errors.SessionEnded):
        any_store.append(project, session, turn())
    assert any_store.retract(project, session, (1, 2)).session.status == "ended"
    any_store.reopen(project, session)
    assert any_store.append(project, session, turn()).first_seq == 7


def test_an_archived_session_takes_no_messages_until_reopened(
    any_store: Store, project: int
) -> None:
    session = filled(any_store, project)
    archived = any_store.archive(project, session).session
    assert (archived.status, archived.version) == ("archived", 8)
    assert any_store.archive(project, session).session == archived
    assert any_store.events(archived)[-1].kind == "archived"
    with pytest.raises(errors.SessionEnded, match="is archived") as caught:
        any_store.append(project, session, turn())
    assert caught.value.details["status"] == "archived"
    with pytest.raises(errors.SessionEnded, match="is archived"):
        any_store.note(project, session, "imported_summary", {})
    assert any_store.edit(project, session, Edit(title="Kept")).session.status == "archived"
    assert any_store.reopen(project, session).session.status == "active"
    assert any_store.append(project, session, turn()).first_seq == 7


def test_ending_archiving_and_reopening_each_do_what_they_say(
    any_store: Store, project: int
) -> None:
    session = filled(any_store, project)
    verbs = {"ended": any_store.end, "archived": any_store.archive, "active": any_store.reopen}
    for status in ("ended", "archived", "ended", "active", "archived", "active"):
        changed = verbs[status](project, session).session
        assert (changed.status, any_store.state(changed).status) == (status, status)
    statuses = [any_store.state(changed, version).status for version in range(8, 13)]
    assert statuses == ["ended", "archived", "ended", "active", "archived"]


def test_a_deleted_archive_is_restored_as_one(any_store: Store, project: int) -> None:
    session = filled(any_store, project)
    any_store.archive(project, session)
    any_store.delete(project, session)
    assert any_store.restore(project, session).session.status == "archived"


def test_an_archive_is_exactly_once_and_only_at_its_version(any_store: Store, project: int) -> None:
    session = filled(any_store, project)
    with pytest.raises(errors.StaleVersion):
        any_store.archive(project, session, at(6))
    first = any_store.archive(project, session, keyed("a", expected=7))
    any_store.reopen(project, session)
    assert any_store.archive(project, session, keyed("a", expected=7)) == first
    assert any_store.get(project, session).status == "active"


def test_a_deleted_session_is_hidden_until_restored(any_store: Store, project: int) -> None:
    session = filled(any_store, project)
    any_store.end(project, session)
    any_store.delete(project, session)
    store = any_store
    for verb in (store.get, store.end, store.archive, store.reopen, store.delete):
        with pytest.raises(errors.SessionDeleted):
            verb(project, session)
    with pytest.raises(errors.SessionDeleted):
        any_store.append(project, session, turn())
    back = any_store.restore(project, session).session
    assert (back.status, back.purge_us) == ("ended", None)
    assert any_store.restore(project, session).session == back


def test_a_deleted_key_is_gone_until_the_purge(any_store: Store, project: int) -> None:
    session = opened(any_store, project, key="trip")
    any_store.delete(project, session)
    with pytest.raises(errors.SessionDeleted):
        any_store.open(project, NewSession(key="trip"))
    any_store.purge(project, session)
    assert any_store.open(project, NewSession(key="trip")).made


def test_a_purge_leaves_nothing_and_says_what_went(any_store: Store, project: int) -> None:
    session = filled(any_store, project)
    any_store.edit(project, session, Edit(tags=("x",)), keyed("edit"))
    head = any_store.get(project, session).head
    receipt = any_store.purge(project, session)
    assert receipt.counts == {
        "messages": 6,
        "events": 2,
        "tags": 1,
        "request_keys": 1,
        "reviews": 0,
        "episodes": 0,
        "facts": 0,
        "quotes": 0,
        "injections": 0,
        "contexts": 0,
        "fact_revisions": 0,
        "fate_runs": 0,
        "summaries": 0,
        "compressions": 0,
        "learnt": 0,
        "learnt_facts": 0,
        "learnt_revisions": 0,
        "vectors_outside": 0,
        "vector_removals": 0,
        "embedded": 0,
        "vectors": 0,
    }
    assert receipt.head == head
    with pytest.raises(errors.NotFound):
        any_store.get(project, session, deleted=True)
    with pytest.raises(errors.NotFound):
        any_store.restore(project, session)


def test_only_what_is_due_is_purged(any_store: Store, project: int) -> None:
    gone, kept = opened(any_store, project), opened(any_store, project)
    due = any_store.delete(project, gone).session.purge_us
    assert due is not None
    any_store.delete(project, kept)
    any_store.restore(project, kept)
    assert any_store.purge_due(due - 1) == []
    assert [receipt.session for receipt in any_store.purge_due(due)] == [gone]
    assert any_store.get(project, kept).version == 3


@pytest.mark.parametrize("version", range(1, 9))
def test_a_fork_begins_with_everything_up_to_its_version(
    any_store: Store, project: int, version: int
) -> None:
    parent = opened(any_store, project, title="A", tags=("x",))
    any_store.append(project, parent, [said("1"), said("2"), said("3")])
    any_store.retract(project, parent, (2, 2))
    any_store.edit(project, parent, Edit(title="B"))
    any_store.append(project, parent, turn("4"))
    source = any_store.get(project, parent)
    made = any_store.fork(project, parent, version).session
    assert (made.forked_from, made.forked_at) == (parent, version)
    assert made.version == version + 1
    assert bodies(any_store, made) == bodies(any_store, source, version)
    then, now = any_store.state(source, version), any_store.state(made)
    assert replace(now, version=then.version, events=then.events) == then
    assert any_store.append(project, made.id, turn()).version == version + 3


def test_a_fork_of_a_fork_knows_its_own_parent(any_store: Store, project: int) -> None:
    first = filled(any_store, project)
    second = any_store.fork(project, first, 5).session.id
    any_store.append(project, second, turn("other"))
    third = any_store.fork(project, second, 8).session
    assert (third.forked_from, third.version, third.messages) == (second, 9, 6)
    before = any_store.fork(project, second, 3).session
    assert (before.version, before.messages) == (4, 2)


@pytest.mark.parametrize("verb", ["end", "archive"])
def test_a_fork_of_an_ended_session_is_active(any_store: Store, project: int, verb: str) -> None:
    parent = filled(any_store, project)
    ended = getattr(any_store, verb)(project, parent).session
    made = any_store.fork(project, parent, ended.version).session
    assert made.status == "active"
    assert any_store.state(made).status == "active"


def test_forking_under_a_key_twice_finds_the_same_fork(any_store: Store, project: int) -> None:
    parent = filled(any_store, project)
    first = any_store.fork(project, parent, 3, "branch")
    again = any_store.fork(project, parent, 3, "branch")
    assert (first.made, again.made) == (True, False)
    assert again.session == first.session
    with pytest.raises(errors.InvalidField):
        any_store.fork(project, parent, 4, "branch")


@pytest.mark.parametrize("version", [0, -1, 8, 2**70])
def test_a_version_the_session_does_not_have_is_refused(
    any_store: Store, project: int, version: int
) -> None:
    session = filled(any_store, project)
    row = any_store.get(project, session)
    with pytest.raises(errors.VersionNotFound):
        any_store.state(row, version)
    with pytest.raises(errors.VersionNotFound):
        any_store.fork(project, session, version)


@pytest.mark.parametrize("expected", [0, 6, 8, 2**70])
def test_a_stale_version_tells_what_was_missed(
    any_store: Store, project: int, expected: int
) -> None:
    session = filled(any_store, project)
    changes = (
        lambda: any_store.append(project, session, turn(), at(expected)),
        lambda: any_store.edit(project, session, Edit(title="B"), at(expected)),
        lambda: any_store.fork(project, session, 1, guard=at(expected)),
        lambda: any_store.purge(project, session, at(expected)),
    )
    for change in changes:
        with pytest.raises(errors.StaleVersion) as caught:
            change()
        assert caught.value.details["current_version"] == 7
        missed = [item["version"] for item in caught.value.details["missed"]]
        assert missed == list(range(min(expected, 7) + 1, 8))


def test_what_was_missed_has_no_hole_where_it_is_cut(any_store: Store, project: int) -> None:
    session = opened(any_store, project)
    for number in range(20):
        any_store.append(project, session, turn())
        any_store.edit(project, session, Edit(title=f"title {number}"))
    with pytest.raises(errors.StaleVersion) as caught:
        any_store.append(project, session, turn(), at(1))
    missed = [item["version"] for item in caught.value.details["missed"]]
    assert missed == list(range(2, 52))
