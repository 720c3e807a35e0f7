"""What the transcript writes: texts with what was found in them marked."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from sessions_app.core.words import Piece

from .. import marks

register = template.Library()


@register.simple_tag(takes_context=True)
def marked(context: template.Context, text: str) -> SafeString:
    """A text, with what the page was asked to find marked in it."""
    wanted = context.get("find")
    return pieces(marks.pieces(text, wanted)) if wanted else format_html("{}", text)


@register.simple_tag
def pieces(found: Iterable[Piece]) -> SafeString:
    """Pieces of a text, the hits marked."""
    shown = (format_html("<mark>{}</mark>", text) if hit else text for text, hit in found)
    return format_html_join("", "{}", ((piece,) for piece in shown))
