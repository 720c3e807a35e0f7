"""What the facade answers with: the objects of the HTTP contract as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import orjson

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Appended:
    """An acknowledged append. `messages` holds `{seq, id, version, tokens}` for each message,
    `version` is the session's after it; `durable_by` says what will make it durable if it is not.
    """

    version: int
    messages: tuple[Json, ...]
    budget: Json
    notices: tuple[Json, ...]
    durable: bool
    durable_by: str | None = None

    @property
    def seq(self) -> int:
        """The seq of the last message."""
        return int(self.messages[-1]["seq"])

    @property
    def seqs(self) -> tuple[int, ...]:
        """The seq of every message, in order."""
        return tuple(int(message["seq"]) for message in self.messages)

    @property
    def id(self) -> str:
        """The public id of the last message."""
        return str(self.messages[-1]["id"])


@dataclass(frozen=True, slots=True)
class Changed:
    """A session's version after a change, and how durable the change is."""

    version: int
    durable: bool
    durable_by: str | None = None


class Unread(NamedTuple):
    """JSON that nobody has looked at yet."""

    text: bytes


@dataclass(frozen=True)  # no slots: see _WhenRead
class Context:
    """The messages for one inference call, and why they are these.

    `messages` (and for Anthropic `system`) go to the provider's client as they are. Tokens: the
    answer uses `tokens` of `limit`. `parts`, `left_out`, `near_misses` and `notices` are as in
    the HTTP contract.
    """

    id: str
    session: str
    version: int
    messages: list[Json]
    tokens: int
    budget: Json
    parts: list[Json]
    left_out: list[Json]
    near_misses: list[Json]
    stable_prefix_tokens: int
    mode: str
    notices: list[Json]
    digest: str
    took_ms: float
    system: Any = None
    tools: list[Json] = field(default_factory=list)
    format: str = "openai"
    policy: Any = None

    @property
    def limit(self) -> int:
        """The most tokens this context could have had."""
        return int(self.budget["limit"])

    def as_json(self) -> Json:
        """The object of the HTTP contract."""
        return {name: getattr(self, name) for name in _CONTEXT}


class _WhenRead:
    """Parses what a context left out for the first who looks at it: most never do, and it may be
    longer than the messages. An attribute of the context itself goes before this one."""

    def __get__(self, context: Context | None, _: type[Context] | None = None) -> Any:
        if context is None:
            return self
        here = vars(context)
        if _UNREAD not in here:
            raise AttributeError("left_out")
        return here.setdefault("left_out", orjson.loads(here[_UNREAD]))


_UNREAD = "_unread"
setattr(Context, "left_out", _WhenRead())  # noqa: B010 - to mypy it is the list that it gives


@dataclass(frozen=True, slots=True)
class UserContext:
    """What is remembered of a user, as one block for any prompt: `text`, which is empty where
    nothing is known or nothing fits. `facts` are the ids of those in it, `left_out` counts others.
    """

    user: str
    text: str = ""
    tokens: int = 0
    facts: tuple[str, ...] = ()
    left_out: int = 0

    def __str__(self) -> str:
        return self.text


_CONTEXT = tuple(item.name for item in fields(Context))


def appended(answer: Mapping[str, Any]) -> Appended:
    """An append's answer of the contract as a value."""
    return Appended(
        answer["version"],
        tuple(answer["messages"]),
        answer["budget"],
        tuple(answer["notices"]),
        answer["durable"],
        answer.get("durable_by"),
    )


def changed(answer: Mapping[str, Any]) -> Changed:
    """Any other change's answer as a value."""
    return Changed(answer["version"], answer["durable"], answer.get("durable_by"))


def context(answer: Mapping[str, Any]) -> Context:
    """A context of the contract as a value; what a newer server adds is left out."""
    told = {name: answer[name] for name in _CONTEXT if name in answer}
    left_out = told["left_out"]
    if not isinstance(left_out, Unread):
        return Context(**told)
    found = Context(**told)
    vars(found)[_UNREAD] = left_out.text
    del vars(found)["left_out"]
    return found


def user_context(answer: Mapping[str, Any]) -> UserContext:
    """A user's block of the contract as a value."""
    told = {name: answer[name] for name in ("user", "text", "tokens", "left_out")}
    return UserContext(facts=tuple(answer["facts"]), **told)
