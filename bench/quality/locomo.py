"""The long conversations of LoCoMo as messages, with the ids of the turns that questions need."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bench.quality.rows import load
from memory_app.core.passages import Passage
from sessions_app.core import tokens

ENCODER = "o200k_base"
_DIALOGUE_ID = re.compile(r"D\d+:\d+")
_WHEN = "%I:%M %p on %d %B, %Y"


MULTI_HOP = 1
"""The category of questions whose answer lies in several turns."""


class Question(NamedTuple):
    """A question of a conversation, its category and the seqs of its gold evidence turns."""

    text: str
    category: int
    evidence: tuple[int, ...]


class Conversation(NamedTuple):
    """`evidence` counts how often questions name a turn as gold evidence, by its seq. `sessions`
    has the number of the session of each passage; `questions` are those that have evidence."""

    name: str
    passages: list[Passage]
    evidence: Counter[int]
    sessions: Sequence[int] = ()
    questions: Sequence[Question] = ()


def conversations(*, assistant: bool = True) -> list[Conversation]:
    """All conversations of the file. Of its two people the second is loaded as the assistant, or
    both as users with their names. A photo is in the text as its caption. Raises NoData."""
    return [_conversation(sample, assistant) for sample in load("locomo_dev4.json")]


def _conversation(sample: dict[str, Any], assistant: bool) -> Conversation:
    said = sample["conversation"]
    second = said["speaker_b"]
    passages: list[Passage] = []
    sessions: list[int] = []
    seqs: dict[str, int] = {}
    numbers = sorted(int(key[8:]) for key in said if re.fullmatch(r"session_\d+", key))
    for number in numbers:
        session = f"session_{number}"
        begun = datetime.strptime(said[f"{session}_date_time"].title(), _WHEN).replace(tzinfo=UTC)
        for turn in said[session]:
            seq = len(passages) + 1
            seqs[turn["dia_id"]] = seq
            text = words(turn)
            role = "assistant" if assistant and turn["speaker"] == second else "user"
            size = tokens.FRAMING + tokens.count_text(text, ENCODER)
            at = int(begun.timestamp() * 1_000_000)
            passages.append(Passage(seq, role, text, turn["speaker"], tokens=size, at=at))
            sessions.append(number)
    asked = [(one, _cited(one, seqs)) for one in sample["qa"]]
    named = Counter(seq for one, _ in asked for seq in _named(one, seqs))
    questions = [
        Question(str(one["question"]), int(one["category"]), cited) for one, cited in asked if cited
    ]
    name = f"{said['speaker_a']}, {second}"
    return Conversation(name, passages, named, sessions, questions)


def _cited(question: dict[str, Any], seqs: dict[str, int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(_named(question, seqs)))


def _named(question: dict[str, Any], seqs: dict[str, int]) -> Iterator[int]:
    for cited in question["evidence"]:
        yield from (seqs[found] for found in _DIALOGUE_ID.findall(cited) if found in seqs)


def words(turn: dict[str, Any]) -> str:
    """What a turn says, with what its photo shows."""
    caption = turn.get("blip_caption")
    return f"{turn['text'].strip()} [photo: {caption}]" if caption else turn["text"].strip()
