"""Real agent runs, at budgets from the least to the whole: valid for every provider."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memory_app.context import FORMS
from sessions_app.core import errors
from sessions_app.store.base import Window
from tests.memory import rules
from tests.memory.conftest import Desk

SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "tau_airline_sample.json"


def sample() -> dict[str, Any]:
    if not SAMPLE.is_file():
        pytest.skip("the sample of agent runs is not beside this checkout")
    found: dict[str, Any] = json.loads(SAMPLE.read_text())
    return found


def test_every_budget_gives_a_context_a_provider_takes(desk: Desk) -> None:
    built = 0
    given = sample()
    for number, run in enumerate(given["sessions"]):
        session = desk.session(run["messages"], system=given["system_prompt"], policy="token_trim")
        log = desk.store.messages(desk.now(session), Window(limit=1_000))
        state = desk.store.state(desk.now(session))
        whole = desk.context(session).tokens
        for step in range(12):
            form = FORMS[(number + step) % 3]
            try:
                context = desk.context(session, tokens=whole * (step + 1) // 12, form=form)
            except errors.BudgetTooSmall as error:
                context = desk.context(session, tokens=error.details["least"], form=form)
            rules.check(context, log, state)
            built += 1
    assert built == 12 * len(given["sessions"]) > 0
