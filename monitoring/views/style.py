"""The look on one page: every component once, drawn by the templates that the pages use."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse

from memory_app.context import Part
from sessions_app import clock

from .. import access, budget
from ..rendering import show

HOUR_US = 3600 * 1_000_000
SESSION = UUID(int=0)
INKS = ("ink", "ink-2", "ink-3", "accent", "good", "bad")
GROUNDS = ("ground", "panel", "sunk", "line", "line-2", "accent-soft")
ROLES = ("system", "user", "assistant", "tool", "summary", "error")
SIZES = (("xl", "20"), ("l", "16"), ("m", "14"), ("s", "12.5"), ("xs", "11"))
SPACES = (2, 4, 6, 8, 12, 16, 24, 32, 40)
STATUSES = ("active", "idle", "ended", "archived")
LEVELS = (0.0, 0.42, 0.64, 0.86, 0.97, 1.3)
PARTS = (
    Part("system", 900),
    Part("tools", 700),
    Part("retained", 1_400),
    Part("recent", 3_400),
    Part("new", 240),
)
LIMIT, RESERVE = 8_000, 1_000


@access.page
def page(request: HttpRequest) -> HttpResponse:
    """All of it, from values that stand here: no row is read."""
    used = sum(part.tokens for part in PARTS)
    context = {
        "inks": INKS,
        "grounds": GROUNDS,
        "roles": ROLES,
        "sizes": SIZES,
        "spaces": SPACES,
        "statuses": STATUSES,
        "levels": LEVELS,
        "parts": PARTS,
        "bar": budget.bar(PARTS, LIMIT, RESERVE),
        "context": {"tokens": used, "limit": LIMIT},
        "used": used / LIMIT,
        "free": LIMIT - used,
        "reserve": RESERVE,
        "hour_ago": clock.now_us() - HOUR_US,
    }
    return show(request, "style", context)
