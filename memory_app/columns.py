"""Columns that the database itself keeps up to date, so that no writer can forget them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler


class LostItems(models.Func):
    """How many items a stored audit found lost; NULL where none was made.

    PostgreSQL would refuse a row of which it cannot read every string as its own text, so it looks
    for the number alone: no string of JSON holds an unescaped quote, so the name with quotes and a
    number behind it is a key.
    """

    arity = 1
    output_field = models.BigIntegerField()
    template = "CAST(JSON_EXTRACT(%(expressions)s, '$.lost_items') AS INTEGER)"

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **more: Any
    ) -> Any:
        number = """SUBSTRING(%(expressions)s FROM '"lost_items" *: *([0-9]{1,18})')::bigint"""
        return self.as_sql(compiler, connection, template=number, **more)
