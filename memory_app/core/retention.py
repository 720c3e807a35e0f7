"""What must become of every message of a range, decided by rules alone.

A person's preference, constraint, decision, request, promise, correction or identifier is kept, and
so is what the assistant promises, reads back for confirmation or tells of the outcome. Thanks,
greetings, farewells and questions asked again may be discarded, when every word of them is one the
rules know: what is not understood is never discarded. What comes from tools is never kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memory_app.core.cues import Cue
from memory_app.core.passages import Passage
from memory_app.core.reading import Reading, read

KEEP, SUMMARISE, DISCARD = "keep", "summarise", "discard"


class Verdict(NamedTuple):
    """What must become of a message.

    `klass` is KEEP, SUMMARISE or DISCARD and `rule` the rule that decided; `score`, 0..1, says how
    much it matters where room is short; `reason` is a sentence for a developer. `corrects` is the
    seq of the message that this one corrects, `key` how to fetch a payload again.
    """

    seq: int
    klass: str
    rule: str
    score: float
    reason: str
    corrects: int | None = None
    key: str | None = None


class Ruling(NamedTuple):
    klass: str
    rule: str
    reason: str


def judge(passages: Sequence[Passage], *, before: Sequence[Passage] = ()) -> list[Verdict]:
    prior: Reading | None = None
    offered = False
    known: set[str] = set()
    found: list[Verdict] = []
    for passage in (*before, *passages):
        reading = read(passage.text)
        ruling = _ruling(passage, reading, prior, offered, known)
        for s in reading.sentences:
            known.update(s.values)
        if passage.role == "assistant":
            if any(s.cues & Cue.OFFER for s in reading.sentences):
                offered = True
            elif ruling.rule == "outcome":
                offered = False
        if passage.role == "user" and ruling.klass == KEEP:
            offered = False
        if passage.role != "tool" and (passage.text):
            prior = reading if passage.role == "assistant" else None
        found.append(Verdict(passage.seq, *ruling[:2], 0.5, ruling.reason))
    return found[len(before):]


def _ruling(passage: Passage, reading: Reading, prior: Reading | None, offered, known) -> Ruling:
    if passage.role == "tool":
        return Ruling(SUMMARISE, "none", "it is from a tool")
    if passage.role == "assistant":
        return assistant(reading, known)
    return person(reading, prior, offered)


FIRM = (
    (Cue.CORRECTION, "correction", "it corrects what was said"),
    (Cue.DECISION, "decision", ""),
    (Cue.CONSTRAINT, "constraint", ""),
    (Cue.PREFERENCE, "preference", ""),
    (Cue.PROMISE, "commitment", ""),
    (Cue.REQUEST, "request", ""),
    (Cue.IDENTIFIER, "identifier", ""),
)


def person(reading: Reading, prior: Reading | None, offered: bool) -> Ruling:
    said = 0
    stated = False
    for sentence in reading.sentences:
        cues = sentence.cues
        if cues & Cue.ASKING or (cues & Cue.ALTERNATIVE and not sentence.values):
            continue
        if sentence.question and not cues & Cue.REQUEST:
            cues &= int(Cue.REQUEST | Cue.CORRECTION)
        else:
            stated = True
        if sentence.light:
            cues &= ~int(Cue.REQUEST)
        said |= cues
    if prior is not None:
        if prior.more and reading.cues & (Cue.NEGATE | Cue.DONE):
            return Ruling(KEEP, "decision", "it declines more")
        if prior.asks and not prior.more and stated:
            return Ruling(KEEP, "decision", "it answers a question")
    if offered and reading.light and stated:
        return Ruling(KEEP, "decision", "it accepts an offer")
    if said & Cue.DECISION:
        return Ruling(KEEP, "decision", "")
    if reading.light and not reading.asks:
        return Ruling(DISCARD, "acknowledgement", "")
    for cue, rule, reason in FIRM:
        if said & cue:
            return Ruling(KEEP, rule, reason)
    if said & (Cue.AFFIRM | Cue.NEGATE):
        return Ruling(KEEP, "decision", "it says yes or no")
    return Ruling(SUMMARISE, "question" if reading.asks else "none", "")


def assistant(reading: Reading, known) -> Ruling:
    plain = [s for s in reading.sentences if not s.cues & Cue.OFFER]
    if any(s.cues & Cue.OUTCOME and not s.cues & Cue.MORE for s in plain):
        return Ruling(KEEP, "outcome", "")
    if any(s.cues & Cue.READBACK and not s.cues & (Cue.MORE | Cue.ASKING) for s in plain) and not reading.light:
        return Ruling(KEEP, "commitment", "")
    if reading.light:
        return Ruling(DISCARD, "filler", "")
    values = [v for s in reading.sentences for v in s.values]
    if len(values) >= 3 and sum(v in known for v in values) >= .8 * len(values):
        return Ruling(KEEP, "echo", "")
    return Ruling(SUMMARISE, "none", "")
