"""Users whose facts another user may read: what is read by a link, and who made which.

Without a link nothing of another user or project is read. A link goes one way and one step, is made
and removed by an operator alone, and gives nothing but active facts that hold: no turns, episodes,
sources or revisions. A fact with a key that a fact of the reader's own has is left out: what is
known of the reader goes before what is known elsewhere.

Links are read anew for each answer, so what is removed ends at once. As of a time those count that
were there by then and still are: a link that is made changes no context of an older version.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db.models import Q

from memory_app import facts
from memory_app import statements as sql
from memory_app.models import FOR_EVER, Fact, FactQuerySet, UserLink
from sessions_app import clock
from sessions_app.core import errors
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore
from sessions_app.store.reading import Reader

NOWHERE: dict[str, Any] = {"session": None, "sources": [], "metadata": {}, "linked": True}
"""What is told of a linked fact in the place of where it came from."""


class Reads(NamedTuple):
    """Whose facts a user reads, by the numbers of their rows: their own, and linked users'."""

    user: int
    linked: tuple[int, ...] = ()


# -- what is read --------------------------------------------------------------------------------


def whose(store: Reader, user: int, until: int | None = None) -> Reads:
    """Whose facts a user reads now, or read just before a time in microseconds."""
    with store.db.reading():
        rows = store.db.rows(sql.LINKED, (user, _end(until)))
    return Reads(user, tuple(linked for (linked,) in rows))


def read_in(store: Reader, session: Snapshot, until: int | None = None) -> Reads | None:
    """The same for a session's user; None where there is nobody, or nothing to read."""
    if session.user is None:
        return None
    with store.db.reading():
        rows = store.db.rows(sql.READ_BY, (_end(until), session.project, session.user))
    if not rows:
        return None
    return Reads(rows[0][0], tuple(linked for _, linked in rows if linked is not None))


def _end(until: int | None) -> int:
    return FOR_EVER if until is None else until


def now(store: Reader, reads: Reads, at: int) -> FactQuerySet:
    """The facts that are read at a time that is now: the user's own first, then linked ones, the
    newest first."""
    rows = Fact.everything.using(store.db.alias).active().shown().holding(at)
    if not reads.linked:
        return rows.of_end_user(reads.user).order_by("-number")
    own = rows.of_end_user(reads.user).exclude(key="")
    standing = Q(end_user_id=reads.user) | ~Q(key__in=own.values("key"))
    return rows.of_end_users([reads.user, *reads.linked]).filter(standing).newest(reads.user)


def before(store: Reader, reads: Reads, until: int) -> list[Any]:
    """The facts that were read just before a time, as they were then: of each owner the newest
    `facts.MOST`, the user's own first."""
    return [*_before(store, reads.user, until), *theirs_before(store, reads, until)]


def theirs_before(store: Reader, reads: Reads, until: int) -> list[Any]:
    """Those of them that are of linked users."""
    if not reads.linked:
        return []
    taken = {fact.key for fact in _before(store, reads.user, until)} - {""}
    theirs = (fact for user in reads.linked for fact in _before(store, user, until))
    return [fact for fact in theirs if fact.key not in taken]


def _before(store: Reader, user: int, until: int) -> list[Any]:
    rows = Fact.everything.using(store.db.alias).of_end_user(user).shown().told()
    return facts.before(store, rows, until)


def fact_out(fact: Any, reader: int) -> dict[str, Any]:
    """A fact as the contract shows it to who asks for what a user reads: of a linked one what it
    says and whose it is, not where it was said."""
    told = facts.fact_out(fact)
    return told if fact.end_user_id == reader else {**told, **NOWHERE}


# -- made and removed ----------------------------------------------------------------------------


def make(store: DurableStore, reader: int, linked: int) -> None:
    """Lets a user read the facts of another one, both by their rows; once made it stands. Raises
    InvalidField for a user and themselves, NotFound where one was erased meanwhile."""
    if reader == linked:
        raise errors.InvalidField("A user reads their own facts without a link.", param="reads")
    with store.db.transaction():
        _lock(store, sorted((reader, linked)))
        made = {"created_us": clock.now_us()}
        rows = UserLink.objects.using(store.db.alias)
        rows.get_or_create(reader_id=reader, linked_id=linked, defaults=made)


def _lock(store: DurableStore, users: Iterable[int]) -> None:
    for user in users:
        if not store.db.run(sql.LOCK_END_USER, (user,)).rowcount:
            raise errors.NotFound("A user was erased meanwhile.")


def remove(store: DurableStore, reader: int, linked: int) -> bool:
    """Ends a link at once; False where there is none."""
    with store.db.transaction():
        gone, _ = UserLink.objects.using(store.db.alias).between(reader, linked).delete()
        store.renew_epoch()  # or who takes a context that is some seconds old would still read it
    return gone > 0


def every(store: Reader) -> list[UserLink]:
    """All links, with their users and projects, in the order in which they were made."""
    with store.db.reading():
        return list(UserLink.objects.using(store.db.alias).told())


def read_by(store: Reader, reader: int) -> list[UserLink]:
    """The links by which a user reads others, in the order in which they were made."""
    rows = UserLink.objects.using(store.db.alias).read_by(reader)
    with store.db.reading():
        return list(rows.told())
