"""The example site in its two forms, each with a server, made once for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guest.hosting import Guest, hosted, serving
from tests.guest.visiting import Visitor


@pytest.fixture(scope="session")
def guest(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Guest:
    """Holdfast's rows beside the site's own."""
    return hosted(installed, tmp_path_factory, "together")


@pytest.fixture(scope="session")
def apart(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Guest:
    """Holdfast's rows in a database of their own."""
    return hosted(installed, tmp_path_factory, "apart", OWN_DATABASE="1")


@pytest.fixture(scope="session")
def address(guest: Guest) -> Iterator[str]:
    """Where the site with everything in one database is."""
    with serving(guest) as found:
        yield found


@pytest.fixture(scope="session")
def address_apart(apart: Guest) -> Iterator[str]:
    """Where the site with two databases is."""
    with serving(apart) as found:
        yield found


@pytest.fixture(scope="session")
def vera(address: str) -> Visitor:
    """A member whose group may look."""
    return Visitor(address).sign_in("vera")


@pytest.fixture(scope="session")
def rita(address: str) -> Visitor:
    """The site's superuser."""
    return Visitor(address).sign_in("rita")
