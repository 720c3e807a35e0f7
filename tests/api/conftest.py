from __future__ import annotations

import pytest

from tests.personas import Persona, persona


@pytest.fixture
def owner(db: None) -> Persona:
    """Has every right in the project."""
    return persona("default", "admin")


@pytest.fixture
def writer(owner: Persona) -> Persona:
    """May read and write in the owner's project, but not administer it."""
    return persona(owner.project.name, "write")


@pytest.fixture
def teammate(owner: Persona) -> Persona:
    """May only read in the owner's project."""
    return persona(owner.project.name, "read")


@pytest.fixture
def stranger(db: None) -> Persona:
    """Has every right in another project."""
    return persona("elsewhere", "admin")
