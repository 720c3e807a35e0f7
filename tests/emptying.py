"""Tables are empty after a test with real commits, for the fewest commits.

Django empties every table after each such test and then makes its content types and permissions
anew, in a commit for each: ten waits for the disk, of which no test here needs one.
"""

from __future__ import annotations

from functools import cache

from django.core.management.color import no_style
from django.db import connections
from django.test import TransactionTestCase

# They stay as the migrations made them: Django's own, and nothing of ours writes them.
STAY = frozenset({"django_content_type", "auth_permission"})


def empty(alias: str) -> None:
    """Takes all rows out of a database, but those of STAY, in one transaction."""
    connection = connections[alias]
    tables = _tables(alias)
    if connection.vendor == "postgresql":
        # A table that is emptied is a new file there, and as many as its indexes.
        tables = _filled(alias)
    connection.ops.execute_sql_flush(
        connection.ops.sql_flush(no_style(), tables, allow_cascade=connection.vendor != "sqlite")
    )


@cache
def _tables(alias: str) -> list[str]:
    found = connections[alias].introspection.django_table_names(
        only_existing=True, include_views=False
    )
    return sorted(set(found) - STAY)


def _filled(alias: str) -> list[str]:
    """The tables that have a row."""
    connection = connections[alias]
    asked = " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})"
        for table in _tables(alias)
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return [table for (table,) in cursor.fetchall()]


def after_each(test: TransactionTestCase) -> None:
    """What a test of Django does at its end in place of `flush`."""
    for alias in test._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
        empty(alias)
