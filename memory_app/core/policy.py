"""Policies: what a context may hold, how it is chosen and what is folded when, as validated data.

A policy is a JSON object. What a caller leaves out is filled in before it is stored, so a stored
version keeps its meaning whatever the defaults become.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import ceil
from typing import Any

from sessions_app.core import errors

FOLDING = ("rolling_summary", "selective", "key_facts")
"""Strategies under which a session is compressed when it fills up."""
STRATEGIES = ("last_turns", "token_trim", *FOLDING)
LARGEST_WINDOW = 10_000_000
MOST_CATEGORIES, MOST_PHRASES, LONGEST_PHRASE, MOST_NAME = 32, 32, 100, 64
LONGEST_NAME = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONGEST = 10 * 366 * 86_400
"""Ten years in seconds."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a session's contexts.

    `window` is the model's context window and `reserve` what is kept free for its answer, in
    tokens. `last_turns` shows at most the newest `turns` turns, `token_trim` as much as fits. The
    others fold old turns once the session fills up to the first of `marks` (shares of window -
    reserve): into a summary that rolls on (`rolling_summary`), into what scores highest word for
    word (`selective`), or into a list of key facts (`key_facts`), which is also what
    `rolling_summary` does from the second mark on. `turns` are kept then, at the most.

    `summary` is the size of a summary in tokens or, where that is more, `summary_share` of the
    window; `retained` the share of a context that messages kept word for word may take, `facts`
    that of facts, and `recalled` that of values from earlier tool results and of earlier turns that
    answer a question, where not everything fits. A summary is refused when less than `floor` of
    what it folds is carried by it,
    by facts or by retained messages. A session that nothing happened in for `idle` seconds is
    folded while it rests; one that goes on after `resume` seconds begins with a note of what was.

    With `learn` what users say of themselves becomes facts of theirs; `categories` are kinds of
    statements beside those that are known, each with the phrases its sentences begin with. A
    preference that nobody confirmed for `preference_days` is to be asked again.
    """

    window: int = 128_000
    reserve: int = 8_000
    strategy: str = "rolling_summary"
    turns: int = 12
    marks: tuple[float, ...] = (0.6, 0.8, 0.9)
    summary: int = 250
    summary_share: float = 0.03
    retained: float = 0.15
    facts: float = 0.1
    recalled: float = 0.75
    floor: float = 0.9
    idle: int = 3_600
    resume: int = 7 * 86_400
    learn: bool = True
    categories: tuple[tuple[str, tuple[str, ...]], ...] = ()
    preference_days: int = 30

    @property
    def capacity(self) -> int:
        """Tokens that a context may hold: the window less the reserve."""
        return self.window - self.reserve

    @property
    def folds(self) -> bool:
        """Whether sessions are compressed under it."""
        return self.strategy in FOLDING

    @property
    def summary_tokens(self) -> int:
        """What a summary may take; never over a quarter of a small window."""
        return min(max(self.summary, int(self.window * self.summary_share)), self.capacity // 4)

    @property
    def due_tokens(self) -> int:
        """The active tokens from which a session is to be compressed."""
        return ceil(self.capacity * self.marks[0])

    @property
    def notice_tokens(self) -> int:
        """The active tokens from which it is nearly full."""
        return ceil(self.capacity * self.marks[2])


DEFAULTS: Mapping[str, Policy] = {
    "default": Policy(),
    "key_facts": Policy(strategy="key_facts"),
    "last_turns": Policy(strategy="last_turns"),
    "selective": Policy(strategy="selective", retained=0.4),
    "token_trim": Policy(strategy="token_trim"),
}
MEANINGS: Mapping[str, str] = {
    "window": "the model's context window, in tokens",
    "reserve": "what is kept free for the answer",
    "strategy": "`rolling_summary`: old turns are folded into a summary when the session fills up, "
    "from the second mark on into key facts; `key_facts`: always into key facts; `selective`: what "
    "matters most stays word for word; `last_turns`: at most the newest `turns` turns; "
    "`token_trim`: as much as fits",
    "turns": "turns that are kept, at the most: by a fold, or by `last_turns`",
    "marks": "shares of window less reserve: a session is folded, folded into key facts, nearly "
    "full",
    "summary": "the size of a summary, in tokens",
    "summary_share": "… or this share of the window where that is more; never above a quarter of "
    "window less reserve",
    "retained": "the share of a context for folded messages that stay word for word",
    "facts": "the share of a context for facts",
    "recalled": "the share of a context for values of earlier tool results and for earlier turns "
    "that answer its `query`, where not everything fits",
    "floor": "a fold is refused when summary, facts and what stays carry less than this share of "
    "what it folds (messages that a rule discards are listed with what is lost and do not count)",
    "idle": "seconds without a message after which a session is folded while it rests",
    "resume": "seconds of a pause after which a session that goes on begins with a note of where "
    "it stood",
    "learn": "what users say of themselves becomes facts",
    "categories": "kinds of statements of your own: names with 1 to 32 phrases that their "
    "sentences begin with",
    "preference_days": "days after which a preference that nobody confirmed is to be asked again",
}
"""What each field means; the API's document, the reference and the pages say it in these words."""
_DEFAULT = Policy()
_NAMES = tuple(item.name for item in fields(Policy))


