"""What the templates of the session page are given: the log, and all that stands around it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from django.http import HttpRequest
from django.urls import reverse

from sessions_app import answers, auth, clock, reviews
from sessions_app.core.entries import StoredMessage
from sessions_app.core.replay import State
from sessions_app.models import Message, Session
from sessions_app.parameters import LARGEST
from sessions_app.store import get_store, leasing, turns
from sessions_app.store.base import Snapshot
from sessions_app.store.database import Database

from . import access, contents, news, transcript, whereabouts
from .asked import query
from .excerpt import Excerpt
from .finding import Found
from .news import Tail
from .rendering import twin_address
from .strip import EACH, Strip, strip
from .titles import titles
from .transcript import Look

VIEWS = ("pretty", "json")
CONTENTS = "contents"
BOTH = ("earlier", "later")
EDGES = {"earlier": ("earlier",), "later": ("later",), "rows": BOTH}
"""By the element that htmx fills: the edges that come with the messages for it."""
MOST_FORKS = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where one stands: `kept` is what every link to another window keeps of the query, `around` a
    message to bring into sight without pointing it out."""

    kept: Mapping[str, Any] = field(default_factory=dict)
    anchor: int | None = None
    whole: bool = False
    reviewing: bool = False
    found: Found | None = None
    around: int | None = None


class Seen(NamedTuple):
    """What an open page shows: figures of `version`, a bar of `messages`, `around` in sight."""

    version: int
    messages: int
    around: int | None


@dataclass(frozen=True, slots=True)
class ToReview:
    """How many messages somebody should look at, and the nearest ones from here."""

    count: int
    previous: int | None
    following: int | None

    @property
    def more(self) -> bool:
        return self.count == reviews.MOST_NEEDED


@dataclass(frozen=True, slots=True)
class Relations:
    """The session that this one was forked from, if it is still there, and its own forks."""

    parent: tuple[Any, str] | None
    forks: Sequence[tuple[Any, str, int | None]]
    more: bool


def address(session: Snapshot) -> str:
    """The session's own page; what belongs to it is below."""
    return reverse("holdfast_pages:session", args=(session.id,))


def holder(session: Snapshot) -> str:
    """Who holds the lease of the session now; "" for nobody."""
    lease = leasing.held(get_store(auth.alias()), session)
    return lease.holder if lease else ""


def log(request: HttpRequest, part: Excerpt, place: Place) -> dict[str, Any]:
    """What a window of the log needs, whether on a page or for one."""
    session = part.session
    look = Look(
        part.state,
        place.anchor,
        place.whole,
        place.kept.get("q", ""),
        stored=place.kept.get("view") == "json",
        lead=part.lead,
        trail=part.trail,
        reviews=part.reviews,
        fates=part.standing.fates,
        folds=part.standing.folds,
    )
    return {
        "session": session,
        "at": address(session),
        "rows": transcript.rows(part.messages, part.events, look),
        "span": part.span,
        "version": part.version,
        "cut_events": part.cut,
        "anchor": place.anchor,
        "around": place.around,
        "find": look.find,
        "stored": look.stored,
        "links": _links(request, part, place),
        "twin": twin_address(request),
        "may_review": access.may(request, access.EDITOR),
        "reviewing": place.reviewing,
        "most": reviews.MOST_CHARACTERS,
    }


def around_log(part: Excerpt, place: Place) -> dict[str, Any]:
    """What stands around the log on its page."""
    session = part.session
    prompt = get_store(auth.alias()).prompt(session).data
    return {
        "title": titles(auth.alias(), [session])[session.number],
        "status": answers.status(session, clock.now_us()),
        "holder": holder(session),
        "tags": orjson.loads(session.tags),
        "system": prompt.get("system"),
        "tools": prompt.get("tools") or [],
        "tool_names": [_tool_name(tool) for tool in prompt.get("tools") or ()],
        "prompt_tokens": _prompt_tokens(prompt),
        "relations": _relations(session),
        "strip": _strip(session, part.state),
        "found": place.found,
        "to_review": to_review(session, place.anchor),
        "section": "sessions",
        **_contents(session, part.state, _standing(part, place)),
    }


def figures(session: Snapshot, seen: Seen, kept: Mapping[str, Any]) -> dict[str, Any]:
    """What moves around the log of an open page while the session grows."""
    around = session.messages if seen.around is None else min(seen.around, session.messages)
    return {
        "title": titles(auth.alias(), [session])[session.number],
        "strip": _strip(session, whereabouts.state(session), seen),
        **contents_around(session, around, kept),
    }


def behind(
    request: HttpRequest, session: Snapshot, tail: Tail, kept: Mapping[str, Any]
) -> dict[str, Any]:
    """The rows for an open page that ends at `tail`."""
    find, stored = kept.get("q", ""), kept.get("view") == "json"
    return {
        "session": session,
        "at": address(session),
        "news": news.read(session, tail, find, stored=stored),
        "find": find,
        "stored": stored,
        "may_review": access.may(request, access.EDITOR),
    }


