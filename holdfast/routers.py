"""Holdfast's tables in a database of their own: one line in a host site's DATABASE_ROUTERS."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from holdfast.bootstrap import OUR_LABELS, is_added
from sessions_app import auth


class HoldfastRouter:
    """Our models live in the database that HOLDFAST_DATABASE names, and nobody else's do.

    A site that wants tables of its own there puts a router that says so before this one.
    """

    def db_for_read(self, model: type[Model], **_hints: Any) -> str | None:
        return auth.alias() if model._meta.app_label in OUR_LABELS else None

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return self.db_for_read(model, **hints)

    def allow_migrate(self, db: str, app_label: str, **_hints: Any) -> bool | None:
        if app_label in OUR_LABELS:
            return db == auth.alias() or is_added(db)
        return False if db == auth.alias() != "default" else None
