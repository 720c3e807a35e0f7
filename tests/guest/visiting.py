"""Somebody who looks at a site over HTTP: keeps cookies, follows what it is told to follow."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPResponse
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin

from tests.pages.markup import Markup

PASSWORD = "only for trying"
FOLLOWED = ("href", "src", "hx-get")
_NUMBERS = re.compile("[0-9a-f-]{36}|[0-9]+")
FEW = 3
ADDRESSES = (*FOLLOWED, "action", "hx-post")


class Answer:
    """One response, read to its end."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.content = response.read()

    @property
    def is_page(self) -> bool:
        return str(self.headers.get("Content-Type", "")).startswith("text/html")

    def json(self) -> Any:
        return json.loads(self.content)

    def addresses(self, names: Sequence[str] = ADDRESSES) -> list[str]:
        """Every address that the page names in these attributes, relative ones too."""
        shown = Markup(self)
        found = [value for name in names for value in shown.values(name)]
        return [address for address in found if not address.startswith("#")]


class Visitor:
    """A browser without a screen."""

    def __init__(self, base: str) -> None:
        self._host = base.removeprefix("http://")
        self._cookies = SimpleCookie()

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask("GET", path, None, {"Accept": "text/html", **headers})

    def post(self, path: str, **fields: str) -> Answer:
        """A form, with the site's token against foreign ones."""
        if "csrftoken" in self._cookies:
            fields["csrfmiddlewaretoken"] = self._cookies["csrftoken"].value
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urlencode(fields), kind)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A program's request, in JSON."""
        raw = None if body is None else json.dumps(body)
        kind = {} if raw is None else {"Content-Type": "application/json"}
        return self._ask(method, path, raw, {**kind, **headers})

    def sign_in(self, name: str) -> Visitor:
        """Through the site's own login."""
        self.get("/sign-in/")
        answer = self.post("/sign-in/", username=f"{name}@example.com", password=PASSWORD)
        assert answer.status == 302, answer.content
        return self

    def crawl(self, start: str, follow: Callable[[str], bool]) -> dict[str, Answer]:
        """What can be reached from `start` by addresses that `follow` takes; of addresses that
        differ only in numbers and query, the first few."""
        found: dict[str, Answer] = {}
        shapes: Counter[str] = Counter()
        waiting = [start]
        while waiting:
            path = waiting.pop()
            shape = _NUMBERS.sub("0", path.partition("?")[0])
            if path in found or shapes[shape] == FEW:
                continue
            shapes[shape] += 1
            found[path] = answer = self.get(path)
            named = answer.addresses(FOLLOWED) if answer.is_page else []
            if 300 <= answer.status < 400:
                named.append(answer.headers["Location"])
            waiting += [one for one in (urljoin(path, one) for one in named) if follow(one)]
        return found

    def _ask(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        cookies = "; ".join(f"{one.key}={one.value}" for one in self._cookies.values())
        connection = HTTPConnection(self._host, timeout=120)
        connection.request(method, path, body, {**headers, "Cookie": cookies})
        answer = Answer(connection.getresponse())
        connection.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            self._cookies.load(line)
        return answer
