"""What the API, the facade, `doctor` and the checks make of replicas."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from pytest_django import Settings

from holdfast import environ
from holdfast.environ import BadEnvironment
from memory_app import checkup
from sessions_app import auth, conditions
from sessions_app.store import get_store
from sessions_app.store.replicas import Replicas
from tests.personas import Persona, answer, persona
from tests.replicas.asking import until
from tests.replicas.conftest import reading
from tests.servers import Server


@pytest.fixture
def owner(transactional_db: None, named: str) -> Persona:
    """Has every right, at a server with a replica."""
    return persona("default", "admin")


def in_use() -> Replicas:
    found = get_store(auth.alias()).replicas
    assert found is not None
    return found


def answers() -> int:
    return sum(each.part.counts().get("answers", 0) for each in in_use().all)


def asked_until_a_replica_answers(owner: Persona, path: str) -> dict[str, Any]:
    """What a replica said, once the first beat has arrived there."""
    before, told = answers(), {}

    def by_a_replica() -> bool:
        nonlocal told
        told = answer(owner.get(path))
        return answers() > before

    until(by_a_replica)
    return told


@pytest.mark.parametrize("read", ["/context?tokens=500", "/messages?order=desc&limit=4"])
def test_the_api_answers_from_a_replica_what_it_answers_else(owner: Persona, read: str) -> None:
    session = owner.opened(system="Be kind.", user="alice")["id"]
    owner.said(session, *(f"m{number}" for number in range(1, 11)))
    path = f"/sessions/{session}{read}"
    told = asked_until_a_replica_answers(owner, f"{path}&max_stale=30")
    now = answer(owner.get(path))
    different = {"id", "took_ms", "version"}
    assert {name: told[name] for name in told.keys() - different} == {
        name: now[name] for name in now.keys() - different
    }
    assert told["version"] == answer(owner.get(f"/sessions/{session}"))["version"]


def test_what_is_erased_over_the_api_is_told_by_no_replica(owner: Persona, standby: Server) -> None:
    session = owner.opened()["id"]
    owner.said(session, "a secret")
    path = f"/sessions/{session}/messages?order=desc&max_stale=60"
    asked_until_a_replica_answers(owner, path)
    in_use()._versions.__init__(in_use().now)  # type: ignore[misc] # as in another process
    assert owner.delete(f"/sessions/{session}?purge=now").status_code in (200, 204)
    assert owner.get(path).status_code in (404, 410)


def test_health_names_the_replicas(owner: Persona) -> None:
    parts = owner.client.get("/health").json()["parts"]
    assert parts["replica"] == {"ok": True}
    conditions.broke("replica", "lags", "default")
    told = owner.client.get("/health").json()
    assert told["mode"] == "degraded"
    assert told["parts"]["replica"]["error"] == "lags"


def test_doctor_says_whether_a_replica_follows(owner: Persona) -> None:
    (check,) = checkup.replicas("default")
    assert check.name == "replica"
    assert check.found.startswith("standby: follows, ")
    assert check.advice is None


def test_doctor_says_that_the_primary_is_no_replica(owner: Persona, settings: Settings) -> None:
    settings.HOLDFAST_REPLICAS = ["default"]
    (check,) = checkup.replicas("default")
    assert (check.found, check.advice) == ("default: is no standby", checkup.NO_REPLICA)


def test_doctor_says_that_a_replica_is_not_reached(
    project: int, own_standby: Server, settings: Settings
) -> None:
    with reading(own_standby, "lost") as alias:
        settings.HOLDFAST_REPLICAS = [alias]
        own_standby.kill()
        (check,) = checkup.replicas("default")
    assert check.found.startswith("lost: not reachable (")
    assert check.advice == checkup.REACH_REPLICA


def ids(**options: Any) -> list[str | None]:
    found = checks.run_checks(**options)
    wanted = ("holdfast.E020", "holdfast.E021", "holdfast.W003")
    return [each.id for each in found if each.id in wanted]


def test_settings_of_replicas_are_checked(owner: Persona, settings: Settings, named: str) -> None:
    assert ids() == []
    for wrong, told in (
        ("standby", "holdfast.E020"),
        (["nowhere"], "holdfast.E020"),
        (["default"], "holdfast.E021"),
    ):
        settings.HOLDFAST_REPLICAS = wrong
        assert ids() == [told]


def test_a_check_of_databases_asks_whether_a_replica_follows(
    owner: Persona, settings: Settings, named: str
) -> None:
    asked = partial(ids, databases=["default"])
    assert asked() == []
    settings.HOLDFAST_REPLICAS = ["default"]
    assert "holdfast.W003" in asked()


@pytest.mark.parametrize(
    ("value", "primary"),
    [
        ("redis://host/0", "postgresql://u@host/name"),
        ("postgresql://host", "postgresql://u@host/name"),
        ("postgresql://u@host/name", "file.sqlite3"),
    ],
)
def test_an_address_that_makes_no_sense_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, value: str, primary: str
) -> None:
    monkeypatch.setenv("DATABASE_REPLICA_URL", value)
    home = environ.database("DATABASE_URL", primary)
    assert home is not None
    with pytest.raises(BadEnvironment, match="DATABASE_REPLICA_URL") as refusal:
        environ.replicas("DATABASE_REPLICA_URL", home)
    assert "u@host" not in str(refusal.value).replace("postgresql://user@host/name", "")


def test_replicas_are_read_only_and_never_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_REPLICA_URL", "postgresql://u@a/n, postgresql://u@b/n")
    home = environ.database("DATABASE_URL", "postgresql://u@host/n")
    assert home is not None
    found = environ.replicas("DATABASE_REPLICA_URL", home)
    assert [(name, entry["HOST"]) for name, entry in found.items()] == [
        ("replica_1", "a"),
        ("replica_2", "b"),
    ]
    for entry in found.values():
        assert "default_transaction_read_only=on" in entry["OPTIONS"]["options"]
        assert entry["OPTIONS"]["pool"]["timeout"] < 1
        assert not entry["CONN_HEALTH_CHECKS"]


def test_without_replicas_nothing_is_named(settings: Settings, transactional_db: None) -> None:
    settings.HOLDFAST_REPLICAS = []
    assert get_store("default").replicas is None
    assert list(checkup.replicas("default")) == []


def test_replicas_are_of_the_database_that_is_named_with_them(tmp_path: Path) -> None:
    """A script that opens another database asks no standby of this one."""
    code = (
        "import holdfast; from django.conf import settings;"
        f" holdfast.open('a', database={str(tmp_path / 'other.sqlite3')!r});"
        " print(settings.HOLDFAST_REPLICAS)"
    )
    named = {
        "DATABASE_URL": "postgresql://u@db.invalid/n",
        "DATABASE_REPLICA_URL": "postgresql://u@db-2.invalid/n",
        "XDG_DATA_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **named},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
