"""What must become of every message of a range, decided by rules alone.

A person's preference, constraint, decision, request, promise, correction or identifier is kept, and
so is what the assistant promises, reads back for confirmation or tells of the outcome. Thanks,
greetings, farewells and questions asked again may be discarded, when every word of them is one the
rules know: what is not understood is never discarded. What comes from tools is never kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from memory_app.core import corrections, pacing, payloads, talk, worth
from memory_app.core.corrections import Correction
from memory_app.core.passages import SPOKEN, Passage
from memory_app.core.sentences import Reading, read
from memory_app.core.talk import DISCARD, KEEP, SUMMARISE, Ruling

RAISED = {
    "preference": 0.4,
    "constraint": 0.4,
    "correction": 0.9,
    "identifier": 0.4,
    "decision": 0.2,
    "commitment": 0.2,
    "request": 0.5,
    "outcome": 0.1,
}
"""By which share of what is missing to 1 a rule raises a message's worth. Explicit words of a
person weigh most; answers are told by what was asked, and matter as much as they hold. What was
changed is told wrongly without the change, and in task dialogues many a change is a plain request:
with less for both the latest value of a changed slot is in 85 instead of 93 % of small contexts,
for 2 % more of the evidence of long chats (`bench.quality`)."""
LOWERED = 0.1
"""What is left of the worth of a message that may go."""


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


def judge(
    passages: Sequence[Passage], *, before: Sequence[Passage] = (), after: Sequence[Passage] = ()
) -> list[Verdict]:
    """One verdict for each of `passages`, in their order.

    `before` and `after` are messages just around them, which say what was asked or offered, what
    is asked again, corrected or still spoken of; they get none.
    """
    everything = [*before, *passages, *after]
    readings = read_all(everything)
    rulings = list(talk.rulings(everything, readings))
    corrected = corrections.find(
        everything,
        readings,
        [place for place, ruling in enumerate(rulings) if ruling.rule == "correction"],
    )
    corrects = {place: everything[found.corrects].seq for place, found in corrected.items()}
    _supersede(rulings, corrected, everything)
    keys = _refetch(rulings, everything)
    worths = worth.scores(everything, readings)
    return [
        Verdict(
            everything[place].seq,
            ruling.klass,
            ruling.rule,
            _score(worths[place], ruling),
            ruling.reason,
            corrects.get(place),
            keys.get(place),
        )
        for place, ruling in enumerate(rulings)
    ][len(before) : len(before) + len(passages)]


def _supersede(
    rulings: list[Ruling], corrected: Mapping[int, Correction], passages: Sequence[Passage]
) -> None:
    """Says of each correction what it corrects, and of what is corrected wholly that it is
    superseded."""
    for place, found in corrected.items():
        old, new = passages[found.corrects].seq, passages[place].seq
        part = "which is superseded" if found.wholly else "a part of which no longer holds"
        rulings[place] = rulings[place]._replace(reason=f"it corrects message {old}, {part}")
        was = rulings[found.corrects]
        rulings[found.corrects] = (
            Ruling(SUMMARISE, "superseded", f"message {new} corrects all that it says")
            if found.wholly
            else was._replace(reason=f"{was.reason}, though message {new} corrects a part of it")
        )


def _refetch(rulings: list[Ruling], passages: Sequence[Passage]) -> dict[int, str]:
    """Discards payloads that can be had again; their keys by place."""
    keys: dict[int, str] = {}
    for place, found in payloads.find(passages).items():
        why = (
            f"the same call was made again; message {found.later} holds the newer result"
            if found.rule == "superseded"
            else "a read that nothing later speaks of"
        )
        rulings[place] = Ruling(DISCARD, found.rule, f"{why}; {found.key} fetches it")
        keys[place] = found.key
    return keys


def _score(worth: float, ruling: Ruling) -> float:
    """A message's worth, raised where it must be kept and lowered where it need not be."""
    if ruling.klass == KEEP:
        return worth + (1.0 - worth) * RAISED.get(ruling.rule, 0.0)
    if ruling.klass == DISCARD or ruling.rule == "superseded":
        return worth * LOWERED
    return worth


def read_all(passages: Sequence[Passage]) -> list[Reading]:
    """Every message as read; the language of one is a hint for the next."""
    readings: list[Reading] = []
    hint: str | None = None
    for passage in passages:
        pacing.step()
        reading = read(passage.text, hint=hint)
        if passage.role in SPOKEN and reading.language:
            hint = reading.language
        readings.append(reading)
    return readings


def choose(verdicts: Sequence[Verdict], tokens: Mapping[int, int], *, room: int) -> list[int]:
    """The seqs, in order, of the messages that are retained word for word within `room` tokens.

    `tokens` has the size of each. By score per token, of equals the newest first; what is too
    large for what room is left is passed over. What may be discarded is never retained.

    What must be kept does not come first by class but by its raised score: a person's explicit
    word is short, so it leads anyway, while "yes, please" and long answers to small talk do not
    push out what will be asked for. All of class KEEP first keeps 80 and 52 % of the evidence of
    long conversations in 60 and 40 % of their tokens, this order 87 and 71 %.
    """
    ranked = sorted(
        [verdict for verdict in verdicts if verdict.klass != DISCARD],
        key=lambda verdict: (-verdict.score / max(1, tokens[verdict.seq]), -verdict.seq),
    )
    chosen: list[int] = []
    for verdict in ranked:
        if tokens[verdict.seq] <= room:
            room -= tokens[verdict.seq]
            chosen.append(verdict.seq)
    return sorted(chosen)
