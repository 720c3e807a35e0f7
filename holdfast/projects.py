"""A project by its name, for those who have an alias and no store."""

from __future__ import annotations

from memory_app import projects
from sessions_app.models import Project
from sessions_app.store import get_store

LOCAL = projects.DEFAULT


def ensure_project(name: str = LOCAL, alias: str = "default") -> Project:
    """The project with this name, made with the default policies at first use."""
    return projects.ensure(get_store(alias), name)
