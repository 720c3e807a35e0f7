"""The facts that a context reads by its own statements are those of the model, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from memory_app import contextfacts, keeping, known, links
from memory_app import statements as sql
from memory_app.models import FOR_EVER, Fact, FactQuerySet
from sessions_app import clock
from sessions_app.models import EndUser, Session
from sessions_app.store.base import NewSession
from tests.memory.conftest import Desk

pytestmark = pytest.mark.django_db

TEXTS = (
    "The hotel is in Graz.",
    "Zürich, 100 % sure_thing",
    "東京に住んでいます",
    "Prefers trains",
)
QUESTIONS = (None, "", "?", "hotel in Zurich", "東京 trains", "100 % of_ \\ '", "x " * 50)
FIELDS = (
    "number", "id", "session_id", "seq", "text", "category", "pinned", "score", "trust", "tokens",
    "key", "revision", "created_us", "valid_us", "confirmed_us", "learnt_by", "learnt_in_id",
)  # fmt: skip
ASKED = ("words", "subject", "relation", "object")


def session(desk: Desk, user: str | None = None) -> UUID:
    made = desk.store.open(desk.project, NewSession(user=user)).session.id
    desk.say(made, [{"role": "user", "content": "hello"}])
    return made


def some_facts(desk: Desk, user: int | None, sessions: Sequence[int], seed: int) -> None:
    """Facts of all kinds, of a user's row or of nobody, from these sessions or from none."""
    random, now = Random(seed), clock.now_us()
    made = []
    for number in range(120):
        text = f"{random.choice(TEXTS)} {number}"
        fact = Fact(
            id=UUID(int=random.getrandbits(128)),
            project_id=desk.project,
            end_user_id=user,
            session_id=random.choice([*sessions, *([None] if user else [])]),
            text=text,
            category=random.choice(("profile", "correction", "preference")),
            status=random.choice((Fact.ACTIVE, Fact.ACTIVE, Fact.ACTIVE, Fact.RETIRED)),
            pinned=random.random() < 0.1,
            score=random.choice((0.0, 0.5, 1.0)),
            trust=random.choice(("user", "editor", "tool")),
            since=random.randrange(4),
            until=random.choice((FOR_EVER, 1, 2)),
            key=random.choice(("", "", "seat")),
            subject=random.choice(("", "Ann")),
            valid_us=random.choice((None, now - 10, now + 10**9)),
            invalid_us=random.choice((None, now - 10, now + 10**9)),
            learnt_by=random.choice(("", "patterns")),
            learnt_in_id=random.choice((None, *sessions)),
            sources='[{"session":"x","seq":1}]',
            created_us=now,
            **keeping.measures(text),
        )
        made.append(fact)
    Fact.everything.bulk_create(made)


def same(found: Sequence[Any], rows: FactQuerySet, *, asked: bool) -> None:
    """Both are the same facts in the same order, in all that a context looks at."""
    names = (*FIELDS, *(ASKED if asked else ()))
    expected = [tuple(getattr(row, name) for name in names) for row in rows]
    assert [tuple(getattr(one, name) for name in names) for one in found] == expected
    assert [one.sources for one in found if one.learnt_by] == [
        row.sources for row in rows if row.learnt_by
    ]


@pytest.mark.parametrize("query", QUESTIONS)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_the_facts_of_a_session_at_a_version(desk: Desk, query: str | None, version: int) -> None:
    numbers = [desk.now(session(desk)).number for _ in range(2)]
    some_facts(desk, None, numbers, seed=version)
    rows = Fact.everything.of_session(numbers[0], version).active()
    words = contextfacts.asked_words(query) if query else None
    for most in (10, 500):
        wanted = rows if words is None else rows.naming(words) | rows.must()
        found = known.of_session(desk.store, numbers[0], version, known.Asked(words, most))
        assert found
        same(found, wanted.best(most), asked=words is not None)


@pytest.mark.parametrize("query", QUESTIONS)
def test_the_facts_of_a_user_that_hold_now(desk: Desk, query: str | None) -> None:
    here, there, gone = (session(desk, "alice") for _ in range(3))
    number, *others = (desk.now(one).number for one in (here, there, gone))
    user = EndUser.objects.of(desk.project).get(key="alice").pk
    some_facts(desk, user, [number, *others], seed=len(query or ""))
    desk.store.delete(desk.project, gone)
    assert Session.objects.of(desk.project).filter(status=Session.DELETED).exists()
    now, words = clock.now_us(), contextfacts.asked_words(query or "")
    rows = links.now(desk.store, links.Reads(user), now).exclude(session_id=number)
    rows = rows.standing(words)
    for most in (10, 500):
        wanted = known.Asked(words if query else None, most)
        found = known.of_user(desk.store, user, number, now, wanted)
        assert found
        same(found, rows.best(most), asked=bool(query))


def test_what_matters_of_a_user_is_found_by_an_index_of_it(desk: Desk) -> None:
    """However much else is known of them: SQLite and PostgreSQL know the condition again."""
    number = desk.now(session(desk, "alice")).number
    user = EndUser.objects.of(desk.project).get(key="alice").pk
    for seed in range(10):
        some_facts(desk, user, [number], seed=seed)
    db, now = desk.store.db, clock.now_us()
    statement = sql.known_of_user(0, asked=False, sqlite=db.is_sqlite)
    if db.is_sqlite:
        explained = "EXPLAIN QUERY PLAN"
    else:
        explained = "EXPLAIN"
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE holdfast_fact")
            cursor.execute("SET LOCAL enable_seqscan = off")
    plan = db.rows(f"{explained} {statement}", (user, now, now, number, 200))
    assert "holdfast_fact_matters" in str(plan)
