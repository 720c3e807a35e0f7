"""A window of a session's log, read with all that its rows need to be told."""

from __future__ import annotations

from dataclasses import dataclass

from sessions_app import auth, reviews
from sessions_app.core.entries import StoredEvent, StoredMessage
from sessions_app.core.errors import NotFound
from sessions_app.core.replay import State
from sessions_app.models import Review
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot, Window

from . import transcript, whereabouts, windows
from .whereabouts import Whereabouts
from .windows import Span

MOST_EVENTS = 200
AROUND = 40
"""How far beyond a window the other half of a call is looked for."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Messages and events of a window; `lead` and `trail` are messages around it, as far as they
    were needed; `reviews` are those of its messages, by seq, and `standing` is their fates."""

    session: Snapshot
    span: Span
    state: State
    messages: list[StoredMessage]
    events: list[StoredEvent]
    lead: list[StoredMessage]
    trail: list[StoredMessage]
    reviews: dict[int, Review]
    standing: Whereabouts

    @property
    def version(self) -> int:
        """The version up to which everything stands here, from its first message on."""
        later = self.span.later and self.messages
        return self.messages[-1].version if later else self.session.version

    @property
    def cut(self) -> bool:
        """Whether there were more changes than are shown."""
        return len(self.events) == MOST_EVENTS


def around(session: Snapshot, seq: int) -> Excerpt:
    """The window around a message. Raises NotFound where there is no such message."""
    if not 1 <= seq <= session.messages:
        raise NotFound(f"The session has no message {seq}; it has {session.messages}.")
    return read(session, windows.around(session.messages, seq))


def read(session: Snapshot, span: Span) -> Excerpt:
    """The window `span`. One message more in front tells how long it was quiet before it, and
    which events lie between."""
    store, alias = get_store(auth.alias()), auth.alias()
    size = max(0, span.last - span.first + 1)
    wider = store.messages(session, Window(after=max(0, span.first - 2), limit=size + 1))
    messages = [row for row in wider if span.first <= row.seq <= span.last]
    lead = [row for row in wider if row.seq < span.first]
    events = store.events(
        session,
        after=lead[-1].version if lead else 0,
        before=messages[-1].version if span.later and messages else session.version + 1,
        limit=MOST_EVENTS,
    )
    state = whereabouts.state(session)
    return Excerpt(
        session,
        span,
        state,
        messages,
        events,
        _before(session, span) if lead and transcript.unasked(messages) else lead,
        _after(session, span) if span.later and transcript.unanswered(messages) else [],
        reviews.between(alias, session, span.first, span.last),
        whereabouts.read(session, state, (span.first, span.last), events),
    )


def _before(session: Snapshot, span: Span) -> list[StoredMessage]:
    after = max(0, span.first - 1 - AROUND)
    window = Window(after=after, limit=span.first - 1 - after)
    return get_store(auth.alias()).messages(session, window)


def _after(session: Snapshot, span: Span) -> list[StoredMessage]:
    return get_store(auth.alias()).messages(session, Window(after=span.last, limit=AROUND))