def is_name(name: str) -> bool:
    """Whether a policy may have this name."""
    return len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None


def named(name: str) -> str:
    """A name that a policy may have. Raises TooLong, InvalidField."""
    if len(name) > LONGEST_NAME:
        raise errors.TooLong(
            f"A policy's name has at most {LONGEST_NAME} characters.", param="name"
        )
    if not is_name(name):
        raise errors.InvalidField(
            "A policy's name is made of letters, digits, `.`, `_` and `-`.", param="name"
        )
    return name


def read(data: Mapping[str, Any]) -> Policy:
    """The policy that `data` describes. Raises UnknownField, InvalidField, NumberOutOfRange with
    the field's name."""
    for name in data:
        if name not in _NAMES:
            raise errors.UnknownField(
                f"A policy has no field {name!r}; it has {', '.join(_NAMES)}.", param=name
            )
    policy = Policy(
        window=_integer(data, "window", (256, LARGEST_WINDOW)),
        reserve=_integer(data, "reserve", (0, LARGEST_WINDOW)),
        strategy=_strategy(data.get("strategy", _DEFAULT.strategy)),
        turns=_integer(data, "turns", (1, 10_000)),
        marks=_marks(data.get("marks", _DEFAULT.marks)),
        summary=_integer(data, "summary", (32, LARGEST_WINDOW)),
        summary_share=_share(data, "summary_share", 0.25),
        retained=_share(data, "retained", 0.9),
        facts=_share(data, "facts", 0.5),
        recalled=_share(data, "recalled", 0.8),
        floor=_share(data, "floor", 1),
        idle=_integer(data, "idle", (1, LONGEST)),
        resume=_integer(data, "resume", (1, LONGEST)),
        learn=_flag(data, "learn"),
        categories=_categories(data.get("categories", {})),
        preference_days=_integer(data, "preference_days", (1, LONGEST // 86_400)),
    )
    if policy.capacity < 128:
        raise errors.InvalidField(
            "The reserve must leave at least 128 tokens of the window.", param="reserve"
        )
    return policy


def as_json(policy: Policy) -> dict[str, Any]:
    """All fields of a policy as JSON data."""
    categories = {name: list(phrases) for name, phrases in policy.categories}
    return {**asdict(policy), "marks": list(policy.marks), "categories": categories}


def _integer(data: Mapping[str, Any], name: str, bounds: tuple[int, int]) -> int:
    value = data.get(name, getattr(_DEFAULT, name))
    if not isinstance(value, int) or isinstance(value, bool):
        raise errors.InvalidField(f"`{name}` must be a whole number.", param=name)
    least, most = bounds
    if not least <= value <= most:
        raise errors.NumberOutOfRange(f"`{name}` must be {least} to {most}.", param=name)
    return value


def _share(data: Mapping[str, Any], name: str, most: float) -> float:
    value = data.get(name, getattr(_DEFAULT, name))
    if not _is_number(value):
        raise errors.InvalidField(f"`{name}` must be a number.", param=name)
    if not 0 <= value <= most:
        raise errors.NumberOutOfRange(f"`{name}` must be 0 to {most}.", param=name)
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flag(data: Mapping[str, Any], name: str) -> bool:
    value = data.get(name, getattr(_DEFAULT, name))
    if not isinstance(value, bool):
        raise errors.InvalidField(f"`{name}` must be true or false.", param=name)
    return value


def _categories(value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, Mapping):
        raise errors.InvalidField(
            "`categories` must be an object: names with the phrases that tell them.",
            param="categories",
        )
    if len(value) > MOST_CATEGORIES:
        raise errors.TooLong(f"At most {MOST_CATEGORIES} categories.", param="categories")
    return tuple((name, _phrases(name, phrases)) for name, phrases in value.items())


def _phrases(name: str, value: Any) -> tuple[str, ...]:
    place = f"categories.{name}"
    if not (isinstance(name, str) and 0 < len(name) <= MOST_NAME):
        raise errors.InvalidField(
            f"A category's name has 1 to {MOST_NAME} characters.", param="categories"
        )
    if not (isinstance(value, list | tuple) and 0 < len(value) <= MOST_PHRASES):
        raise errors.InvalidField(
            f"`{place}` must be a list of 1 to {MOST_PHRASES} phrases.", param=place
        )
    for phrase in value:
        if not (isinstance(phrase, str) and phrase.strip() and len(phrase) <= LONGEST_PHRASE):
            raise errors.InvalidField(
                f"A phrase of `{place}` has 1 to {LONGEST_PHRASE} characters.", param=place
            )
    return tuple(value)


def _strategy(value: Any) -> str:
    if value not in STRATEGIES:
        raise errors.InvalidField(
            f"`strategy` must be one of {', '.join(STRATEGIES)}.", param="strategy"
        )
    return str(value)


def _marks(value: Any) -> tuple[float, ...]:
    numbers = value if isinstance(value, list | tuple) else ()
    valid = all(map(_is_number, numbers))
    if not (len(numbers) == 3 and valid and 0 < numbers[0] < numbers[1] < numbers[2] <= 1):
        raise errors.InvalidField(
            "`marks` must be three rising numbers above 0 and up to 1.", param="marks"
        )
    return tuple(float(item) for item in numbers)
