"""Importers work on a store with one project, and on files of a folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importers.importing import Importing


@pytest.fixture
def importing(db: None, tmp_path: Path) -> Importing:
    return Importing(tmp_path)
