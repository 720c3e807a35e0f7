"""Which facts stood in which context is the same after the rows were made slim, and back again."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from memory_app.models import Injection
from tests.api.folding import filled
from tests.personas import Persona, answer

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = """
    SELECT i.context_id, i.fact_id, i.session_id - c.session_id, i.version - c.version
    FROM holdfast_injection i JOIN holdfast_context c ON c.number = i.context_id
    ORDER BY i.context_id, i.number
"""


def migrated(*name: str) -> None:
    """To that migration, or to the newest."""
    call_command("migrate", "holdfast_memory", *name, verbosity=0)


def put_in() -> list[tuple[Any, ...]]:
    rows = Injection.objects.order_by("context", "place")
    return list(rows.values_list("context_id", "place", "fact_id"))


def test_rows_of_before_are_taken_over_and_given_back(owner: Persona) -> None:
    path = filled(owner, 24, user="alice")
    answer(owner.post(f"{path}/compress"), 200)
    for _ in range(3):
        answer(owner.get(f"{path}/context?record=true"))
    there = put_in()
    assert len(there) > 3
    migrated("0011_vector_stores")
    try:
        with connection.cursor() as cursor:
            cursor.execute(BEFORE)
            assert cursor.fetchall() == [(context, fact, 0, 0) for context, _, fact in there]
    finally:
        migrated()
    assert put_in() == there
