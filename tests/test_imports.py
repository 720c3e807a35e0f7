"""The house has doors in one direction: import-linter's contracts, and what a bare import costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEAVY = ("django", "redis", "channels", "plotly")


def test_every_import_keeps_to_the_contracts() -> None:
    # In a process of its own: it configures logging anew, and no later test would see a line.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_importing_holdfast_loads_nothing_heavy() -> None:
    code = f"import sys, holdfast; print(*(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []
