"""A policy as fields of a form: texts to edit, and what is wrong with each of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from memory_app.core import policy as rules
from memory_app.core.policy import Policy
from sessions_app.core.errors import HoldfastError

FIELDS = tuple(rules.MEANINGS)
LONGEST_TEXT = 20_000
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"(?:\d{1,9}(?:\.\d{1,22})?|\.\d{1,22})(?:e-\d{1,3})?", re.ASCII)
"""Also as a number is written that the API has stored: 0.8333333333333334, 1e-05."""
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "strategy": rules.STRATEGIES,
    "learn": ("true", "false"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field as it is shown. `text` is what stands in it, `default` what it would be if nobody
    said anything, `wrong` what is wrong with it, `choices` are (value, chosen)."""

    name: str
    meaning: list[tuple[str, bool]]
    text: str
    default: str
    changed: bool = False
    wrong: str = ""
    choices: tuple[tuple[str, bool], ...] = ()
    long: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """What was typed: the data that it says, the policy if it is one, what is wrong by field."""

    texts: Mapping[str, str]
    data: Mapping[str, Any]
    policy: Policy | None
    wrong: Mapping[str, str] = field(default_factory=dict)


def texts(policy: Policy) -> dict[str, str]:
    """The fields of a policy as texts to edit."""
    return {name: _text(value) for name, value in rules.as_json(policy).items()}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return orjson.dumps(value).decode() if value else ""
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def filled(typed: Mapping[str, str]) -> Filled:
    """What the texts say. The rules are asked for each field by itself, so that each is told what
    is wrong with it, and then for all together."""
    data = {name: _value(name, typed[name]) for name in FIELDS if name in typed}
    wrong = {name: why for name, value in data.items() if (why := _alone(name, value))}
    policy = None
    if not wrong:
        try:
            policy = rules.read(data)
        except HoldfastError as error:
            wrong = {_field(error): error.message}
    return Filled(typed, data, policy, wrong)


def _alone(name: str, value: Any) -> str:
    try:
        rules.read({name: value})
    except HoldfastError as error:
        # The reserve is measured by a window, which is not the default one's.
        if _field(error) == name and not (name == "reserve" and _is_whole(value)):
            return error.message
    return ""


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and value <= rules.LARGEST_WINDOW


def _field(error: HoldfastError) -> str:
    return str(error.param).partition(".")[0]


def _value(name: str, text: str) -> Any:
    """What a text says; one that says nothing of the kind is left for the rules to refuse."""
    text = text.strip()
    kind = type(getattr(Policy(), name))
    if name == "marks":
        return [_number(part.strip()) for part in text.split(",")]
    if name == "categories":
        return _categories(text)
    if kind is bool:
        return {"true": True, "false": False}.get(text, text)
    if kind is int:
        return int(text) if _WHOLE.fullmatch(text) else text
    return _number(text) if kind is float else text


def _number(text: str) -> Any:
    return float(text) if _NUMBER.fullmatch(text) else text


def _categories(text: str) -> Any:
    try:
        return orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return text


def fields(typed: Mapping[str, str], stored: Policy, wrong: Mapping[str, str]) -> list[Field]:
    """Every field, with what was typed or else what is stored."""
    before, default = texts(stored), texts(Policy())
    return [
        Field(
            name,
            _meaning(name),
            typed.get(name, before[name]),
            default[name] or "none",
            typed.get(name, before[name]) != before[name],
            wrong.get(name, ""),
            _choices(name, typed.get(name, before[name])),
            long=name == "categories",
        )
        for name in FIELDS
    ]


def _choices(name: str, text: str) -> tuple[tuple[str, bool], ...]:
    values = _CHOICES.get(name, ())
    if text not in values and values:
        values = (*values, text)
    return tuple((value, value == text) for value in values)


def _meaning(name: str) -> list[tuple[str, bool]]:
    """The meaning in pieces, each with whether it is code."""
    parts = rules.MEANINGS[name].split("`")
    return [(part, bool(at % 2)) for at, part in enumerate(parts) if part]


def changes(before: Policy, after: Policy) -> list[tuple[str, str, str]]:
    """What one version of a policy has otherwise than another: the field, before, after."""
    old, new = texts(before), texts(after)
    return [
        (name, old[name] or "none", new[name] or "none")
        for name in FIELDS
        if old[name] != new[name]
    ]
