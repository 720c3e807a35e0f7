"""Views that members keep, as the pages show them: links above the list, and what one asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sessions_app.core.errors import HoldfastError, UnknownFilter
from sessions_app.models import SavedView

from . import facets, scope
from .asked import asking, query
from .facets import Choice


@dataclass(frozen=True, slots=True)
class Opened:
    """A view as it can be opened: the query of its list and what narrows it, or why it cannot be
    now that the filters are not those of the release it was kept in."""

    view: SavedView
    query: str = ""
    chips: list[Choice] = field(default_factory=list)
    chosen: bool = False
    why: str = ""


def opened(view: SavedView, texts: Mapping[str, str] | None = None) -> Opened:
    """The view, its query read as strictly as the address of the list is; `texts` is the list that
    is open, which may be this one."""
    request = asking(view.query)
    try:
        wanted = facets.read(request)
    except HoldfastError as error:
        return Opened(view, why=_why(error))
    own = facets.texts(request, wanted)
    address = query({**scope.link(), **own})
    return Opened(view, address, facets.chips(own, wanted), own == texts)


def _why(error: HoldfastError) -> str:
    if isinstance(error, UnknownFilter):
        return f"It asks for `{error.param}`, which is no filter of this release."
    return f"What it asks for is not valid in this release: {error.message}"


def links(views: Sequence[SavedView], texts: Mapping[str, str]) -> list[Opened]:
    """All of them, and which one is open."""
    return [opened(view, texts) for view in views]
