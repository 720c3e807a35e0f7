"""What a test notes of what is done meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from memory_app import context


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The version of each context that is built from now on."""
    versions: list[int] = []
    build = context.build

    def noted(*args: Any, **kwargs: Any) -> context.Context:
        made = build(*args, **kwargs)
        versions.append(made.version)
        return made

    monkeypatch.setattr(context, "build", noted)
    return versions
