"""The answers that a fact may have spoilt, marked for somebody to look at, and the undo of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memory_app import factuses
from memory_app.factuses import Place
from sessions_app import auth, listing, reviews
from sessions_app.core.errors import NotFound
from sessions_app.models import Review
from sessions_app.reviews import Opinion
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from . import access
from .factpage import MOST_MARKED


def mark(fact: Any, member: str) -> list[Place]:
    """Marks the newest MOST_MARKED answers that followed the contexts of a fact; gives those that
    were not marked before. What else a review says stays; one that says nothing says why."""
    answers = factuses.reach(get_store(auth.alias()), fact).answers[:MOST_MARKED]
    why = _why(fact)

    def opinion(review: Review | None) -> Opinion | None:
        if review is None:
            return Opinion(comment=why, needs_review=True)
        if review.needs_review:
            return None
        return Opinion(review.rating, review.comment or why, needs_review=True)

    return _each(answers, opinion, member)


def unmark(fact: Any, places: Sequence[Place], member: str, *, until_us: int) -> list[Place]:
    """Takes these marks away again, with the reason that `mark` gave, where nobody has said
    anything since `until_us` (microseconds)."""
    why = _why(fact)

    def opinion(review: Review | None) -> Opinion | None:
        if review is None or not review.needs_review or review.updated_us > until_us:
            return None
        return Opinion(review.rating, "" if review.comment == why else review.comment)

    return _each(places[:MOST_MARKED], opinion, member)


def _why(fact: Any) -> str:
    """Named by its id, which stays when its text is set right."""
    return f"Fact {fact.id} was in its context."


def _each(places: Sequence[Place], opinion: Any, member: str) -> list[Place]:
    """Gives each message the review that `opinion` makes of the one it has, None for no change."""
    store, numbers = get_store(auth.alias()), sorted({session for session, _ in places})
    sessions = {
        one.number: one for one in listing.numbered(auth.alias(), access.project(), numbers)
    }
    done = []
    for number, seq in places:
        if number not in sessions or sessions[number].status == "deleted":
            continue
        wanted = opinion(_review(sessions[number], seq))
        if wanted is None:
            continue
        try:
            reviews.put(store, sessions[number], seq, wanted, member)
        except NotFound:
            continue  # purged meanwhile
        done.append((number, seq))
    return done


def _review(session: Snapshot, seq: int) -> Review | None:
    return reviews.between(auth.alias(), session, seq, seq).get(seq)
