"""Projects come with their policies; this is where the two apps meet."""

from __future__ import annotations

from memory_app import policies
from sessions_app.models import Project
from sessions_app.store import get_store

LOCAL = "default"


def ensure_project(name: str = LOCAL, alias: str = "default") -> Project:
    """The project with this name, made with the default policies at first use."""
    return get_store(alias).project(name, policies.defaults())
