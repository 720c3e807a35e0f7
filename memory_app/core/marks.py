"""Sentences, and what in them can be lost: numbers, dates, names, ids, paths, code, negations and
promises, each a mark over some tokens.

A message and whatever may carry its content are read by the same rules. That is what makes a word
for word quote carry all it holds.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from memory_app.core import figures, tongues
from memory_app.core.figures import Key, figure
from memory_app.core.tongues import NEGATIONS, STOP, UNSPACED

MOST = 100_000
"""Characters of one text that are read; what is behind them is not looked at."""
LONGEST = 320
"""Characters of the longest sentence; a longer one is cut where a clause or a word ends."""

NEGATION: Key = ("negation", "")
PROMISE: Key = ("promise", "")

# All begin with one class of signs, which the engine looks for without trying each alternative.
_BOUNDARY = re.compile(
    r"[.!?…\n。！？](?:(?<=[.!?…])[.!?…]{0,8}[\"'”’)\]*_]{0,4}(?=\s)\s*"
    r"|(?<=\n)\s*|(?<=[。！？])[。！？]*[」』”]?)"
)
_ORDER = re.compile(r"(?:(?:[-*•>#]{1,6}|\d{1,2}[.)])\s+)*")
_CUTS = (
    re.compile(r"[}\]]\s{0,9},\s{0,9}(?=[{\[])"),
    re.compile(r"[}\]],|[;；。]"),
    re.compile(r"[,，、|]"),
    re.compile(r"\s"),
)
"""Where a long sentence is cut, the best first: after a record, an object, a clause, a word."""


def _token(letter: str, word: str, inner: str) -> str:
    """The pattern of a token, the commonest first: a word, a sign, what is quoted as code, an
    address, an elided article, a number, whatever else is written without a blank."""
    return (
        rf"(?:[aAIoOyYeE]|(?![Qq]u['’]){letter}{{2,}})(?:['’]{letter}+)?"
        r"(?=[\s,;!?)]|[.:](?:\s|$)|$)"
        r"|[.,!?](?=\s|$)"
        r"|`[^`\n]{1,120}`"
        r"|(?:https?|ftp|file|s3|ssh)://[^\s<>\"'`|)\]},]*[^\s<>\"'`|)\]},.;:!?]"
        r"|(?<!\w)[A-Za-z]:\\[^\s\"'|<>,;]*[\w\\]"
        rf"|(?<!\w)(?:[ldnjmtscLDNJMTSC]|[Qq]u)['’](?={letter})"
        r"|(?:\d{4}年)?\d{1,2}月(?:\d{1,2}[日号號])?|\d{4}年|\d{1,2}[点點时時](?:\d{1,2}分?|半)?"
        r"|(?:(?<!\w)[-+])?[$€£¥₹]?\d{1,3}"
        r"(?:(?:[,'’]\d{3})+(?:\.\d+)?(?![\w,])|(?:\.\d{3})+,\d{1,2}(?![\w,]))"
        r"|(?:(?<!\w)[-+])?[$€£¥₹]?\d+,\d{1,2}(?![\w,])"
        rf"|(?:(?<!\w)(?:[#@~.]{{0,2}}/?|--?|[-+]?[$€£¥₹]?))?{word}(?:{inner}*{word})?"
        r"(?:[%°/]|\(\))?"
        rf"|[{UNSPACED}]+"
        r"|[^\s\w]"
    )


_TOKEN = re.compile(
    _token(
        rf"[^\W\d_{UNSPACED}]",
        rf"[^\W{UNSPACED}]",
        r"[^\s\x00-\x1f\"“”„«»{}\[\]()<>|,;`*=…—–，。、；：！？（）「」『』【】《》・"
        + UNSPACED
        + "]",
    )
)
# The same for a text of ASCII alone: sets of other letters are slow.
_ASCII_TOKEN = re.compile(_token("[A-Za-z]", "[A-Za-z0-9_]", r"[^\s\x00-\x1f\"{}\[\]()<>|,;`*=]"))
# A text without these needs no second look at its tokens.
_ODD = re.compile(rf"[/:\\=&#@~_{UNSPACED}]|\d-|-\d|\w\.\w|[’']s\b")
_ASCII_ODD = re.compile(r"[/:\\=&#@~_]|\d-|-\d|\w\.\w|'s\b")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_JOINTS = re.compile(r"([/:\\=&#@~]+)")
_RANGE = re.compile(r"([/:\\=&#@~-]+)")
_PARTS = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![^\W\d_A-Z])|\d+")
_SUFFIX = re.compile(r"(?:ings?|ied|ies|ed|es|er|en|s|e|y)$")

BREAKS = frozenset(",;|{}[]()—–-，、；（）")
_OPENERS = frozenset("\"'“”„«*-•#|:(_>¿¡：「")
_NO_NAMES = frozenset(
    ("OK", "AM", "PM", "I", "A", "TV", "EST", "PST", "UTC", "NOT", "NO", "US", "ID")
)


class Mark(NamedTuple):
    """Something audited: the tokens from `first` up to but without `last`."""

    kind: str
    first: int
    last: int
    needs: tuple[Key, ...]
    gives: tuple[Key, ...]


class Sentence:
    """A sentence, or a line, or a piece of one, in tokens; `marks` are what is audited in it."""

    __slots__ = ("_bare", "_clauses", "_low", "marks", "text", "tokens")

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenised(text)
        self.marks: list[Mark] = []
        self._low: list[str] = []
        self._bare: list[str] = []
        self._clauses: list[int] = []

    @property
    def low(self) -> list[str]:
        """The tokens in lower case."""
        if not self._low:
            self._low = [token.lower() for token in self.tokens]
        return self._low

    @property
    def bare(self) -> list[str]:
        """The tokens as names are compared."""
        if not self._bare:
            self._bare = [bare(token) for token in self.low]
        return self._bare

    @property
    def clauses(self) -> list[int]:
        """The number of its clause for each token."""
        if not self._clauses:
            number, found = 0, []
            for token in self.low:
                number += token in BREAKS or token in tongues.CONNECTIVES
                found.append(number)
            self._clauses = found
        return self._clauses

    def span(self, first: int, last: int) -> str:
        """The text of these tokens as it stands."""
        if last - first == 1:
            return self.tokens[first]
        at = 0
        for token in self.tokens[:first]:
            at = self.text.index(token, at) + len(token)
        begin = at = self.text.index(self.tokens[first], at)
        for token in self.tokens[first:last]:
            at = self.text.index(token, at) + len(token)
        return self.text[begin:at]


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of a text begin and end, blanks and the number of a list left out."""
    start, size = 0, min(len(text), MOST)
    for boundary in _BOUNDARY.finditer(text, 0, size):
        if boundary.start() >= start and _ends(text, start, boundary):
            yield from _pieces(text, start, boundary.end())
            start = boundary.end()
    yield from _pieces(text, start, size)


