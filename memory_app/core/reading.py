"""A message as the rules see it: its sentences, what their phrases say, what is understood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from memory_app.core.cues import END, LANGUAGES, QUESTION, TOKEN, Cue, language, matches

LIGHT_CUES = int(Cue.THANKS | Cue.GREETING | Cue.CLOSING | Cue.MORE | Cue.DONE | Cue.AFFIRM | Cue.NEGATE | Cue.DECISION)
RIVALS = int(Cue.ASKING | Cue.REQUEST | Cue.OFFER | Cue.READBACK | Cue.ALTERNATIVE)
NUMBERS = frozenset("one two three four five six seven eight nine ten".split())


class Sentence(NamedTuple):
    cues: int
    question: bool
    values: tuple[str, ...]
    light: bool


@dataclass(frozen=True, slots=True)
class Reading:
    sentences: list[Sentence]
    cues: int
    light: bool
    asks: bool
    more: bool


def read(text: str) -> Reading:
    raw = TOKEN.findall(text[:4000].replace("’", "'"))
    words = [t.lower() if t[0] not in ".!。！\n？?" else (QUESTION if t in "?？" else END) for t in raw]
    lang = language("en")
    n = len(words)
    covered = [False] * n
    cues = [0] * n
    rivals = []
    for mask, start, end in matches(words, lang.phrases):
        cues[start] |= mask & ~RIVALS
        if mask & RIVALS:
            rivals.append((mask & RIVALS, start, end))
        if mask & LIGHT_CUES:
            covered[start:end] = [True] * (end - start)
    for mask, start, end in rivals:
        if not any(s <= start and end <= e and e - s > end - start for _, s, e in rivals):
            cues[start] |= mask
    sentences = []
    begin = 0
    for i in range(n + 1):
        if i == n or words[i] in (END, QUESTION):
            if i > begin:
                mask = 0
                for m in cues[begin:i]:
                    mask |= m
                light = bool(mask & LIGHT_CUES) and all(
                    covered[j] or words[j] in lang.common or words[j] in lang.light for j in range(begin, i)
                )
                values = tuple(words[j] for j in range(begin, i) if words[j][0].isdigit() or words[j] in NUMBERS or (
                    j > begin and raw[j][0].isupper() and words[j] not in lang.common))
                sentences.append(Sentence(mask, i < n and words[i] == QUESTION, values, light))
            begin = i + 1
    total = 0
    for s in sentences:
        total |= s.cues
    asks = any(s.question or s.cues & Cue.ASKING for s in sentences)
    return Reading(
        sentences, total, bool(sentences) and all(s.light for s in sentences), asks,
        any(s.cues & Cue.MORE for s in sentences),
    )
