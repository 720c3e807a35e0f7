"""The facade's backend over a server: the HTTP contract, verb by verb."""

from __future__ import annotations

import uuid
from urllib.parse import quote

from holdfast.backend import Expect
from holdfast.values import Json
from holdfast.wire import Wire


def backend(url: str, key: str | None = None, *, timeout: float = 30.0) -> RemoteBackend:
    """The backend of the project that `key` belongs to."""
    return RemoteBackend(Wire(url, key, timeout=timeout))


class RemoteBackend:
    """`Backend` on the HTTP API. Every POST has an idempotency key, so it can be sent again."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    # -- sessions ----------------------------------------------------------------------------

    def open(self, body: Json) -> Json:
        return self._post("/sessions", body, Expect())

    def session(self, session: str) -> Json:
        return self._get(f"/sessions/{session}")

    def edit(self, session: str, body: Json, expect: Expect) -> Json:
        path = f"/sessions/{session}"
        answer: Json = self._wire.call("PATCH", path, body=body, headers=_matching(expect))
        return answer

    def fork(self, session: str, body: Json, expect: Expect) -> Json:
        return self._post(f"/sessions/{session}/fork", body, expect)

    def end(self, session: str, expect: Expect) -> Json:
        return self._post(f"/sessions/{session}/end", None, expect)

    def reopen(self, session: str, expect: Expect) -> Json:
        return self._post(f"/sessions/{session}/reopen", None, expect)

    def restore(self, session: str, expect: Expect) -> Json:
        return self._post(f"/sessions/{session}/restore", None, expect)

    def delete(self, session: str, expect: Expect) -> None:
        self._wire.call("DELETE", f"/sessions/{session}", headers=_matching(expect))

    def purge(self, session: str, expect: Expect) -> Json:
        path, now = f"/sessions/{session}", {"purge": "now"}
        receipt: Json = self._wire.call("DELETE", path, query=now, headers=_matching(expect))
        return receipt

    # -- the log -----------------------------------------------------------------------------

    def append(self, session: str, body: Json, expect: Expect) -> Json:
        return self._post(f"/sessions/{session}/messages", body, expect)

    def messages(self, session: str, query: Json) -> list[Json]:
        return self._pages(f"/sessions/{session}/messages", query, "seq")

    def events(self, session: str, query: Json) -> list[Json]:
        return self._pages(f"/sessions/{session}/events", query, "version")

    def _pages(self, path: str, query: Json, number: str) -> list[Json]:
        """As many rows as asked for: a page of large ones ends before its limit."""
        found: list[Json] = []
        page = self._get(path, query)
        while True:
            found += page["data"]
            left = query["limit"] - len(found)
            if page["next"] is None or left <= 0:
                break
            on: Json = {name: query[name] for name in ("order", "at") if name in query}
            page = self._get(path, {**on, "after": page["next"], "limit": left})
        found.sort(key=lambda row: row[number], reverse=query["order"] == "desc")
        return found

    def retract(self, session: str, body: Json, expect: Expect) -> Json:
        return self._post(f"/sessions/{session}/retract", body, expect)

    def pin(self, session: str, body: Json, expect: Expect) -> Json:
        return self._post(f"/sessions/{session}/pins", body, expect)

    def unpin(self, session: str, seq: int, expect: Expect) -> Json:
        path = f"/sessions/{session}/pins/{seq}"
        message: Json = self._wire.call("DELETE", path, headers=_matching(expect))
        return message

    def context(self, session: str, query: Json) -> Json:
        asked = {name: value for name, value in query.items() if name != "record"}
        if query.get("record"):
            asked["record"] = "true"
        return self._get(f"/sessions/{session}/context", asked)

    def compress(self, session: str, body: Json, expect: Expect) -> Json:
        return self._post(f"/sessions/{session}/compress", body, expect)

    # -- leases ------------------------------------------------------------------------------

    def lease(self, session: str, body: Json, expect: Expect) -> Json:
        return self._post(f"/sessions/{session}/lease", body, expect)

    def renew(self, session: str, body: Json, expect: Expect) -> Json:
        return self._post(f"/sessions/{session}/lease/renew", body, expect)

    def release(self, session: str, expect: Expect) -> Json:
        path = f"/sessions/{session}/lease"
        answer: Json = self._wire.call("DELETE", path, headers=_matching(expect))
        return answer

    # -- memory ------------------------------------------------------------------------------

    def store_fact(self, body: Json, expect: Expect) -> Json:
        return self._post("/facts", body, expect)

    def search_facts(self, body: Json) -> list[Json]:
        found: list[Json] = self._wire.call("POST", "/facts/search", body=body)["data"]
        return found

    def user_context(self, user: str, query: Json) -> Json:
        return self._get(f"/users/{quote(user, safe='')}/context", query)

    def relations(self, user: str, query: Json) -> list[Json]:
        found: list[Json] = self._get(f"/users/{quote(user, safe='')}/relations", query)["data"]
        return found

    def episodes(self, query: Json) -> list[Json]:
        found: list[Json] = self._get("/episodes", query)["data"]
        return found

    # -- what they share ---------------------------------------------------------------------

    def _get(self, path: str, query: Json | None = None) -> Json:
        answer: Json = self._wire.call("GET", path, query=query)
        return answer

    def _post(self, path: str, body: Json | None, expect: Expect) -> Json:
        headers = _matching(expect) | {"Idempotency-Key": expect.key or uuid.uuid4().hex}
        answer: Json = self._wire.call("POST", path, body=body, headers=headers)
        return answer


def _matching(expect: Expect) -> dict[str, str]:
    matching = {} if expect.version is None else {"If-Match": f'"{expect.version}"'}
    return matching if expect.lease is None else {**matching, "Holdfast-Lease": str(expect.lease)}
