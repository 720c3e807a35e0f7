"""The house has doors in one direction: import-linter's contracts, and what a bare import costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.servers import PRODUCT_VARIABLES

ROOT = Path(__file__).parent.parent
HEAVY = ("django", "redis", "channels", "plotly")


def test_every_import_keeps_to_the_contracts() -> None:
    # In a process of its own: it configures logging anew, and no later test would see a line.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_store_without_a_redis_loads_none(tmp_path: Path) -> None:
    code = (
        "import sys, holdfast; session = holdfast.open('a'); session.append(role='user',"
        " content='b'); session.context(max_stale=5); print('redis' in sys.modules)"
    )
    kept = {name: value for name, value in os.environ.items() if name not in PRODUCT_VARIABLES}
    home = {"XDG_DATA_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**kept, **home},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == ["False"]


def test_importing_holdfast_loads_nothing_heavy() -> None:
    code = f"import sys, holdfast; print(*(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []
