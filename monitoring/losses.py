"""What other tools lost when they compacted sessions, in the words a person sees first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from . import amounts, fate, ledger

MOST_SESSIONS, MOST_ITEMS = 6, 5
"""That are named on the page; of the rest it says how many there are, and leads there."""
MOST_KINDS = 3
PLURALS = {"code": "code words"}
WORDS = 120


class Compacted(Protocol):
    """What a tool compacted by itself."""

    @property
    def tool(self) -> str: ...
    @property
    def sessions(self) -> int: ...
    @property
    def lost(self) -> int: ...


class Audited(NamedTuple):
    """A compaction that lost something: its id, the number of its session, its audit as stored."""

    id: UUID
    session: int
    audit: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """A lost item, and the message that said it."""

    seq: int
    kind: str
    text: str
    subject: str


@dataclass(slots=True)
class Group:
    """What was lost of a session: the first items, how many there are, and where all stand."""

    session: int
    compression: UUID
    items: list[Item] = field(default_factory=list)
    lost: int = 0
    compactions: int = 0

    @property
    def only(self) -> bool:
        """Whether one compaction lost it all."""
        return self.compactions == 1

    @property
    def more(self) -> int:
        return self.lost - len(self.items)


def sentence(compacted: Sequence[Compacted], audited: Sequence[Audited] = ()) -> str:
    """How many sessions were compacted, by whom, and how much was lost in it, of which kinds where
    `audited` says so; "" where nothing was compacted."""
    if not compacted:
        return ""
    return f"{_by_whom(compacted)}; {_lost(sum(one.lost for one in compacted), audited)}."


def _by_whom(compacted: Sequence[Compacted]) -> str:
    first, *others = compacted
    were = "was" if first.sessions == 1 else "were"
    said = f"{first.sessions:,} of your sessions {were} compacted by {ledger.tool(first.tool)}"
    return listed([said, *(f"{one.sessions:,} by {ledger.tool(one.tool)}" for one in others)])


def _lost(number: int, audited: Sequence[Audited]) -> str:
    """Of few kinds the items are called by them; of many, the most frequent ones are named."""
    if not number:
        return "nothing that was audited was lost"
    were = "was" if number == 1 else "were"
    kinds = _kinds(audited)
    named = listed([plural(kind, number) for kind, _ in kinds.most_common(MOST_KINDS)])
    if kinds.total() == number and len(kinds) <= MOST_KINDS:
        return f"{number:,} {named} {were} lost"
    most = f", mostly {named}" if named else ""
    return f"{number:,} item{'s' * (number != 1)} {were} lost{most}"


def _kinds(audited: Iterable[Audited]) -> Counter[str]:
    """How many items of each kind these lost."""
    found: Counter[str] = Counter()
    for one in audited:
        for kind, share in (one.audit.get("kept") or {}).items():
            found[kind] += share["all"] - share["kept"]
    return +found


def plural(kind: str, number: int = 2) -> str:
    """A kind of items as it is spoken of."""
    return kind if number == 1 else PLURALS.get(kind, f"{kind}s")


def listed(names: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    *some, last = names or [""]
    return f"{', '.join(some)} and {last}" if some else last


def groups(audited: Iterable[Audited]) -> list[Group]:
    """What was lost, by session, in the order given; the first few items of the first few."""
    found: dict[int, Group] = {}
    for one in audited:
        if one.session not in found and len(found) == MOST_SESSIONS:
            continue
        group = found.setdefault(one.session, Group(one.session, one.id))
        group.compactions += 1
        group.lost += fate.lost_in(one.audit) or 0
        group.items += islice(_items(one.audit), MOST_ITEMS - len(group.items))
    return list(found.values())


def _items(audit: Mapping[str, Any]) -> Iterator[Item]:
    """The first of each kind, then the second of each: a few of many show what there is."""
    seen: Counter[str] = Counter()
    turns = []
    for item in audit.get("lost") or ():
        turns.append((seen[str(item["kind"])], item))
        seen[str(item["kind"])] += 1
    for _, item in sorted(turns, key=itemgetter(0)):
        text, subject = str(item["text"]), str(item.get("subject") or "")
        yield Item(
            item["seq"], str(item["kind"]), amounts.cut(text, WORDS), amounts.cut(subject, WORDS)
        )
