"""A question as the ranker reads it: its terms, what kind of answer it wants, and of which days.

Questions of English, German, Spanish, French, Chinese and Japanese tell what they want; of other
languages the terms are all there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from memory_app.core import days
from memory_app.core.days import Span
from memory_app.core.terms import telling, terms
from memory_app.core.tongues import GERMAN, MONTHS, NEAR, RELATIVE, SPANS

SEEN = 20_000
"""Characters of a question that are looked at."""

_SELF = re.compile(
    r"\b(?:i|me|my|mine|we|us|our|ich|mir|mich|mein\w*|wir|unser\w*|mi|mis|nuestr\w+|yo|je|mon|ma|mes"
    r"|notre|nos)\b|我|私|僕|俺",
    re.IGNORECASE,
)
_WANTS = {
    "when": re.compile(
        r"\b(?:when|(?:which|what) (?:date|day|month|year|time|week)"
        r"|deadline|due|wann|bis wann|cu[aá]ndo|quand|когда|quando)\b"
        r"|什么时候|何时|几点|哪天|いつ|何時|何日|언제",
        re.IGNORECASE,
    ),
    "many": re.compile(
        r"\bhow (?:many|much|long|often|old|big|high|tall|far)\b"
        r"|\bwie ?(?:viele?|lange|oft|alt|hoch|gro(?:ß|ss))\b"
        r"|\b(?:cu[aá]nt[oa]s?|combien|quant[oa]s?)\b"
        r"|多少|几个|几次|多久|いくつ|いくら|何回|何人|얼마|몇",
        re.IGNORECASE,
    ),
    "who": re.compile(
        r"\b(?:who|whom|whose|where|which|what's the name|name|wer|wem|wen|wo|welche\w*|quién|dónde"
        r"|qué|qui|où|quel\w*)\b|谁|哪里|哪儿|哪个|誰|どこ|どの",
        re.IGNORECASE,
    ),
    "several": re.compile(
        r"\b(?:what|which)(?: \w+){0,2} (?!is\b|was\b|does\b|has\b|this\b|his\b)\w{3,}s\b"
        r"|\bhow many\b|\b(?:all|list|every|each|both|various)\b"
        r"|\b(?:welche\w*|alle|qu[eé] \w+s|cu[aá]les|tod[oa]s|quels|quelles|tous|toutes)\b"
        r"|哪些|全部",
        re.IGNORECASE,
    ),
}
_NAME = re.compile(r"(?<=[\w,]\s)[^\W\d_a-z][\w-]*|\b[\w-]{0,40}\d[\w-]{0,40}")
"""A word that may begin with a capital, or one with a digit."""
_DATED = frozenset(
    found for word in (*MONTHS, *RELATIVE, *NEAR, *SPANS, "days", "ago") for found in terms(word)
)
_OPENING = re.compile(r"^\W*\w+")


class Asked(NamedTuple):
    """`terms` are its distinct terms, without those of grammar where it has others; `pairs` its
    neighbouring terms; `wants` the kinds of answer, keys of _WANTS; `spans` the days it speaks of;
    `apart` the terms that say so or what kind of answer is wanted; `names` the terms of what it
    names: words with a capital or a digit. `self` says that it speaks of who asks."""

    terms: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    wants: frozenset[str]
    spans: tuple[Span, ...]
    apart: frozenset[str]
    names: frozenset[str]
    self: bool


def read(text: str, *, now: int) -> Asked:
    """The question in `text`; `now`, in microseconds, is what "last week" is counted from."""
    text = text[:SEEN]
    said = terms(text)
    content = telling(text)
    spans = tuple(days.spans(text, now=now))
    wants = {kind: found for kind, form in _WANTS.items() if (found := form.search(text))}
    dated = frozenset(_dated(text, said)) if spans else frozenset()
    kinds = {
        word for kind in ("when", "many", "who") if kind in wants for word in terms(wants[kind][0])
    }
    pairs = dict.fromkeys(pairwise(said))
    return Asked(
        tuple(content or dict.fromkeys(said)),
        tuple(pair for pair in pairs if not set(content).isdisjoint(pair)),
        frozenset(wants),
        spans,
        dated | kinds,
        frozenset(_names(text)) - dated,
        _SELF.search(text) is not None,
    )


def _dated(text: str, said: Sequence[str]) -> Iterator[str]:
    yield from _DATED.intersection(said)
    yield from (word for word in said if word.isdecimal() and len(word) in (1, 2, 4))
    for word in days.words(text):
        yield from terms(word)


def _names(text: str) -> Iterator[str]:
    """None in German, which writes every noun like a name, but what has a digit."""
    behind = _OPENING.sub("", text)
    german = len(GERMAN & set(text.lower().split())) > 1
    for found in _NAME.findall(behind):
        if (found[0].isupper() and not german) or any(map(str.isdigit, found)):
            yield from telling(found)
