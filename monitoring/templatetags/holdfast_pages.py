"""What the templates need to write numbers and times, the same in every locale."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions_app import conditions
from sessions_app.conditions import Condition
from sessions_app.core import instants

from .. import amounts, useraddress

register = template.Library()
register.filter("count", amounts.count)
register.filter("size", amounts.size)
register.filter("span", amounts.span)
register.filter("percent", amounts.percent)
register.filter("lasted", amounts.lasted)
register.filter("key_name", useraddress.name)
register.filter("key_field", useraddress.written)


@register.simple_tag
def broken_parts() -> list[Condition]:
    """What of this server is broken now."""
    return conditions.broken()


@register.filter
def thousandths(share: float) -> str:
    """A share as a place on a bar of 1000; beyond its end is its end."""
    return f"{min(1.0, max(0.0, share)) * 1000:.1f}"


@register.filter
def beyond(items: Sized, most: int) -> int:
    """How many there are beyond the first `most`."""
    return max(0, len(items) - most)


@register.filter
def filled(level: float) -> str:
    """How full in a word, by the marks."""
    return "high" if level >= 0.9 else "raised" if level >= 0.6 else "low"


@register.filter
def latency(ms: float) -> str:
    """Milliseconds, or seconds where there are some."""
    return f"{ms / 1000:,.1f} s" if ms >= 1000 else f"{ms:,.0f} ms"


@register.filter
def bounded(number: int, most: int) -> str:
    """A count that ends at a number as >1,000."""
    return f">{amounts.count(most)}" if number > most else amounts.count(number)


@register.filter
def of_name(values: Mapping[str, Any], name: str) -> Any:
    """The value of a name that is not known to the template."""
    return values.get(name)


@register.simple_tag(takes_context=True)
def user_page(context: template.Context, key: str, **more: str) -> str:
    """Where the page of a user is, with more in its query. The page of an object says which project
    it is about by its object; that of a user must be told."""
    project = context.get("project_name")
    return useraddress.of(key).link({**({"project": project} if project else {}), **more})


@register.simple_tag(takes_context=True)
def ago(context: template.Context, us: int) -> SafeString:
    """A time as how long ago it was."""
    return _time(us, "ago", amounts.ago((int(context["now"]) - us) / 1_000_000))


@register.simple_tag
def clock(us: int) -> SafeString:
    """A time of day."""
    return _time(us, "clock", f"{_moment(us):%H:%M:%S}")


@register.simple_tag
def moment(us: int) -> SafeString:
    """A day and time."""
    return _time(us, "moment", f"{_moment(us):%Y-%m-%d %H:%M}")


def _time(us: int, shown_as: str, text: str) -> SafeString:
    iso, full = instants.render(us), f"{_moment(us):%Y-%m-%d %H:%M:%S} UTC"
    return format_html(
        '<time datetime="{}" data-as="{}" title="{}">{}</time>', iso, shown_as, full, text
    )


def _moment(us: int) -> datetime:
    return datetime.fromisoformat(instants.render(us)).astimezone(UTC)


@register.inclusion_tag("holdfast/_level.html")
def level(share: float) -> dict[str, Any]:
    """A bar of how full something is, with its marks and the figure beside it."""
    return {"share": share}
