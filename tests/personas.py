"""Three people: the owner of a project, a teammate who may only read it, and a stranger."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.test import Client

from holdfast.projects import ensure_project
from sessions_app import auth
from sessions_app.models import Project

BASE = "/api/v1"


@dataclass
class Persona:
    """A caller with a key; `call` speaks HTTP with the project as they may."""

    project: Project
    key: str | None
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        /,
        **headers: str,
    ) -> HttpResponse:
        """One request below `/api/v1`; `If_Match="41"` is sent as `If-Match: 41`. A body of bytes
        goes as it is, any other as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        data = body if isinstance(body, bytes) else b"" if body is None else _json(body)
        kind = sent.pop("Content-Type", "application/json")
        response = self.client.generic(method, f"{BASE}{path}", data, kind, headers=sent)
        assert isinstance(response, HttpResponse)
        return response

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, /, **headers: str) -> HttpResponse:
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, /, **headers: str) -> HttpResponse:
        return self.call("PATCH", path, body, **headers)

    def put(self, path: str, body: Any = None, /, **headers: str) -> HttpResponse:
        return self.call("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> HttpResponse:
        return self.call("DELETE", path, **headers)

    def opened(self, **fields: Any) -> dict[str, Any]:
        """A new session."""
        made: dict[str, Any] = answer(self.post("/sessions", fields), 201)
        return made

    def said(self, session: str, *texts: str) -> dict[str, Any]:
        """Messages of a user, all in one call."""
        messages = [{"role": "user", "content": text} for text in texts]
        path = f"/sessions/{session}/messages"
        done: dict[str, Any] = answer(self.post(path, {"messages": messages}), 201)
        return done


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def persona(project: str, *scopes: str) -> Persona:
    """Someone with a key of these scopes to the project with this name."""
    found = ensure_project(project)
    return Persona(found, auth.create_key(found, scopes, project)[1])


def answer(response: HttpResponse, status: int = 200) -> Any:
    """The JSON of an answer that must have this status."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    return json.loads(response.content)


ERROR_FIELDS = ("code", "message", "type", "param", "retryable", "request_id")


def refused(response: HttpResponse, status: int, code: str) -> dict[str, Any]:
    """The error of an answer that must be refused with this status and code, in the one shape."""
    body = answer(response, status)
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert error["code"] == code, error
    assert set(ERROR_FIELDS) <= set(error)
    assert error["request_id"] == response["X-Request-Id"]
    assert error["message"]
    return error
