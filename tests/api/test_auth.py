from __future__ import annotations

import pytest

from holdfast.projects import ensure_project
from sessions_app import auth
from sessions_app.core import errors
from sessions_app.models import ApiKey
from tests.personas import Persona, answer, refused


def test_a_call_without_a_key_is_told_what_to_send(owner: Persona) -> None:
    response = Persona(owner.project, None).get("/sessions")
    refused(response, 401, "unauthorized")
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer {key} {key}",
        "Bearer hf_000000000000_{secret}",
        "Bearer {short}",
        "Bearer hf_{secret}",
        "Bearer {key}, Bearer {key}",
    ],
)
def test_what_is_not_a_key_is_refused(owner: Persona, header: str) -> None:
    key = owner.key or ""
    sent = header.format(key=key, secret=key.rpartition("_")[2], short=key[:-1])
    refused(owner.get("/sessions", Authorization=sent), 401, "unauthorized")


def test_the_name_of_the_scheme_is_read_in_any_case(owner: Persona) -> None:
    answer(owner.get("/sessions", Authorization=f"bearer {owner.key}"))


def test_a_revoked_key_ends_at_once(owner: Persona) -> None:
    (key,) = auth.keys(owner.project)
    auth.revoke_key(key.prefix)
    refused(owner.get("/sessions"), 401, "unauthorized")
    with pytest.raises(errors.NotFound):
        auth.revoke_key(key.prefix)


def test_only_the_digest_of_a_key_is_kept(owner: Persona) -> None:
    row = ApiKey.objects.get()
    kept = [str(getattr(row, field.name)) for field in ApiKey._meta.concrete_fields]
    secret = (owner.key or "").rpartition("_")[2]
    assert not any(secret in value for value in kept)
    assert len(bytes(row.digest)) == 32


def test_scopes_are_checked_before_anything_is_read(teammate: Persona) -> None:
    error = refused(teammate.call("POST", "/sessions", b"{"), 403, "forbidden")
    assert error["scope"] == "write"


@pytest.mark.parametrize(
    ("scope", "reads", "writes", "administers"),
    [("read", 200, 403, 403), ("write", 200, 201, 403), ("admin", 200, 201, 200)],
)
def test_a_scope_implies_the_lesser_ones(
    owner: Persona, scope: str, reads: int, writes: int, administers: int
) -> None:
    _, key = auth.create_key(owner.project, [scope])
    caller = Persona(owner.project, key)
    assert caller.get("/sessions").status_code == reads
    assert caller.post("/sessions").status_code == writes
    assert caller.put("/policies/mine", {}).status_code == administers


def test_keys_are_made_listed_and_revoked(transactional_db: None) -> None:
    project = ensure_project()
    first, text = auth.create_key(project, ["write", "read"], "laptop")
    second, _ = auth.create_key(project, ["admin"])
    assert text.startswith(f"hf_{first.prefix}_")
    assert (first.scopes, first.label) == ("read write", "laptop")
    assert auth.revoke_key(second.prefix).revoked_us is not None
    assert [key.pk for key in auth.keys(project)] == [first.pk, second.pk]
    assert auth.keys(ensure_project("elsewhere")) == []


@pytest.mark.parametrize("scopes", [[], ["root"], ["read", ""]])
def test_a_key_has_known_scopes(transactional_db: None, scopes: list[str]) -> None:
    with pytest.raises(errors.InvalidField):
        auth.create_key(ensure_project(), scopes)


def test_a_login_is_not_a_key(owner: Persona, django_user_model: type) -> None:
    caller = Persona(owner.project, None)
    caller.client.force_login(django_user_model.objects.create_user("ann"))  # type: ignore[attr-defined]
    refused(caller.get("/sessions"), 401, "unauthorized")
