"""The list of sessions as somebody reads it: which sessions, and what a press leads to."""

from __future__ import annotations

from html import unescape

from tests.pages.markup import Answer, Markup

_AWAY = "\N{MULTIPLICATION SIGN}"


class Listed(Markup):
    """A page of the list."""

    def __init__(self, response: Answer) -> None:
        self.open: list[tuple[str, str, list[str]]] = []
        self.said: list[tuple[str, str, str]] = []
        super().__init__(response)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag in ("a", "mark"):
            self.open.append((tag, dict(attrs).get("href") or "", []))

    def handle_data(self, data: str) -> None:
        super().handle_data(data)
        for _, _, pieces in self.open:
            pieces.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1][0] == tag:
            _, link, pieces = self.open.pop()
            self.said.append((tag, unescape(link), " ".join("".join(pieces).split())))

    def inside(self, tag: str) -> list[str]:
        """The words of each such element; `a` and `mark` are known."""
        return [text for name, _, text in self.said if name == tag]

    def leading_to(self, label: str) -> list[str]:
        """Where the links of this label lead."""
        found = [link for name, link, text in self.said if (name, text) == ("a", label)]
        return list(dict.fromkeys(found))

    @property
    def chips(self) -> dict[str, str]:
        """What each chosen filter says, and where a press leads that takes it away."""
        return {
            text[:-1]: link
            for _, link, text in self.said
            if text.endswith("\N{MULTIPLICATION SIGN}")
        }

    @property
    def ids(self) -> list[str]:
        """The sessions in their order."""
        parts = [link.split("/") for _, link, _ in self.said if link.startswith("/sessions/")]
        return [part[2] for part in parts if len(part) == 4 and part[3] == ""]

    @property
    def titles(self) -> list[str]:
        """Their titles."""
        return [
            text
            for _, link, text in self.said
            if link.startswith("/sessions/") and link.count("/") == 3 and link.endswith("/")
        ]
