"""What members think of messages. The only door to its rows; nothing of it touches the log.

There is one review a message, shared by all members: a flag that one raises another can take
away, and a page needs one row a message. The last to write decides; what was there before is not
kept. A review that says nothing any more is removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from sessions_app import clock
from sessions_app.core import instants, strict
from sessions_app.core.errors import InvalidField, NotFound, TooLong
from sessions_app.models import Review
from sessions_app.store import statements as sql
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore

RATINGS = ("good", "bad")
MOST_CHARACTERS = 4_000
MOST_NEEDED = 1_000


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a review says: a rating ("good", "bad" or "" for none), words, and whether somebody
    should look at the message."""

    rating: str = ""
    comment: str = ""
    needs_review: bool = False

    @property
    def says_nothing(self) -> bool:
        return not (self.rating or self.comment or self.needs_review)


def put(store: DurableStore, session: Snapshot, seq: int, opinion: Opinion, member: str) -> None:
    """Makes `opinion` the review of a message, as of now.

    Raises InvalidField, TooLong (over 4,000 characters), NulCharacter, InvalidUnicode, and NotFound
    where the session or the message is not there.
    """
    _check(session, seq, opinion)
    with store.db.transaction():
        # A purge takes the same lock: it comes before all of this or after it.
        if store.db.locked_row(sql.LOCK, (session.id.hex, session.project)) is None:
            raise NotFound("The session was purged meanwhile.")
        if opinion.says_nothing:
            _rows(store.db.alias, session).filter(seq=seq).delete()
        else:
            _write(store.db.alias, session.number, seq, opinion, member)


def between(alias: str, session: Snapshot, first: int, last: int) -> dict[int, Review]:
    """The reviews of messages first..last, by seq."""
    return {review.seq: review for review in _rows(alias, session).between(first, last)}


def needed(alias: str, session: Snapshot) -> list[int]:
    """The messages that somebody should look at, up to 1,000 of them, in order."""
    return list(_rows(alias, session).needed().values_list("seq", flat=True)[:MOST_NEEDED])


def sessions_needing_review(project: int) -> QuerySet[Any, Any]:
    """The numbers of a project's sessions that have such a message, as a subquery."""
    return Review.objects.of_project(project).needed().values("session_id")


def sessions_rated(project: int, rating: str) -> QuerySet[Any, Any]:
    """The numbers of a project's sessions that have a message with this rating, as a subquery."""
    return Review.objects.of_project(project).rated(rating).values("session_id")


def _rows(alias: str, session: Snapshot) -> Any:
    return Review.objects.using(alias).of(session.number)


def _check(session: Snapshot, seq: int, opinion: Opinion) -> None:
    if not 1 <= seq <= session.messages:
        raise NotFound(f"The session has no message {seq}; it has {session.messages}.")
    if opinion.rating and opinion.rating not in RATINGS:
        raise InvalidField("Send good, bad or nothing.", param="rating")
    strict.check(opinion.comment, "comment")
    if len(opinion.comment) > MOST_CHARACTERS:
        raise TooLong(
            f"A comment has at most {MOST_CHARACTERS} characters. Shorten it.", param="comment"
        )


def _write(alias: str, number: int, seq: int, opinion: Opinion, member: str) -> None:
    now = clock.now_us()
    row = Review(
        session_id=number,
        seq=seq,
        rating=opinion.rating,
        comment=opinion.comment,
        needs_review=opinion.needs_review,
        member=member,
        created_us=now,
        updated_us=now,
    )
    Review.objects.using(alias).bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["session", "seq"],
        update_fields=["rating", "comment", "needs_review", "member", "updated_us"],
    )


def review_out(review: Review) -> dict[str, Any]:
    """A review as the JSON of a page shows it."""
    return {
        "seq": review.seq,
        "rating": review.rating or None,
        "comment": review.comment,
        "needs_review": review.needs_review,
        "by": review.member,
        "created_at": instants.render(review.created_us),
        "updated_at": instants.render(review.updated_us),
    }