def _ends(text: str, start: int, boundary: re.Match[str]) -> bool:
    """Whether a sentence ends here, rather than an abbreviation, an initial or "3. Mai"."""
    mark = boundary[0]
    if mark[0] != "." or "\n" in mark or mark[:2] == "..":
        return True
    after = text[boundary.end() : boundary.end() + 1]
    if after.islower():
        return False
    at = boundary.start()
    word = "".join(text[max(start, at - 12) : at].split()[-1:]).lower().lstrip("(\"'")
    if word in tongues.ABBREVIATIONS or (len(word) == 1 and word.isalpha()):
        return False
    return not (word.isdigit() and len(word) < 3 and after.isalpha())


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The range without blanks at its ends, in pieces of at most LONGEST characters."""
    while end - start > LONGEST:
        cut = _cut(text, start, start + LONGEST)
        yield from _pieces(text, start, cut)
        start = cut
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end


def _cut(text: str, start: int, end: int) -> int:
    for pattern in _CUTS:
        last = 0
        for match in pattern.finditer(text, start + LONGEST // 4, end):
            last = match.end()
        if last:
            return last
    return end


def tokenised(text: str) -> list[str]:
    token, odd = (_ASCII_TOKEN, _ASCII_ODD) if text.isascii() else (_TOKEN, _ODD)
    tokens: list[str] = token.findall(text)
    if odd.search(text) is None:
        return tokens
    return [piece for token in tokens for piece in _refined(token)]


@lru_cache(maxsize=65_536)
def _refined(token: str) -> tuple[str, ...]:
    """A token in the pieces it is made of, unless it is one thing as it stands."""
    if unspaced(token):
        return tuple(piece for piece in _by_cue(token) if piece)
    if len(token) == 1 or token.isalpha() or figure(token):
        return (token,)
    if token[-2:] in ("'s", "’s") and len(token) > 2:
        return (*tokenised(token[:-2]), token[-2:])
    joints = _RANGE if any(char.isdigit() for char in token) else _JOINTS
    pieces = [piece for piece in joints.split(token) if piece]
    if len(pieces) > 1:
        return tuple(smaller for piece in pieces for smaller in tokenised(piece))
    if "." in token.strip("."):
        pieces = [piece for piece in re.split(r"(\.+)", token) if piece]
        return tuple(smaller for piece in pieces for smaller in tokenised(piece))
    return (token,)


def _by_cue(run: str) -> Iterator[str]:
    """A run of a script without blanks, cut at its cues."""
    at = 0
    for cue in tongues.UNSPACED_CUES.finditer(run):
        yield run[at : cue.start()]
        yield cue[0]
        at = cue.end()
    yield run[at:]


@lru_cache(maxsize=65_536)
def stems(token: str) -> tuple[str, ...]:
    """The words of a token that say what something belongs to, without their endings."""
    low = token.lower()
    if low in STOP or low in NEGATIONS or len(token) > figures.LONGEST:
        return ()
    if unspaced(token):
        return tuple(_pairs(token))
    found = figure(token)
    if found and found.kind in ("number", "date"):
        return ()
    if sum(map(str.isalnum, low)) < 2:
        return ()
    parts = _PARTS.findall(token)
    if len(parts) < 2:
        return (stem(low),)
    words = (part.lower() for part in parts if len(part) > 1 and not part.isdigit())
    return (stem(low), *(stem(word) for word in words if word not in STOP))


def stem(word: str) -> str:
    """The word, in lower case, without an ending that says number, tense or person."""
    word = word.removesuffix("'s").removesuffix("’s")
    if len(word) > 4:
        shorter = _SUFFIX.sub("", word)
        return shorter if len(shorter) > 2 else word
    return word[:-1] if len(word) == 4 and word[-1] == "s" else word


def _pairs(run: str) -> Iterator[str]:
    """Neighbouring characters, of which the first is no kana of grammar and none is in every
    sentence; a character between such stands alone."""
    alone = True
    for at, char in enumerate(run):
        if _is_silent(char):
            alone = True
            continue
        after = run[at + 1 : at + 2]
        if after and after not in tongues.PARTICLES and not tongues.UNSPACED_STOP.issuperset(after):
            yield char + after
        elif alone:
            yield char
        alone = False


def _is_silent(char: str) -> bool:
    return char in tongues.UNSPACED_STOP or "\u3041" <= char <= "\u3096"


def unspaced(token: str) -> bool:
    """Whether a token is of a script without blanks."""
    return token[0] > "\u3004" and _UNSPACED.match(token) is not None


# -- marks ---------------------------------------------------------------------------------------


def read(text: str) -> list[Sentence]:
    """The sentences of a text with what is marked in them."""
    found = []
    for start, end in sentences(text):
        if not text[start].isalpha():
            skipped = _ORDER.match(text, start, end)
            start = skipped.end() if skipped and skipped.end() < end else start
        found.append(Sentence(text[start:end]))
    _mark(found)
    return found


def _mark(found: Sequence[Sentence]) -> None:
    around = _Around(found)
    for sentence in found:
        candidates = _candidates(sentence)
        if candidates:
            _Scan(sentence, around).run(candidates)
    around.repeat()


def _candidates(sentence: Sentence) -> list[int]:
    """The tokens that may be marked or begin a mark."""
    tokens = sentence.tokens
    found = [
        at
        for at, token in enumerate(tokens)
        if token not in _DULL and (token in _CUES or not token.islower() or not token.isalpha())
    ]
    if not sentence.text.isascii():
        ends = tongues.FUTURE_ALONE
        found = sorted(found + [at for at, token in enumerate(tokens) if token.endswith(ends)])
    return found


class _Around:
    """What the sentences of a text must know of each other."""

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        self.sentences = sentences
        self.waiting: list[tuple[Sentence, int]] = []
        self.names: set[Key] = set()
        self._german: bool | None = None

    @property
    def german(self) -> bool:
        if self._german is None:
            self._german = _is_german(self.sentences)
        return self._german

    def repeat(self) -> None:
        """Marks what begins a sentence and was found to be a name in another place."""
        if not self.names:
            return
        for sentence, first in self.waiting:
            key = ("name", bare(sentence.low[first]))
            if key in self.names:
                sentence.marks.append(Mark("name", first, first + 1, (key,), (key,)))
                sentence.marks.sort(key=lambda mark: mark.first)


@lru_cache(maxsize=16_384)
def value(kind: str, text: str) -> tuple[Key, ...]:
    """The keys that a number or date written like this is found by."""
    sentence = Sentence(text)
    _mark([sentence])
    for mark in sentence.marks:
        if mark.kind == kind:
            return mark.needs
    return (("exact", text),)


def _is_german(found: Iterable[Sentence]) -> bool:
    german = others = 0
    for sentence in found:
        german += len(tongues.GERMAN.intersection(sentence.low))
        if german:
            others += len(tongues.OTHERS.intersection(sentence.low))
        if german + others > 40:
            break
    return german > others


class _Scan:
    """One walk over a sentence's tokens. Names at its start wait until it is known whether they
    stand elsewhere too."""

    def __init__(self, sentence: Sentence, around: _Around) -> None:
        self.sentence = sentence
        self.tokens = sentence.tokens
        self.around = around
        self.next = 0
        self.titled: bool | None = None

    @property
    def low(self) -> list[str]:
        return self.sentence.low

    def run(self, candidates: Iterable[int]) -> None:
        for at in candidates:
            if at >= self.next:
                self._look(at, self.tokens[at])

    def _add(
        self, kind: str, first: int, last: int, needs: tuple[Key, ...], gives: tuple[Key, ...] = ()
    ) -> None:
        self.sentence.marks.append(Mark(kind, first, last, needs, gives or needs))
        self.next = last

    def _look(self, at: int, token: str) -> None:
        if len(token) == 1 and not token.isalnum():
            return
        low = token.lower()
        if (low in _CUES or low.endswith(tongues.FUTURE_ALONE)) and self._cue(at, low):
            return
        if token.isalpha():
            if unspaced(token):
                self._unspaced(at, token)
            elif token.islower() or token.isupper() or token.istitle() or not figure(token):
                self._capital(at)
            else:
                self._shaped(at, token)
            return
        if token[0].isdigit() and self._day_first(at):
            return
        if figure(token):
            self._shaped(at, token)
        else:
            self._capital(at)

    def _shaped(self, at: int, token: str) -> None:
        found = figure(token)
        if found is None or self._is_key(at):
            return
        if found.kind in ("number", "date") and self._half_of_day(at, token):
            return
        self._add(found.kind, at, at + 1, found.needs, found.gives)

    def _is_key(self, at: int) -> bool:
        """Whether a token is a key of JSON, which says what a value is and is none itself."""
        return self.tokens[at - 1 : at] == ['"'] and self.tokens[at + 1 : at + 3] == ['"', ":"]

    def _after(self, at: int) -> str:
        return self.low[at + 1] if at + 1 < len(self.low) else ""

    # cue words

    def _cue(self, at: int, low: str) -> bool:
        if low in NEGATIONS:
            if low in ("no", "non") and self._after(at) in tongues.ENDS:
                return False
            if f"{low} {self._after(at)}" in tongues.IDIOMS:
                return False
            self._add("negation", at, at + 1, (NEGATION,))
            return True
        if low in tongues.PROMISES or low.endswith(tongues.FUTURE_ALONE):
            return self._promise(at, low)
        if low in tongues.MONTHS and self._month(at):
            return True
        if low in tongues.SPANS:
            return self._span(at, low)
        return low in tongues.RELATIVE and self._relative(at, low)

    def _promise(self, at: int, low: str) -> bool:
        after = self._after(at)
        wanted = tongues.PROMISES.get(low, ("*",))
        if not _is_promise(wanted, after) or after in tongues.NO_PROMISE:
            return False
        then = self.low[at + 2] if at + 2 < len(self.low) else ""
        alone = wanted == ("*",)
        if not alone and then in tongues.NO_PROMISE:
            return False
        self._add("promise", at, at + (1 if alone or "~" in wanted else 2), (PROMISE,))
        if "~" in wanted:
            self.next = at + 1
        return True

    # dates

    def _day_first(self, at: int) -> bool:
        """ "3 May", "3rd of May 2024", "3. Mai", "3 de mayo de 2024"."""
        token, low = self.tokens[at], self.low
        day = _day_of(token)
        if not day:
            return False
        month = at + 1
        while month < len(low) and month < at + 3 and low[month] in (".", "of", "de", "du"):
            month += 1
        number = tongues.MONTHS.get(low[month]) if month < len(low) else None
        if number is None or (low[month] in ("may", "mar") and low[month] == self.tokens[month]):
            return False
        year, last = self._year(month + 1)
        return self._date(at, last, figures.day(year, number, day))

    def _month(self, at: int) -> bool:
        """ "May 3rd", "May 3, 2024", "May 2024", "May" alone where it is surely a month."""
        token, low = self.tokens[at], self.low
        number = tongues.MONTHS[low[at]]
        unsure = low[at] in tongues.UNSURE_MONTHS
        if unsure and token.islower():
            return False
        behind = at + 2 if at + 1 < len(low) and low[at + 1] == "." else at + 1
        day = _day_of(low[behind]) if behind < len(low) else None
        if day:
            year, last = self._year(behind + 1)
            return self._date(at, last, figures.day(year, number, day))
        year, last = self._year(behind)
        if year is None and unsure and not (at and low[at - 1] in tongues.BEFORE_MONTHS):
            return False
        return self._date(at, last if year else at + 1, figures.day(year, number, None))

    def _year(self, at: int) -> tuple[int | None, int]:
        """A year that stands here, perhaps behind a comma, and where it ends."""
        here = at
        while here < len(self.low) and here < at + 2 and self.low[here] in (",", "de", "del", "."):
            here += 1
        if here < len(self.low):
            token = self.low[here]
            if len(token) == 4 and token.isdecimal() and token[0] in "12":
                return int(token), here + 1
        return None, at

    def _date(self, first: int, last: int, found: figures.Figure | None) -> bool:
        if found is None:
            return False
        self._add(found.kind, first, last, found.needs, found.gives)
        return True

    def _half_of_day(self, at: int, token: str) -> bool:
        """ "5 pm", "5:40 pm", "17 Uhr"."""
        after = self._after(at).replace(".", "")
        hour, _, minute = token.partition(":")
        if after not in ("am", "pm", "uhr", "h") or not (hour + minute).isdecimal():
            return False
        half = after if after in ("am", "pm") else ""
        short = len(hour) < 3 and len(minute) in (0, 2)
        found = figures.clock(int(hour), int(minute or 0), half, not half) if short else None
        return self._date(at, at + 2, found)

    def _relative(self, at: int, low: str) -> bool:
        before = self.low[at - 1] if at else ""
        if low == "morgen" and before in ("guten", "am", "jeden"):
            return False
        key = ("date", tongues.RELATIVE[low])
        if before in tongues.NEAR:
            exact = ("date", f"{before} {key[1]}")
            self._add("date", at - 1, at + 1, (exact,), (exact, key))
        else:
            self._add("date", at, at + 1, (key,))
        return True

    def _span(self, at: int, low: str) -> bool:
        """ "next week", "last summer"."""
        before = self.low[at - 1] if at else ""
        if before not in tongues.NEAR:
            return False
        self._add("date", at - 1, at + 1, (("date", f"{before} {low}"),))
        return True

    # names

    def _capital(self, at: int) -> None:
        tokens = self.tokens
        if tokens[at].lower() in STOP or not tokens[at][0].isupper():
            return
        last = at + 1
        while last < len(tokens) and _is_capital(tokens[last]):
            last += 1
        self.next = last
        if last == 1 and not tokens[0].isupper():
            self._name(0, 1, waits=True)
            return
        if self._is_label(at, last) or self._is_title() or self._is_called(at, last):
            return
        opens = at == 0 or tokens[at - 1] in _OPENERS
        if tokens[at].isupper() and last == at + 1:
            if len(tokens[at]) > 1 and tokens[at] not in _NO_NAMES:
                self._name(at, last, waits=False)
            return
        if self.around.german and not self._german_name(at, last):
            return
        self._name(at, last, waits=opens and last == at + 1)

    def _name(self, first: int, last: int, *, waits: bool) -> None:
        if waits:
            self.around.waiting.append((self.sentence, first))
            return
        keys = tuple(("name", bare(word)) for word in self.low[first:last])
        self.around.names.update(keys)
        self.sentence.marks.append(Mark("name", first, last, keys, keys))

    def _is_called(self, first: int, last: int) -> bool:
        """Whether a name only says who is spoken to, as in "Thanks, Ann!"."""
        low = self.low
        before = low[first - 1] if first else ","
        after = low[last] if last < len(low) else "."
        if after not in ".!?," or (after == "," and first > 1):
            return False
        if before == ",":
            return not tongues.OWNERS.intersection(low[max(0, first - 4) : max(0, first - 2)])
        return first == 1 and before in STOP

    def _is_label(self, first: int, last: int) -> bool:
        """ "Trip Type: One-way", with or without stars."""
        tokens = self.tokens
        if first and tokens[first - 1] not in _OPENERS:
            return False
        while last < len(tokens) and tokens[last] in "*_\"'":
            last += 1
        return last < len(tokens) and tokens[last] in ":："

    def _is_title(self) -> bool:
        """Whether all longer words have a capital, as in a heading; then none is a name."""
        if self.titled is None:
            long = [token for token in self.tokens if len(token) > 3]
            lower = next((True for token in long if token.islower() and token.isalpha()), False)
            self.titled = not lower and sum(map(str.isalpha, long)) > 3
        return self.titled

    def _german_name(self, first: int, last: int) -> bool:
        """German writes nouns with a capital: a name is one behind a preposition and without an
        ending of nouns, or several capitals in a row without an article."""
        before = self.low[first - 1] if first else ""
        if self.low[first].endswith(tongues.GERMAN_NOUNS):
            return False
        if last - first > 1:
            return before not in STOP or before in tongues.GERMAN_BEFORE_NAMES
        return before in tongues.GERMAN_BEFORE_NAMES

    # scripts without blanks

    def _unspaced(self, at: int, token: str) -> None:
        cue = tongues.UNSPACED_CUES.fullmatch(token)
        if cue is None:
            cue = tongues.UNSPACED_CUES.match(token + self._following(at))
            if cue is None or cue.lastgroup != "name" or cue[0] != token:
                return
        kind = cue.lastgroup
        if kind == "negation":
            self._add("negation", at, at + 1, (NEGATION,))
        elif kind == "promise":
            self._add("promise", at, at + 1, (PROMISE,))
        elif kind == "date":
            self._add("date", at, at + 1, (("date", tongues.UNSPACED_DATES.get(token, token)),))
        elif kind == "name":
            self._add("name", at, at + 1, (("name", token),))

    def _following(self, at: int) -> str:
        return self.tokens[at + 1] if at + 1 < len(self.tokens) else ""


_GENITIVE = frozenset("s'’")


def bare(word: str) -> str:
    """A name in lower case without its genitive."""
    if word[-1:] not in _GENITIVE:
        return word
    return word.removesuffix("'s").removesuffix("’s").removesuffix("'").removesuffix("’")


def _is_promise(wanted: Sequence[str], after: str) -> bool:
    return "*" in wanted or after in wanted or ("~" in wanted and after.endswith(tongues.FUTURE))


def _is_capital(token: str) -> bool:
    """Whether a token goes on with a name that the one before began."""
    return (
        token[0].isupper()
        and len(token) > 1
        and token.lower() not in STOP
        and figure(token) is None
    )


_DAY = re.compile(r"([12]\d|3[01]|0?[1-9])(?:\.|st|nd|rd|th|er|º)?", re.ASCII)


def _day_of(token: str) -> int | None:
    """The day of a month that a token is, or None."""
    match = _DAY.fullmatch(token)
    return int(match[1]) if match else None


_CUES = frozenset(
    {*NEGATIONS, *tongues.PROMISES, *tongues.MONTHS, *tongues.RELATIVE, *tongues.SPANS}
)
"""Words that need a look though they are plain."""
_DULL = frozenset((*string.punctuation, *STOP, *map(str.capitalize, STOP))) - {
    *_CUES,
    *map(str.capitalize, _CUES),
}
"""Words that need none though they have a capital."""
