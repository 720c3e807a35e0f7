"""Policies: what a context may hold and how it is chosen, as validated data.

A policy is a JSON object. What a caller leaves out is filled in before it is stored, so a stored
version keeps its meaning whatever the defaults become.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sessions_app.core import errors

STRATEGIES = ("last_turns", "token_trim")
LARGEST_WINDOW = 10_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a session's contexts.

    `window` is the model's context window and `reserve` what is kept free for its answer, in
    tokens. `last_turns` shows at most the newest `turns` turns, `token_trim` as much as fits.
    `marks` are the shares of window - reserve at which a session counts as filling up.
    """

    window: int = 128_000
    reserve: int = 8_000
    strategy: str = "last_turns"
    turns: int = 12
    marks: tuple[float, ...] = (0.6, 0.8, 0.9)

    @property
    def capacity(self) -> int:
        """Tokens that a context may hold: the window less the reserve."""
        return self.window - self.reserve


DEFAULTS: Mapping[str, Policy] = {
    "default": Policy(),
    "token_trim": Policy(strategy="token_trim"),
}
_DEFAULT = Policy()
_NAMES = tuple(item.name for item in fields(Policy))


def read(data: Mapping[str, Any]) -> Policy:
    """The policy that `data` describes. Raises UnknownField, InvalidField, NumberOutOfRange with
    the field's name."""
    for name in data:
        if name not in _NAMES:
            raise errors.UnknownField(
                f"A policy has no field {name!r}; it has {', '.join(_NAMES)}.", param=name
            )
    window = _integer(data, "window", (256, LARGEST_WINDOW))
    policy = Policy(
        window=window,
        reserve=_integer(data, "reserve", (0, LARGEST_WINDOW)),
        strategy=_strategy(data.get("strategy", _DEFAULT.strategy)),
        turns=_integer(data, "turns", (1, 10_000)),
        marks=_marks(data.get("marks", _DEFAULT.marks)),
    )
    if policy.capacity < 128:
        raise errors.InvalidField(
            "The reserve must leave at least 128 tokens of the window.", param="reserve"
        )
    return policy


def as_json(policy: Policy) -> dict[str, Any]:
    """All fields of a policy as JSON data."""
    return {**asdict(policy), "marks": list(policy.marks)}


def _integer(data: Mapping[str, Any], name: str, bounds: tuple[int, int]) -> int:
    value = data.get(name, getattr(_DEFAULT, name))
    if not isinstance(value, int) or isinstance(value, bool):
        raise errors.InvalidField(f"`{name}` must be a whole number.", param=name)
    least, most = bounds
    if not least <= value <= most:
        raise errors.NumberOutOfRange(f"`{name}` must be {least} to {most}.", param=name)
    return value


def _strategy(value: Any) -> str:
    if value not in STRATEGIES:
        raise errors.InvalidField(
            f"`strategy` must be one of {', '.join(STRATEGIES)}.", param="strategy"
        )
    return str(value)


def _marks(value: Any) -> tuple[float, ...]:
    numbers = value if isinstance(value, list | tuple) else ()
    valid = all(isinstance(item, int | float) and not isinstance(item, bool) for item in numbers)
    if not (len(numbers) == 3 and valid and 0 < numbers[0] < numbers[1] < numbers[2] <= 1):
        raise errors.InvalidField(
            "`marks` must be three rising numbers above 0 and up to 1.", param="marks"
        )
    return tuple(float(item) for item in numbers)
