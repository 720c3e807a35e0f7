"""What a text must carry so that nothing is lost silently.

An item is a number, a date, a name, an id, a path, a code word, a negation or a promise, together
with its subject: the nouns it belongs to. A text carries an item only when it says the same value
of the same subject: figures without their nouns, figures of something else and a sentence without
its "not" carry nothing. All rules are about form; nothing is understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from memory_app.core import marks, pacing
from memory_app.core.figures import Key
from memory_app.core.marks import Mark
from memory_app.core.passages import Passage
from memory_app.core.scope import Scope, scopes, subject_stems
from memory_app.core.tongues import WILL

KINDS = ("number", "date", "name", "id", "path", "code", "negation", "promise")
_EXACT = frozenset(("id", "path", "code"))
_PHRASES = frozenset(("negation", "promise"))
_BOUND = _PHRASES | {"name"}
"""Kinds that are nothing without a subject: "No." and "Hey Ann!" are no items."""


class Item(NamedTuple):
    """`text` as it stands in the message, `subject` the words it belongs to; "" without any."""

    kind: str
    text: str
    subject: str
    seq: int


Quote = tuple[str, tuple[Item, ...]]
"""A sentence and the items it holds."""


def items(passage: Passage) -> list[Item]:
    """What is audited in one message, in order, without doubles."""
    return list(dict.fromkeys(item for _, found in _quotes(passage) for item in found))


def whole(passage: Passage) -> bool:
    """Whether all of a message is looked at; of a longer text only the beginning is."""
    return all(len(text) <= marks.MOST for text in _texts(passage))


def quotes(passage: Passage) -> list[Quote]:
    """The sentences that hold audited items, each with its items. They are word for word of the
    message's text, or of the arguments of its calls, and at most `marks.LONGEST` characters."""
    return [quote for quote in _quotes(passage) if quote[1]]


def plain(passage: Passage) -> list[str]:
    """The sentences that hold no item, or none that an earlier one does not hold."""
    return [text for text, held in _quotes(passage) if not held]


# The summariser, the audit and the facts of one compression all ask for the same messages.
@lru_cache(maxsize=4_096)
def _quotes(passage: Passage) -> tuple[Quote, ...]:
    """All sentences, each with the items that stand there first."""
    pacing.step()
    seen: set[Item] = set()
    found: list[Quote] = []
    for text in _texts(passage):
        for scope in scopes(text):
            new: tuple[Item, ...] = ()
            if scope.sentence.marks:
                held = dict.fromkeys(_held(scope, passage.seq))
                new = tuple([item for item in held if item not in seen])
                seen.update(new)
            found.append((scope.sentence.text, new))
    return tuple(found)


def _texts(passage: Passage) -> Iterator[str]:
    yield passage.text
    for _, arguments in passage.calls:
        yield arguments


def _held(scope: Scope, seq: int) -> Iterator[Item]:
    for mark in scope.sentence.marks:
        subject = scope.subject(mark)
        if subject or mark.kind not in _BOUND:
            text = scope.sentence.span(mark.first, mark.last)
            yield Item(mark.kind, text.strip("`"), subject, seq)


# -- what is carried -----------------------------------------------------------------------------


class Audit(NamedTuple):
    """`score` is the share of items carried, 1.0 when there are none; `kinds` have how many are
    carried and how many there are."""

    score: float
    kinds: Mapping[str, tuple[int, int]]
    lost: tuple[Item, ...]


def audit(passages: Sequence[Passage], carriers: Sequence[str]) -> Audit:
    """How much of what is audited in these messages the texts carry."""
    found = [item for passage in passages for item in items(passage)]
    return told(found, carried(found, carriers))


def told(found: Sequence[Item], held: Sequence[bool]) -> Audit:
    """The audit of items of which it is known whether they are carried."""
    kinds: dict[str, tuple[int, int]] = {}
    for item, is_held in zip(found, held, strict=True):
        some, total = kinds.get(item.kind, (0, 0))
        kinds[item.kind] = (some + is_held, total + 1)
    lost = tuple(item for item, is_held in zip(found, held, strict=True) if not is_held)
    return Audit(1 - len(lost) / len(found) if found else 1.0, kinds, lost)


def carried(found: Sequence[Item], carriers: Sequence[str]) -> list[bool]:
    """For each item, whether one of the texts says its value of its subject."""
    return list(map(bool, carrying(found, carriers)))


def carrying(found: Sequence[Item], carriers: Sequence[str]) -> list[frozenset[int]]:
    """For each item, which of the texts say its value of its subject, by their places."""
    # Many messages hold the same item: it is looked for once.
    wanted = {item[:3]: _Wanted(item) for item in found}
    index = _Index(wanted.values())
    for number, text in enumerate(carriers):
        pacing.step()
        index.take(text, number)
    rivals = _Rivals(wanted.values())
    stands = {}
    for key, item in wanted.items():
        pacing.step()
        places = [place for place in index.places(item) if rivals.stands(item, place)]
        stands[key] = frozenset([place.text for place in places])
    return [stands[item[:3]] for item in found]


class _Wanted:
    """An item with the keys that it is found by. A name must be there with all of its words."""

    __slots__ = ("item", "keys", "kind", "subject", "text")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.kind = item.kind
        self.text = item.text
        self.subject = subject_stems(item.subject)
        self.keys = _keys(item.kind, item.text)


