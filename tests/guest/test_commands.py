"""What the site's commands say of Holdfast, and whose tables stand in which database."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.guest.hosting import HERE, Guest

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def found(guest: Guest) -> dict[str, Any]:
    return inspected(guest)


@pytest.fixture(scope="module")
def found_apart(apart: Guest) -> dict[str, Any]:
    return inspected(apart)


def inspected(guest: Guest) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(guest.said("-c", (HERE / "inspecting.py").read_text()))
    return answer


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("holdfast")}


def test_our_tables_carry_our_name_beside_those_of_the_site(found: dict[str, Any]) -> None:
    names = set(found["tables"]["default"])
    assert {"holdfast_session", "desk_ticket", "monitoring_reading", "accounts_user"} <= names


def test_the_router_keeps_our_tables_and_those_of_the_site_apart(
    found: dict[str, Any], found_apart: dict[str, Any]
) -> None:
    together = set(found["tables"]["default"])
    default, memory = (set(found_apart["tables"][name]) for name in ("default", "memory"))
    assert memory == ours(together) | {"django_migrations"}
    assert default == together - ours(together)


def test_a_database_named_in_a_call_gets_our_tables_under_the_router(
    found_apart: dict[str, Any],
) -> None:
    assert found_apart["elsewhere"] == 2


def test_the_checks_have_nothing_to_say_of_holdfast(
    found: dict[str, Any], found_apart: dict[str, Any]
) -> None:
    for site in (found, found_apart):
        assert "no issues" in site["check"]
        assert "security.W" in site["deploy"]  # the site's own: it is only for trying
        assert "holdfast" not in site["deploy"].lower()


def test_nothing_is_left_to_migrate(found: dict[str, Any]) -> None:
    assert found["migrations"] == "No changes detected\n"


def test_upkeep_and_doctor_work_on_the_database_of_the_site(
    found: dict[str, Any], found_apart: dict[str, Any]
) -> None:
    for site in (found, found_apart):
        assert site["upkeep"] == "Purged 0 deleted sessions.\nThe search index is up to date.\n"
        assert site["doctor"]["ok"], site["doctor"]
