"""Columns that the database itself keeps up to date, so that no writer can forget them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler


class LostItems(models.Func):
    """How many items a stored audit found lost; NULL where none was made. Only whole numbers
    count on PostgreSQL, where a cast of anything else would refuse the row."""

    arity = 1
    output_field = models.BigIntegerField()
    template = "JSON_EXTRACT(%(expressions)s, '$.lost_items')"

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any
    ) -> Any:
        number = "SUBSTRING((%(expressions)s)::json ->> 'lost_items' FROM '^[0-9]{1,18}$')::bigint"
        return self.as_sql(compiler, connection, template=number, **more)
