"""What is kept of an end user: looked up, exported, and erased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from memory_app import (
    contextfacts,
    contextsummary,
    episodes,
    facts,
    factsearch,
    factuses,
    hotcontexts,
    keeping,
)
from memory_app import statements as sql
from memory_app.models import Fact, FactRevision, Summary
from sessions_app import answers, clock
from sessions_app.core import errors, instants
from sessions_app.models import EndUser, Session
from sessions_app.store.durable import DurableStore
from sessions_app.store.reading import Reader
from sessions_app.store.tiered import TieredStore

KEPT = (
    "The messages of these sessions and what compressions wrote of them stay in the log: purge the"
    " sessions to remove them. A later compression may extract facts from them again, and episodes"
    " tell what is said later."
)


def rows(store: Reader, project: int) -> QuerySet[EndUser]:
    """The users of a project, each with `facts` (active ones) and `sessions`."""
    # A user is of one project, so what is theirs is; by the project SQLite would look through all.
    facts_of = Fact.everything.using(store.db.alias).active().shown()
    sessions_of = Session.everything.using(store.db.alias).shown()
    found: QuerySet[EndUser] = EndUser.objects.of(project).using(store.db.alias)
    return found.annotate(facts=_count(facts_of), sessions=_count(sessions_of))


def _count(of: QuerySet[Any]) -> Coalesce:
    counted = of.filter(end_user_id=OuterRef("pk")).order_by().values("end_user_id")
    number = counted.annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(number, output_field=IntegerField()), 0)


def one(store: Reader, project: int, key: str, *, counted: bool = False) -> Any:
    """A user by the caller's name, as `rows` gives one where it is to be `counted`. Raises
    NotFound."""
    users: QuerySet[EndUser] = EndUser.objects.of(project).using(store.db.alias)
    with store.db.reading():
        if counted:
            users = rows(store, project)
        found = None if "\0" in key else users.filter(key=key).first()
    if found is None:
        raise errors.NotFound("There is no such user in this project.")
    return found


def user_out(user: Any) -> dict[str, Any]:
    """A user as lists show one."""
    return {
        "user": user.key,
        "facts": user.facts,
        "sessions": user.sessions,
        "created_at": instants.render(user.created_us),
    }


def whole_out(store: Reader, project: int, user: Any) -> dict[str, Any]:
    """A user with their preferences and with what was learnt."""
    found = preferences(store, project, user)
    return {**user_out(user), "preferences": found, "learnt": learnt(store, user)}


def preferences(store: Reader, project: int, user: Any, most: int | None = None) -> dict[str, str]:
    """The text of each preference by its key, in the order in which they were stored; at most so
    many, the newest."""
    rows = facts.of_project(store, project).of_end_user(user.pk).active().shown()
    rows = rows.in_category(facts.PREFERENCE).exclude(key="").order_by("-number")
    with store.db.reading():
        return dict(reversed(list(rows.values_list("key", "text")[:most])))


def learnt(store: Reader, user: Any) -> dict[str, int]:
    """Of how many messages of a user something was looked for, how many statements were found, and
    how many that were injected and so no news."""
    with store.db.reading():
        looked = store.db.row(sql.LEARNT_OF_USER, (user.pk,)) or (0, 0, 0)
    return dict(zip(("messages", "found", "injected"), map(int, looked), strict=True))


def export_out(store: Reader, project: int, user: Any) -> dict[str, Any]:
    """All that is remembered of a user: every fact with its revisions, every episode, and which
    sessions are theirs (each has an export of its own)."""
    with store.db.reading():
        found = list(facts.of_project(store, project).of_end_user(user.pk).order_by("number"))
        edits = FactRevision.objects.using(store.db.alias).of_end_user(user.pk)
        told = Session.objects.of(project).using(store.db.alias).shown().filter(end_user=user.pk)
        theirs = list(told.order_by("number").values_list("id", "key", "title", "messages"))
    by_fact: dict[int, list[FactRevision]] = {}
    for edit in edits:
        by_fact.setdefault(edit.fact_id, []).append(edit)
    return {
        "user": user.key,
        "created_at": instants.render(user.created_us),
        "exported_at": instants.render(clock.now_us()),
        "facts": [
            _with_history(fact, by_fact.get(fact.number, ()))
            for fact in factuses.counted(store, project, found)
        ],
        "episodes": episodes.of_user(store, project, user.pk),
        "sessions": [
            {"id": str(id_), "key": key, "title": title, "messages": messages}
            for id_, key, title, messages in theirs
        ],
    }


def _with_history(fact: Any, edits: Sequence[FactRevision]) -> dict[str, Any]:
    """`edits` are oldest first."""
    shown = facts.fact_out(fact)
    facts.put_back(fact, reversed(edits))
    return {**shown, "history": [facts.first_out(fact), *map(facts.revision_out, edits)]}


def erasable(store: Reader, user: Any) -> dict[str, Any]:
    """What an erasure would take of a user, and leave, by what is there now: the counts that a
    receipt has. Only the receipt tells what went."""
    with store.db.reading():
        kept = _kept(store, user.pk)
        counts = {
            table: int((store.db.row(statement, (user.pk,)) or (0,))[0])
            for table, statement in sql.COUNT_ERASED.items()
        }
    counts["users"] = 0 if kept["sessions"] else 1
    return _account(user.key, counts, kept)


def _account(key: str, counts: Mapping[str, int], kept: Mapping[str, int]) -> dict[str, Any]:
    told = {"user": key, "counts": counts, "kept": kept, "at": instants.render(clock.now_us())}
    return {**told, "kept_because": KEPT} if kept["sessions"] else told


def erase(store: DurableStore, project: int, key: str) -> dict[str, Any]:
    """Removes what is remembered of a user, for good; answers with the receipt. Raises NotFound."""
    with store.db.transaction() as durability:
        user = one(store, project, key)
        store.db.run(sql.LOCK_END_USER, (user.pk,))
        counts = {
            table: store.db.run(statement, (user.pk,)).rowcount
            for table, statement in sql.ERASE.items()
        }
        kept = _kept(store, user.pk)
        store.db.run(sql.DELETE_EPISODES, (user.pk,))
        store.db.run(sql.DELETE_CONSOLIDATED, (user.pk,))
        counts["users"] = 0
        if not kept["sessions"]:
            counts["users"] = store.db.run(sql.DELETE_END_USER, (user.pk,)).rowcount
        _forget_elsewhere(store, user.pk)
        store.renew_epoch()
    for module in (contextfacts, contextsummary, factsearch, hotcontexts, keeping):
        module.forget()
    durable = answers.durability_out(durable=durability.durable, by=durability.by)
    return {**_account(key, counts, kept), **durable}


def _forget_elsewhere(store: DurableStore, user: int) -> None:
    """Has the hot tier drop what it holds of a user's sessions, once the erasure is committed, and
    has no replica asked for them for now."""
    if isinstance(store, TieredStore) or store.replicas is not None:
        rows = store.db.rows(sql.SESSION_IDS_OF_USER, (user,))
        store.forget([UUID(str(session)) for (session,) in rows])


def _kept(store: Reader, user: int) -> Mapping[str, int]:
    """What of a user an erasure of their memory leaves, deleted sessions included."""
    theirs = Session.everything.using(store.db.alias).filter(end_user=user)
    told = theirs.aggregate(sessions=Count("pk"), messages=Coalesce(Sum("messages"), 0))
    summaries = Summary.objects.using(store.db.alias).filter(session__end_user=user).count()
    return {**told, "summaries": summaries}
