"""A page as a browser would take it apart, to tell text from markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Protocol

SCRIPTS = ("/static/holdfast/", "/static/django_htmx/")
_NEVER = re.compile("(?!)")
# What our templates ask htmx for: its own addresses, elements by their id, no expressions.
OURS = {
    "hx-get": re.compile(
        r"/(?:memory/)?(?:sessions/[\w./?&=%+-]*|settings/policies/[\w.%'*()=~!$@:+,;-]+/)"
    ),
    "hx-post": re.compile(r"/(?:memory/)?(?:sessions/[\w./?&=%+-]*|facts/bulk/)"),
    "hx-trigger": re.compile("intersect once|change"),
    "hx-replace-url": re.compile("true"),
    "hx-select": re.compile(r"#[\w-]+"),
    "hx-push-url": re.compile("true"),
    "hx-target": re.compile(r"#[\w-]+"),
    "hx-swap": re.compile("outerHTML|innerHTML"),
    "hx-swap-oob": re.compile("true"),
}


class Answer(Protocol):
    """A response, as far as it is looked at here."""

    @property
    def content(self) -> bytes: ...


class Markup(HTMLParser):
    """Every tag with its attributes, and the text between."""

    def __init__(self, response: Answer) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(response.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    @property
    def text(self) -> str:
        """All the text on one line."""
        return " ".join(" ".join(self.pieces).split())

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)

    def values(self, attribute: str) -> list[str]:
        """The values of an attribute wherever it stands."""
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]

    @property
    def links(self) -> list[str]:
        return self.values("href")

    def dangers(self) -> list[str]:
        """What the policy forbids or nobody of ours wrote: handlers, inline styles and scripts,
        addresses that lead elsewhere."""
        found = []
        for tag, attrs in self.tags:
            found += [f"{tag} {name}" for name in attrs if name.startswith("on")]
            found += [
                f"{tag} {name}={value}"
                for name, value in attrs.items()
                if name.startswith("hx-") and not OURS.get(name, _NEVER).fullmatch(value or "")
            ]
            found += [f"{tag} style" for name in attrs if name == "style"]
            if tag in ("img", "iframe", "object", "style") or (
                tag == "script" and not (attrs.get("src") or "").startswith(SCRIPTS)
            ):
                found.append(tag)
            for name in ("href", "src", "action"):
                address = attrs.get(name) or "/"
                if not address.startswith(("/", "?", "#")) or address.startswith("//"):
                    found.append(f"{tag} {name}={address}")
        return found
