"""What narrows the list of sessions: as links of one press, and as chips that take it away."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from memory_app.models import Compression
from sessions_app import listing, parameters, reviews
from sessions_app.calls import Parameter
from sessions_app.core import instants, strict
from sessions_app.core.errors import InvalidField
from sessions_app.parameters import LARGEST, SEARCH

from . import amounts
from .asked import asked, asking, query

SPANS = {"1h": 3_600, "24h": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400}
_SPANS_SAID = {"1h": "hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days"}
STATUSES = ("active", "idle", "ended", "archived")
MOST_FOUND = 25
"""Sessions on a page of those that a search found: each comes with its hits."""
SORTS = tuple(f"{sign}{name}" for name in listing.SORTS for sign in ("", "-"))
_WITHOUT_OFFSET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?", re.ASCII)


def _moment(description: str) -> Parameter:
    """A point in time; a browser's field for it sends no offset, and is labelled UTC."""
    told = parameters.instant(description)

    def read(text: str) -> Any:
        return told.reader.read(f"{text}Z" if _WITHOUT_OFFSET.fullmatch(text) else text)

    return Parameter(strict.Reader(read), told.schema, description)


_FILTERS: Mapping[str, Parameter] = {
    "q": parameters.text(SEARCH, "What was said, or a title, tag, key, user or id."),
    "user": parameters.text(255, "Of this user."),
    "tag": parameters.text(255, "With this tag."),
    "status": parameters.choice("In this status.", *STATUSES),
    "span": parameters.choice("Anything happened in this time up to now.", *SPANS),
    "active_since": _moment("Anything happened at or after."),
    "active_until": _moment("Anything happened at or before."),
    "min_level": parameters.level("At least so full."),
    "min_tokens": parameters.integer(0, LARGEST, "At least so many tokens in all."),
    "errors": parameters.choice("With a message that failed.", "true"),
    "needs_review": parameters.choice("With a message that somebody should look at.", "true"),
    "compressed": parameters.choice("Of which something is folded.", "true"),
    "lost": parameters.choice("Of which a compression lost something.", "true"),
    "rating": parameters.choice("With a message that a member rated so.", *reviews.RATINGS),
    "sort": parameters.choice("In this order.", *SORTS),
}
_PLACES: Mapping[str, Parameter] = {"after": parameters.cursor(), "before": parameters.cursor()}
ASKED: Mapping[str, Parameter] = {
    **_FILTERS,
    **_PLACES,
    "count": parameters.boolean("Say how many there are in all."),
    "told": parameters.text(8_192, "What a form of this page has just done, signed."),
}
_FOR_THE_PAGE = ("tag", "span", "lost", "count", "told")


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter that one press sets or takes away."""

    label: str
    query: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Facet:
    """Choices of one kind."""

    label: str
    choices: list[Choice]


_FACETS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "Status": tuple(("status", name, name.capitalize()) for name in STATUSES),
    "Active within": tuple(("span", name, f"{name[:-1]} {name[-1]}") for name in SPANS),
    "Level from": tuple(("min_level", f"0.{tenth}", f"{tenth}0 %") for tenth in (6, 8, 9)),
    "Tokens from": tuple(("min_tokens", f"{1_000 * many}", f"{many}k") for many in (1, 10, 100)),
    "With": (
        ("errors", "true", "Errors"),
        ("needs_review", "true", "Review needed"),
        ("compressed", "true", "Compressed"),
        ("lost", "true", "Losses"),
    ),
    "Rated": tuple(("rating", name, name.capitalize()) for name in reviews.RATINGS),
}
_SAID: Mapping[str, Callable[[Any], str]] = {
    "q": lambda text: f"\N{LEFT DOUBLE QUOTATION MARK}{text}\N{RIGHT DOUBLE QUOTATION MARK}",
    "user": lambda key: f"user {key}",
    "tag": lambda name: f"tag {name}",
    "status": str,
    "span": lambda name: f"active in the last {_SPANS_SAID[name]}",
    "active_since": lambda us: f"since {_minute(us)}",
    "active_until": lambda us: f"until {_minute(us)}",
    "min_level": lambda millionths: f"level from {amounts.percent(millionths / 1_000_000)}",
    "min_tokens": lambda tokens: f"from {amounts.count(tokens)} tokens",
    "errors": lambda _: "with errors",
    "needs_review": lambda _: "needs review",
    "compressed": lambda _: "compressed",
    "lost": lambda _: "with losses",
    "rating": lambda name: f"rated {name}",
}


def _minute(us: int) -> str:
    return f"{instants.render(us)[:16].replace('T', ' ')} UTC"


def read(request: HttpRequest) -> dict[str, Any]:
    """What the address asks for; a range that is written out takes the place of a span up to now,
    as it does when the fields of a range are filled in beside one. Blanks search for nothing."""
    wanted = asked(request, ASKED)
    if not wanted.get("q", "").strip():
        wanted.pop("q", None)
    if "active_since" in wanted or "active_until" in wanted:
        wanted.pop("span", None)
    return wanted


def texts(request: HttpRequest, wanted: Mapping[str, Any]) -> dict[str, str]:
    """The filters and the order as they stand in the address, to be linked to again."""
    return {name: request.GET[name] for name in _FILTERS if name in wanted}


def filters(text: str) -> dict[str, str]:
    """The filters and the order of a query that was kept. Raises the errors of `read`."""
    request = asking(text)
    return texts(request, read(request))


def whole(text: str) -> dict[str, str]:
    """The same, and which page of the list it is."""
    request = asking(text)
    wanted = read(request)
    return {**texts(request, wanted), **place(wanted)}


def place(wanted: Mapping[str, Any]) -> dict[str, str]:
    """Which page of the list it is; of the first, nothing."""
    return {name: wanted[name] for name in _PLACES if name in wanted}


def facets(texts: Mapping[str, str]) -> list[Facet]:
    """Every facet, what is chosen of it, and where a press leads; pressed again it is gone."""
    return [
        Facet(label, [_choice(texts, *choice) for choice in choices])
        for label, choices in _FACETS.items()
    ]


def _choice(texts: Mapping[str, str], name: str, value: str, label: str) -> Choice:
    chosen = texts.get(name) == value
    range_instead = dict.fromkeys(("active_since", "active_until")) if name == "span" else {}
    change = {**range_instead, name: None if chosen else value}
    return Choice(label, query(texts, **change), chosen)


def narrowed(texts: Mapping[str, str], name: str, value: str) -> Choice:
    """The list with one filter more, such as the tag of a row."""
    return Choice(value, query(texts, **{name: value}), texts.get(name) == value)


def chips(texts: Mapping[str, str], wanted: Mapping[str, Any]) -> list[Choice]:
    """What narrows the list now; a press takes it away."""
    return [
        Choice(say(wanted[name]), query(texts, **{name: None}))
        for name, say in _SAID.items()
        if name in wanted
    ]


def trouble(wanted: Mapping[str, Any]) -> InvalidField | None:
    """What is wrong with the time range, to be said beside its fields."""
    since, until = wanted.get("active_since"), wanted.get("active_until")
    if since is not None and until is not None and until < since:
        return InvalidField(
            "The time ends before it begins. Exchange the two.", param="active_until"
        )
    return None


def for_listing(project: int, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The filters as the listing of a project's sessions knows them."""
    told = {name: wanted[name] for name in wanted if name not in _FOR_THE_PAGE}
    # Archived sessions are out of the list until they are asked for, or searched.
    if "status" not in wanted and "q" not in wanted:
        told["daily"] = True
    if "tag" in wanted:
        told["tag"] = [wanted["tag"]]
    if "lost" in wanted:
        told["within"] = {"lost": Compression.objects.of(project).losing().values("session_id")}
    if "q" in wanted:
        told["limit"] = MOST_FOUND
    if "span" in wanted:
        told["active_within"] = SPANS[wanted["span"]] * 1_000_000
    return told


def field(wanted: Mapping[str, Any], name: str) -> str:
    """A time as a browser's field for it shows it: to the second, without an offset."""
    return instants.render(wanted[name])[:19] if name in wanted else ""