def contents_around(session: Snapshot, seq: int, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The table of contents around a message, for htmx."""
    store = get_store(auth.alias())
    found = store.picked(session.number, (max(1, seq),))
    at = address(session)
    context = {"session": session, "at": at, "links": _kept(at, kept)}
    return {**context, **_contents(session, store.overlay(session), found[0] if found else None)}


def to_review(session: Snapshot, seq: int | None) -> ToReview:
    """The messages to review, seen from message `seq`."""
    flagged = reviews.needed(auth.alias(), session)
    before = bisect_left(flagged, seq) if seq else 0
    after = bisect_right(flagged, seq) if seq else 0
    return ToReview(
        len(flagged),
        flagged[before - 1] if before else None,
        flagged[after] if after < len(flagged) else None,
    )


def _links(request: HttpRequest, part: Excerpt, place: Place) -> dict[str, str]:
    at, kept, span = address(part.session), place.kept, part.span

    def link(path: str = at, **changes: Any) -> str:
        found = query(kept, **changes)
        return path if found == "?" else f"{path}{found}"

    here = {"around": place.around} if place.around and not place.anchor else {}
    return {
        # With words to find, the bare address is that of the first hit.
        "newest": link(before=LARGEST) if "q" in kept else link(),
        "first": link(after=0),
        "earlier": link(before=span.earlier),
        "later": link(after=span.later),
        "pretty": link(request.path, view=None, **here),
        "json": link(request.path, view="json", **here),
        "unfound": link(request.path, q=None, **here),
        **_kept(at, kept),
    }


def _kept(at: str, kept: Mapping[str, Any]) -> dict[str, str]:
    """What is put behind the address of a message, and before the place of another window."""
    asked = query(kept) if kept else ""
    return {"kept": asked, "around": f"{at}{asked}{'&' if asked else '?'}around="}


def _standing(part: Excerpt, place: Place) -> StoredMessage | None:
    """The message that the contents are shown around."""
    if not part.messages:
        return None
    span, seq = part.span, place.anchor or place.around
    if seq is None:
        seq = span.last if span.later is None else (span.first + span.last) // 2
    return part.messages[min(max(seq - span.first, 0), len(part.messages) - 1)]


def _contents(session: Snapshot, state: State, here: StoredMessage | None) -> dict[str, Any]:
    if here is None:
        return {"turns": [], "reach": None, "standing": None}
    reach = contents.reach(here.turn, here.seq, session.turns)
    beginnings, after = turns.beginnings(auth.alias(), session, reach.first, reach.last)
    acts = turns.acts(auth.alias(), session, *reach.steps)
    found = contents.contents(beginnings, acts, state)
    return {
        "turns": found,
        "reach": reach,
        "standing": here.seq,
        "turn_before": beginnings[0].seq - 1 if beginnings and reach.earlier else None,
        "turn_after": after if reach.later else None,
    }


def _strip(session: Snapshot, state: State, seen: Seen | None = None) -> Strip:
    """The bar, or only its cells that were added since, where the others are as they were."""
    changed = max(session.overlay_version, session.fold_version)
    grown = seen and session.messages <= EACH and changed <= seen.version
    after = min(seen.messages, session.messages) if seen and grown else 0
    runs = whereabouts.runs(session, state)
    return strip(runs, state.pinned, _roles(session, after), after=after)


def _roles(session: Snapshot, after: int) -> dict[int, str]:
    """Who spoke, where each message has a cell of its own."""
    if not after < session.messages <= EACH:
        return {}
    rows = Message.objects.using(auth.alias()).filter(session_id=session.number, seq__gt=after)
    with Database(auth.alias()).reading():
        return dict(rows.values_list("seq", "role"))


def _relations(session: Snapshot) -> Relations:
    """One query for parent and forks; a deleted one is not shown."""
    rows = Session.objects.of(session.project).using(auth.alias()).shown()
    near = rows.filter(forked_from=session.id)
    if session.forked_from is not None:
        near = near | rows.filter(id=session.forked_from)
    # The parent is the oldest of them.
    asked = near.order_by("number").values_list("id", "title", "key", "forked_at")
    with Database(auth.alias()).reading():
        found = list(asked[: MOST_FORKS + 2])
    named = [(key, title or name or str(key)[:8], at) for key, title, name, at in found]
    forks = [row for row in named if row[0] != session.forked_from]
    parents = [(key, name) for key, name, _ in named if key == session.forked_from]
    return Relations(parents[0] if parents else None, forks[:MOST_FORKS], len(forks) > MOST_FORKS)


def _tool_name(tool: Mapping[str, Any]) -> str:
    """The name of a tool in whichever provider's form it is."""
    function = tool.get("function")
    named = function if isinstance(function, dict) else tool
    return str(named.get("name") or named.get("type") or "unnamed")


def _prompt_tokens(data: Mapping[str, Any]) -> int:
    return int(data.get("system_tokens", 0)) + int(data.get("tools_tokens", 0))
