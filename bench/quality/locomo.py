"""The long conversations of LoCoMo as messages, with the ids of the turns that questions need."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bench.quality.rows import load
from memory_app.core.passages import Passage
from sessions_app.core import tokens

ENCODER = "o200k_base"
_DIALOGUE_ID = re.compile(r"D\d+:\d+")
_WHEN = "%I:%M %p on %d %B, %Y"


class Conversation(NamedTuple):
    """`evidence` counts how often questions name a turn as gold evidence, by its seq."""

    name: str
    passages: list[Passage]
    evidence: Counter[int]


def conversations(*, assistant: bool = True) -> list[Conversation]:
    """All conversations of the file. Of its two people the second is loaded as the assistant, or
    both as users with their names. A photo is in the text as its caption. Raises NoData."""
    return [_conversation(sample, assistant) for sample in load("locomo_dev4.json")]


def _conversation(sample: dict[str, Any], assistant: bool) -> Conversation:
    said = sample["conversation"]
    second = said["speaker_b"]
    passages: list[Passage] = []
    seqs: dict[str, int] = {}
    for session in sorted(
        (key for key in said if re.fullmatch(r"session_\d+", key)),
        key=lambda key: int(key.rpartition("_")[2]),
    ):
        begun = datetime.strptime(said[f"{session}_date_time"].title(), _WHEN).replace(tzinfo=UTC)
        for turn in said[session]:
            seq = len(passages) + 1
            seqs[turn["dia_id"]] = seq
            text = words(turn)
            role = "assistant" if assistant and turn["speaker"] == second else "user"
            size = tokens.FRAMING + tokens.count_text(text, ENCODER)
            at = int(begun.timestamp() * 1_000_000)
            passages.append(Passage(seq, role, text, turn["speaker"], tokens=size, at=at))
    named = Counter(
        seqs[found]
        for question in sample["qa"]
        for cited in question["evidence"]
        for found in _DIALOGUE_ID.findall(cited)
        if found in seqs
    )
    return Conversation(f"{said['speaker_a']}, {second}", passages, named)


def words(turn: dict[str, Any]) -> str:
    """What a turn says, with what its photo shows."""
    caption = turn.get("blip_caption")
    return f"{turn['text'].strip()} [photo: {caption}]" if caption else turn["text"].strip()
