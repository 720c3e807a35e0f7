from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from sessions_app.core.errors import leaves
from tests.api.test_scoping import OPERATIONS, name
from tests.personas import Persona, answer

COMMON = {"400", "401", "403", "413", "415", "422", "500", "503"}
FACT = {"user": "alice", "text": "Alice sits by the aisle."}
Found = tuple[str, str, dict[str, Any]]


@pytest.fixture
def published(client: Client, db: None) -> Any:
    response = client.get("/api/v1/openapi.json")
    assert response["Content-Type"] == "application/json"
    return json.loads(response.content)


def test_the_document_needs_no_key_and_names_every_call(published: Any) -> None:
    assert published["openapi"].startswith("3.1")
    paths = published["paths"]
    assert {"get", "post"} == set(paths["/api/v1/sessions"])
    assert {"get", "patch", "delete"} == set(paths["/api/v1/sessions/{session}"])
    assert sum(len(methods) for methods in paths.values()) == len(OPERATIONS)


def test_every_reference_leads_somewhere(published: Any) -> None:
    schemas = published["components"]["schemas"]

    def names(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"].rpartition("/")[2]} if "$ref" in value else set()
            return own.union(*(names(item) for item in value.values()))
        return set().union(*(names(item) for item in value)) if isinstance(value, list) else set()

    assert names(published) == set(schemas)


@pytest.mark.parametrize("found", OPERATIONS, ids=name)
def test_a_call_names_every_status_with_its_schema(found: Found, published: Any) -> None:
    method, path, operation = found
    shown = published["paths"][f"/api/v1{path}"][method.lower()]
    statuses = set(shown["responses"])
    assert statuses >= COMMON
    assert any(status.startswith("2") for status in statuses)
    assert ("507" in statuses) == (operation["operationId"] in {*CHANGING_NAMES, "get_context"})
    if "{session}" in path:
        assert "404" in statuses
    for status, response in shown["responses"].items():
        assert response["description"] == HTTPStatus(int(status)).phrase
        if status.startswith(("4", "5")):
            schema = response["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Error"}


CHANGING_NAMES = {
    operation["operationId"]
    for _, _, operation in OPERATIONS
    if operation["x-scope"] != "read" or operation["operationId"] == "append_and_get_context"
}


@pytest.mark.parametrize("found", OPERATIONS, ids=name)
def test_a_call_describes_what_it_takes(found: Found) -> None:
    method, path, operation = found
    parameters = {(item["in"], item["name"]) for item in operation["parameters"]}
    for place in ("session", "seq", "name", "fact", "record", "user", "key"):
        assert (("path", place) in parameters) == (f"{{{place}}}" in path)
    versioned = "{session}" in path or "{fact}" in path
    changes = versioned and operation["operationId"] in CHANGING_NAMES
    assert (("header", "If-Match") in parameters) == changes
    # A lease is taken under none, and a renewal names it in its body.
    leased = changes and "{fact}" not in path and not path.endswith(("/lease", "/renew"))
    leased |= operation["operationId"] == "release_lease"
    assert (("header", "Holdfast-Lease") in parameters) == leased
    keyed = method == "POST" and operation["operationId"] not in ("recall_turns", "search_facts")
    assert (("header", "Idempotency-Key") in parameters) == keyed
    assert operation["summary"]
    assert not operation["summary"].endswith(".")


def test_every_code_of_the_tree_is_in_the_document(published: Any) -> None:
    error = published["components"]["schemas"]["Error"]["properties"]["error"]
    assert set(error["properties"]["code"]["enum"]) == {leaf.code for leaf in leaves()}


def test_what_is_answered_has_the_described_fields(owner: Persona, published: Any) -> None:
    made = owner.opened(user="alice")
    owner.said(made["id"], "hello")
    stored = answer(owner.post("/facts", FACT), 201)
    path = f"/sessions/{made['id']}"
    for schema, shown in (
        ("Session", answer(owner.get(path))),
        ("Sessions", answer(owner.get("/sessions"))),
        ("Messages", answer(owner.get(f"{path}/messages"))),
        ("Events", answer(owner.get(f"{path}/events"))),
        ("Context", answer(owner.get(f"{path}/context"))),
        ("ContextRecord", answer(owner.get(f"/contexts/{recorded(owner, path)}"))),
        ("MessageWithFate", answer(owner.post(f"{path}/pins", {"seq": 1}))),
        ("Retracted", answer(owner.post(f"{path}/retract", {"from": 1}))),
        ("Holder", answer(owner.get(f"{path}/lease"))),
        ("Lease", answer(owner.post(f"{path}/lease", {"holder": "planner"}), 201)),
        ("Holder", answer(owner.get(f"{path}/lease"))),
        ("Lease", answer(owner.post(f"{path}/lease/renew", {"token": 1}))),
        ("Lease", answer(owner.delete(f"{path}/lease", Holdfast_Lease="1"))),
        ("Policies", answer(owner.get("/policies"))),
        ("StoredFacts", answer(owner.post("/facts", {"facts": [FACT]}), 201)),
        ("Facts", answer(owner.get("/facts"))),
        ("Fact", answer(owner.post(f"/facts/{stored['id']}/retire"))),
        ("FactHistory", answer(owner.get(f"/facts/{stored['id']}/history"))),
        ("Users", answer(owner.get("/users"))),
        ("UserWithPreferences", answer(owner.get("/users/alice"))),
        ("UserContext", answer(owner.get("/users/alice/context"))),
        ("UserExport", answer(owner.get("/users/alice/export"))),
        ("Fact", answer(owner.put("/users/alice/preferences/k", {"text": "x"}))),
        ("Erasure", answer(owner.delete("/users/alice"))),
        ("Receipt", answer(owner.delete(f"{path}?purge=now"))),
    ):
        assert fits(shown, published["components"]["schemas"][schema], published), schema


def recorded(owner: Persona, path: str) -> str:
    """The id of a context that was kept."""
    return str(answer(owner.get(f"{path}/context?record=true"))["id"])


def fits(value: Any, schema: Any, document: Any) -> bool:
    """Whether required fields are there and types are right; enough of JSON schema for ours."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return any(fits(value, choice, document) for choice in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "boolean": bool,
        "null": type(None),
        "integer": int,
        "number": (int, float),
    }
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):  # type: ignore[arg-type]
        return False
    if isinstance(value, list):
        return all(fits(item, schema.get("items", {}), document) for item in value)
    if isinstance(value, dict) and "properties" in schema:
        required = set(schema.get("required", ()))
        known = schema["properties"]
        return required <= set(value) <= set(known) and all(
            fits(item, known[field], document) for field, item in value.items()
        )
    return True
