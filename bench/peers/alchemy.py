"""What the libraries on SQLAlchemy's async engine have in common."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from bench.ground import SQLITE, Place
from bench.peers.peer import ASKED


def address(place: Place, name: str) -> str:
    """A file of its own beside Holdfast's, or the same database."""
    if place.database == SQLITE:
        return f"sqlite+aiosqlite:///{place.address}-{name}.sqlite3"
    return place.address.replace("postgresql", "postgresql+asyncpg", 1)


async def asked(engine: AsyncEngine, database: str) -> Any:
    """How durable the engine's connections are, as the database says it."""
    async with engine.connect() as connection:
        return (await connection.exec_driver_sql(ASKED[database])).scalar()
