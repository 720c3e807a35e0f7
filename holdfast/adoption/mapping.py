"""The mapping class of a site: which rows there are, and what each of them says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from holdfast.projects import LOCAL

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

Conversation = TypeVar("Conversation", bound="Model")
Row = TypeVar("Row", bound="Model")


class Adoption(Generic[Conversation, Row]):
    """A site's table of conversations and its table of messages.

    Rows outside the two querysets are as if they were not there: that is how deleted ones are left
    out. `conversation` is the field of a message that names its conversation. `order` is how a
    conversation reads, by fields that never change; rows alike in it go by primary key.
    """

    conversations: QuerySet[Conversation]
    messages: QuerySet[Row]
    conversation: str
    order: tuple[str, ...] = ("pk",)
    project: str = LOCAL

    def session(self, conversation: Conversation) -> Mapping[str, Any]:
        """What its session is made from: any of user, title, created_at, key, system, tools,
        policy, metadata, tags. Without a `key` it is `<model>:<pk>`."""
        return {}

    def message(self, row: Row) -> Mapping[str, Any] | None:
        """The row as `Session.append` takes a message, with its own `created_at`; None leaves it
        out. Where it raises ValueError, TypeError or LookupError the row is refused."""
        raise NotImplementedError

    def copy(self, row: Row) -> int:
        """Bring the session of this row's conversation up to date with the table, the row included;
        returns how many messages that stored, at most 500.

        Call it where the row is saved: inside `transaction.atomic()` both are saved or neither. A
        second call stores nothing. What cannot become a message is logged and left to the
        comparison; StoreBusy, StoreUnavailable and StorageFull are raised.
        """
        from holdfast import bootstrap

        alias = bootstrap.ready()
        from holdfast.adoption import copying  # needs Django ready

        return copying.copy(self, row, alias)
