"""A database that is set back to an old backup while this process goes on."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model


class Backup:
    """The rows of all tables of ours as they are now; a host's own are elsewhere."""

    def __init__(self) -> None:
        models = [model for model in apps.get_models(include_auto_created=True) if _stored(model)]
        self._tables = {model._meta.db_table: _rows(model._meta.db_table) for model in models}

    def restore(self) -> None:
        """Puts them in the place of whatever there is. Nobody tells this process of it."""
        with transaction.atomic(), connection.cursor() as cursor:
            for table in self._tables:
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608
            for table, rows in self._tables.items():
                for row in rows:
                    marks = ", ".join(["%s"] * len(row))
                    cursor.execute(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608


def _stored(model: type[Model]) -> bool:
    return model._meta.managed and model._meta.db_table.startswith("holdfast_")


def _rows(table: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")  # noqa: S608
        return list(cursor.fetchall())