@lru_cache(maxsize=16_384)
def _keys(kind: str, text: str) -> tuple[Key, ...]:
    if kind == "negation":
        return (marks.NEGATION,)
    if kind == "promise":
        return (marks.PROMISE,)
    if kind == "name":
        return tuple(("name", marks.bare(word)) for word in _words(text.lower()))
    if kind in _EXACT:
        return tuple(("exact", word) for word in _words(text)[:1])
    return marks.value(kind, text)


def _words(text: str) -> list[str]:
    return marks.tokenised(text) or [text]


class _Place(NamedTuple):
    """Where a text, the `text`-th, says a value: the tokens from `first` up to but without
    `last`."""

    scope: Scope
    first: int
    last: int
    text: int

    def subject(self, kind: str) -> frozenset[str]:
        """What the text says this of."""
        return subject_stems(self.scope.subject(Mark(kind, self.first, self.last, (), ())))


class _Index:
    """Where the texts say what is wanted."""

    def __init__(self, wanted: Iterable[_Wanted]) -> None:
        keys = {key for item in wanted for key in item.keys}
        self.names = {word for kind, word in keys if kind == "name"}
        self.exact = {word for kind, word in keys if kind == "exact"}
        self.found: dict[Key, list[_Place]] = {key: [] for key in keys}

    def take(self, text: str, number: int) -> None:
        """Notes what of it the text says, which is the `number`-th."""
        for scope in _scopes(text) if len(text) <= marks.LONGEST else scopes(text):
            for mark in scope.sentence.marks:
                for key in mark.gives:
                    if key in self.found and key[0] not in ("name", "exact"):
                        self.found[key].append(_Place(scope, mark.first, mark.last, number))
            self._words(scope, number)

    def _words(self, scope: Scope, number: int) -> None:
        sentence = scope.sentence
        for at, (token, low) in enumerate(zip(sentence.tokens, sentence.low, strict=True)):
            if token[0] == "`" and len(token) > 1:
                for word in _words(token[1:-1]):
                    self._word(word, word.lower(), _Place(scope, at, at + 1, number))
            elif token in self.exact or marks.bare(low) in self.names or low in WILL:
                self._word(token, low, _Place(scope, at, at + 1, number))

    def _word(self, token: str, low: str, place: _Place) -> None:
        if token in self.exact:
            self.found["exact", token].append(place)
        name = marks.bare(low)
        if name in self.names:
            self.found["name", name].append(place)
        if low in WILL and marks.PROMISE in self.found:
            self.found[marks.PROMISE].append(place)

    def places(self, item: _Wanted) -> Iterator[_Place]:
        if item.kind == "name":
            yield from self._names(item)
            return
        for key in item.keys:
            for place in self.found[key]:
                if item.kind not in _EXACT or _stands_in(item.text, place.scope.sentence.text):
                    yield place

    def _names(self, item: _Wanted) -> Iterator[_Place]:
        """All words of a name in one sentence; where they stand in a row, that row."""
        wanted = [word for _, word in item.keys]
        for scope, _, last, number in self.found[item.keys[-1]]:
            low = scope.sentence.bare
            first = last - len(wanted)
            if first >= 0 and low[first:last] == wanted:
                yield _Place(scope, first, last, number)
            elif set(wanted).issubset(low):
                yield _Place(scope, last - 1, last, number)


# A point is looked at for what all messages hold, and once more for what each of them does.
@lru_cache(maxsize=1_024)
def _scopes(text: str) -> tuple[Scope, ...]:
    return tuple(scopes(text))


def _stands_in(word: str, text: str) -> bool:
    at = text.find(word)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(word) : at + len(word) + 1]
        if not (_joins(before) and _joins(word[:1])) and not (_joins(after) and _joins(word[-1:])):
            return True
        at = text.find(word, at + 1)
    return False


def _joins(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


class _Rivals:
    """Tells whether a value in a text is said of an item's subject.

    The text says it of a subject of its own, found by the same rules. Is that the item's, it is
    carried. Else one word of the item's must be close by, and there must be no rival: an item with
    more words in the text's subject, whose own value is not said there.
    """

    def __init__(self, wanted: Iterable[_Wanted]) -> None:
        self.by_word: dict[tuple[str, str], list[_Wanted]] = {}
        for item in wanted:
            for word in item.subject:
                self.by_word.setdefault((item.kind, word), []).append(item)
        self.strongest: dict[tuple[int, str, int], int] = {}

    def stands(self, item: _Wanted, place: _Place) -> bool:
        if not item.subject:
            return item.kind not in _BOUND
        said_of = place.subject(item.kind)
        if said_of == item.subject:
            return True
        same = len(item.subject & said_of)
        if item.kind in _PHRASES:
            return same >= min(2, len(item.subject))
        around = place.scope.around(item.kind, place.first)
        return not item.subject.isdisjoint(around) and same >= self._rival(item, place, said_of)

    def _rival(self, item: _Wanted, place: _Place, said_of: frozenset[str]) -> int:
        key = (id(place.scope), item.kind, place.first)
        if key not in self.strongest:
            said = _said(place.scope, *place.scope.reach(item.kind, place.first))
            self.strongest[key] = max(
                (
                    len(rival.subject & said_of)
                    for word in said_of
                    for rival in self.by_word.get((item.kind, word), ())
                    if said.isdisjoint(rival.keys)
                ),
                default=0,
            )
        return self.strongest[key]


def _said(scope: Scope, first: int, last: int) -> set[Key]:
    sentence = scope.sentence
    said: set[Key] = {("name", marks.bare(word)) for word in sentence.low[first:last]}
    said.update(("exact", token.strip("`")) for token in sentence.tokens[first:last])
    for mark in sentence.marks:
        if first <= mark.first < last:
            said.update(mark.gives)
    return said
