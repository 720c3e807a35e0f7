"""A site's two tables, read through its mapping: rows by key, and rows as messages.

Rows are found by primary key and never by OFFSET, and no cursor stays open between two batches:
a run may last for hours beside the site that writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.utils import timezone

from holdfast.adoption.mapping import Adoption
from sessions_app import bodies
from sessions_app.core import errors, fields, messages
from sessions_app.core.messages import Message
from sessions_app.importers import base, values
from sessions_app.store.base import NewSession

PAGE = 500

Rows = Adoption[Any, Any]


class Unfit(Exception):
    """A row that cannot become a message, or a conversation no session; the message says why."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a row became: no messages when the mapping leaves it out. `mended` tells that characters
    or numbers which cannot be stored were replaced."""

    source: str
    found: tuple[Message, ...] = ()
    mended: bool = False


class Tables:
    """The rows of an adoption."""

    def __init__(self, adoption: Rows) -> None:
        self.adoption = adoption
        self._order = adoption.order if "pk" in adoption.order else (*adoption.order, "pk")
        self._link = adoption.messages.model._meta.get_field(adoption.conversation)
        self._names = (_name(adoption.conversations), _name(adoption.messages))

    # -- conversations -----------------------------------------------------------------------

    def conversations(self) -> Iterator[Model]:
        """Every conversation, by primary key."""
        rows = self.adoption.conversations.order_by("pk")
        page = list(rows[:PAGE])
        while page:
            yield from page
            page = list(rows.filter(pk__gt=page[-1].pk)[:PAGE])

    def conversation_of(self, row: Model) -> Model | None:
        """The conversation of a row, if it is one of those to be adopted."""
        key = getattr(row, self.adoption.conversation)
        pk = key.pk if isinstance(key, Model) else key
        return self.adoption.conversations.filter(pk=pk).first()

    def name(self, conversation: Model) -> str:
        """What a conversation is called in keys, metadata and reports, such as `chat:7`."""
        return f"{self._names[0]}:{conversation.pk}"

    def gone(self, names: list[str]) -> list[str]:
        """Which of these names of conversations have no row."""
        keys = {name.partition(":")[2]: name for name in names}
        found = self.adoption.conversations.filter(pk__in=list(keys)).values_list("pk", flat=True)
        there = set(map(str, found))
        return [name for key, name in keys.items() if key not in there]

    def names_conversation(self, name: object) -> bool:
        """Whether this is the name of a conversation that has or had a row."""
        if not isinstance(name, str) or not name.startswith(f"{self._names[0]}:"):
            return False
        key = self.adoption.conversations.model._meta.pk
        with suppress(ValidationError):
            return str(key.to_python(name.partition(":")[2])) == name.partition(":")[2]
        return False

    def session(self, conversation: Model) -> NewSession:
        """The session it becomes. Raises Unfit."""
        given = dict(_heard(self.adoption.session, conversation))
        name = self.name(conversation)
        given["key"] = str(given.get("key") or name)
        given["user"] = None if given.get("user") is None else str(given["user"])
        try:
            at = _instant(given.pop("created_at", None))
            given["metadata"] = {**(given.get("metadata") or {}), "source": name}
            checked, _ = values.checked(given, 0)
            new = bodies.new_session(fields.read(checked, bodies.OPENED))
        except (errors.InvalidRequest, base.Unreadable, TypeError) as error:
            raise Unfit(_reason(error)) from None
        return replace(new, at=None if at is None else messages.instant(at))

    # -- messages ----------------------------------------------------------------------------

    def rows(self, conversation: Model) -> list[Any]:
        """The primary keys of a conversation's rows, in order."""
        return list(self._rows(conversation).order_by(*self._order).values_list("pk", flat=True))

    def newest(self, conversation: Model, limit: int) -> list[Any]:
        """The last `limit` of them, in order."""
        rows = self._rows(conversation).order_by(*self._order).reverse()
        return list(rows.values_list("pk", flat=True)[:limit])[::-1]

    def picked(self, keys: list[Any]) -> Iterator[Model]:
        """The rows with these primary keys, in that order; one that is gone is left out."""
        found = self.adoption.messages.in_bulk(keys)
        return (found[key] for key in keys if key in found)

    def outside(self) -> int:
        """How many rows belong to no conversation that is adopted."""
        inside = {f"{self.adoption.conversation}__in": self.adoption.conversations.values("pk")}
        return self.adoption.messages.exclude(**inside).count()

    def source(self, key: Any) -> str:
        """What a row is called in metadata and reports, such as `chatmessage:123`."""
        return f"{self._names[1]}:{key}"

    def said(self, row: Model) -> Said:
        """What a row becomes. Raises Unfit."""
        source = self.source(row.pk)
        given = _heard(self.adoption.message, row)
        if given is None:
            return Said(source)
        try:
            payload, mended = _payload(given, source)
            found = messages.read(payload, limits=base.LIMITS)
        except (errors.InvalidRequest, base.Unreadable, TypeError) as error:
            raise Unfit(_reason(error)) from None
        if not any(_says_something(message) for message in found):
            raise Unfit("`content` is empty")
        return Said(source, tuple(found), mended)

    def _rows(self, conversation: Model) -> QuerySet[Any]:
        named = conversation if self._link.is_relation else conversation.pk
        return self.adoption.messages.filter(**{self.adoption.conversation: named})


def _name(rows: QuerySet[Any]) -> str:
    return str(rows.model._meta.model_name)


def _heard(mapping: Any, row: Model) -> Any:
    """What the site's mapping makes of a row; what it raises for data it did not expect is a
    reason, what else it raises is a bug in it."""
    try:
        return mapping(row)
    except (ValueError, TypeError, LookupError) as error:
        raise Unfit(f"{type(error).__name__}: {error}") from error


def _payload(given: Mapping[str, Any], source: str) -> tuple[dict[str, Any], bool]:
    marks = {**(given.get("metadata") or {}), "source": source}
    at = _instant(given.get("created_at"))
    payload, mended = values.checked({**given, "created_at": at, "metadata": marks}, 0)
    if mended:
        payload["metadata"]["repaired"] = True
    return payload, mended


def _instant(given: object) -> Any:
    """A time as text; one without a zone is in the site's own."""
    if not isinstance(given, datetime):
        return given
    return (timezone.make_aware(given) if timezone.is_naive(given) else given).isoformat()


def _says_something(message: Message) -> bool:
    content = message.body.get("content")
    return not isinstance(content, str) or bool(
        content.strip() or message.role == "tool" or message.body.get("tool_calls")
    )


def _reason(error: Exception) -> str:
    if isinstance(error, base.Unreadable):
        return error.reason
    return str(error).rstrip(".")
