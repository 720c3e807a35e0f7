"""Lists and searches are planned for what is asked."""

from __future__ import annotations

import pytest
from django.db import connection

from sessions_app import clock, listing, search
from sessions_app.store.durable import DurableStore
from tests.store.saying import opened, said


@pytest.mark.usefixtures("on_postgres")
def test_no_list_and_no_search_is_prepared(store: DurableStore, project: int) -> None:
    made = opened(store, project)
    store.append(project, made, [said("find the kite")])
    for _ in range(8):
        found, _ = listing.page("default", project, {"q": "kite"}, clock.now_us())
        assert [session.id for session in found] == [made]
        assert search.hits("default", found, "kite")
        assert search.in_session("default", found[0], "kite").total == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        prepared = [row[0] for row in cursor.fetchall()]
    assert prepared
    assert not [one for one in prepared if "@@" in one]
