"""Sessions with something to fold, over HTTP."""

from __future__ import annotations

from typing import Any

from django.apps import apps

from tests.personas import Persona, answer

MORE = "It is a long way there, and the road goes up and down along the river and the sea."
SMALL = {"window": 1_000, "reserve": 0, "turns": 2, "summary": 100, "retained": 0.1}


def talk(first: int, turns: int) -> list[dict[str, Any]]:
    return [
        message
        for n in range(first, first + turns)
        for message in (
            {"role": "user", "content": f"Box {n}17 must not leave Porto. {MORE}"},
            {"role": "assistant", "content": f"I will hold box {n}17 at depot {n}4. {MORE}"},
        )
    ]


def filled(owner: Persona, turns: int = 12, **fields: Any) -> str:
    """The path of a new session of so many turns, which can be folded."""
    answer(owner.put("/policies/small", SMALL))
    made = owner.opened(policy="small", **fields)["id"]
    path = f"/sessions/{made}"
    if turns:
        answer(owner.post(f"{path}/messages", {"messages": talk(0, turns)}), 201)
    return path


def rows() -> dict[str, int]:
    """How many rows each table of ours has."""
    return {
        model._meta.db_table: model._base_manager.count()
        for model in apps.get_models()
        if model._meta.db_table.startswith("holdfast_")
    }
