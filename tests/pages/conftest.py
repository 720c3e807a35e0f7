from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from holdfast.projects import ensure_project
from sessions_app.models import Project
from sessions_app.store import get_store
from sessions_app.store.durable import DurableStore


@pytest.fixture
def local(settings: Settings) -> None:
    """One person on one machine: no login."""
    settings.HOLDFAST_LOCAL = True


@pytest.fixture
def project(db: None) -> Project:
    return ensure_project()


@pytest.fixture
def store() -> DurableStore:
    return get_store()


@pytest.fixture
def client() -> Client:
    """A browser on this machine."""
    return Client(SERVER_NAME="localhost")
