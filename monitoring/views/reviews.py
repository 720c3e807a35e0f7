"""What members think of a message: the form for it, and what the form posts to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from sessions_app import auth, reviews
from sessions_app.core.errors import InvalidField
from sessions_app.reviews import Opinion
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access, fragments, sessionpage
from ..rendering import show


@access.change
def save(request: HttpRequest, session: UUID, seq: int) -> HttpResponse:
    """Makes what was sent the review of the message, and shows it."""
    store, sent = get_store(auth.alias()), request.POST
    found = store.get(access.project(), session)
    if "rating" not in sent:
        # The form always sends one. What has none is no form, and must not take a review away.
        raise InvalidField("Send good, bad or nothing.", param="rating")
    opinion = Opinion(
        rating=sent["rating"],
        # A browser sends CR LF for each end of a line and counts one character.
        comment=sent.get("comment", "").replace("\r\n", "\n").strip(),
        needs_review="needs_review" in sent,
    )
    reviews.put(store, found, seq, opinion, access.member(request) or access.LOCAL_MEMBER)
    if fragments.target(request) != f"review-{seq}":
        return redirect(reverse("holdfast_pages:message", args=(session, seq)))
    return fragments.told_apart(show(request, "_review_saved", _one(found, seq)))


def form(request: HttpRequest, session: Snapshot, seq: int) -> dict[str, Any]:
    """What the form of a message shows. Raises Forbidden for those who may only look."""
    access.enter(request, ("GET", "HEAD"), access.EDITOR)
    return _one(session, seq)


def _one(session: Snapshot, seq: int) -> dict[str, Any]:
    return {
        "at": sessionpage.address(session),
        "seq": seq,
        "review": reviews.between(auth.alias(), session, seq, seq).get(seq),
        "most": reviews.MOST_CHARACTERS,
        "to_review": sessionpage.to_review(session, seq),
    }
