"""Time as the database tells it, which passes when a test says so."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sessions_app.store import statements as sql
from sessions_app.store.database import Database


@dataclass
class DatabaseTime:
    """The database's clock, `ahead_us` microseconds ahead of what it really shows."""

    ahead_us: int = 0

    def passes(self, seconds: float) -> None:
        """So much later, at once."""
        self.ahead_us += round(seconds * 1_000_000)


@pytest.fixture
def database_time(monkeypatch: pytest.MonkeyPatch) -> DatabaseTime:
    """What every lease and claim is measured by, on both databases."""
    found, right = DatabaseTime(), Database.now_us
    monkeypatch.setattr(Database, "now_us", lambda self: right(self) + found.ahead_us)
    at_once = sql.append_at_once

    def later(many: int, *, keyed: bool) -> str:
        shown = f"(clock_timestamp() + interval '{found.ahead_us} microseconds')"
        return at_once(many, keyed=keyed).replace("clock_timestamp()", shown)

    monkeypatch.setattr(sql, "append_at_once", later)
    return found
