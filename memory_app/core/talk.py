"""What a message does in a conversation: the rule that decides on it, from its cues and from what
was asked or offered before it.

Rules, not a model: each can be read, tried and explained, and none needs more than the messages
themselves. Speech acts are told as in task dialogues (Schema-Guided Dialogue): a short answer to a
question, or thanks while an offer stands, is a decision though its words carry nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from memory_app.core import pacing
from memory_app.core.cues import END, QUESTION, Cue
from memory_app.core.passages import SPOKEN, Passage
from memory_app.core.sentences import SEEN, Reading, Sentence

KEEP, SUMMARISE, DISCARD = "keep", "summarise", "discard"

PERSONS = ("user", "system", "developer")
"""Who may state what must be kept: people, and the application that speaks in their name."""

FIRM = (
    (Cue.CORRECTION, "correction", "it corrects what was said before"),
    (Cue.DECISION, "decision", "it says what was decided"),
    (Cue.CONSTRAINT, "constraint", "it says what must or must not be"),
    (Cue.PREFERENCE, "preference", "it says what the person likes or prefers"),
    (Cue.PROMISE, "commitment", "it says what somebody is going to do"),
    (Cue.REQUEST, "request", "it says what the person wants done"),
    (Cue.IDENTIFIER, "identifier", "it gives an identifier"),
)
"""What a person's sentence may state, the most telling first."""
_STATED = sum(cue for cue, _, _ in FIRM)

ECHO = 3
"""Values from which on a message that holds hardly any new one reads back what was agreed."""
ECHOED = 0.8
REPEATED = 4
"""Words from which on a question can be told from "and then?", which never asks the same twice."""


class Ruling(NamedTuple):
    """A class, the rule that decided it, and why in a sentence for a developer."""

    klass: str
    rule: str
    reason: str


def rulings(passages: Sequence[Passage], readings: Sequence[Reading]) -> Iterator[Ruling]:
    """The ruling on every message, in order."""
    talk = _Talk(_understood(passages, readings))
    for passage, reading in zip(passages, readings, strict=True):
        pacing.step()
        ruling = talk.rule(passage, reading)
        talk.note(passage, reading, ruling)
        yield ruling


def _understood(passages: Sequence[Passage], readings: Sequence[Reading]) -> bool:
    """Whether at least half of what was said at some length is in a language with cues. Where it
    is not, a short "ok" is no evidence that nothing was said."""
    lengthy = [
        reading.language is not None
        for passage, reading in zip(passages, readings, strict=True)
        if passage.role in SPOKEN and len(reading.words) > 4
    ]
    return sum(lengthy) * 2 >= len(lengthy)


class _Talk:
    """A conversation up to a message: what was asked last, whether an offer stands, which values
    were named, which questions a person has asked."""

    def __init__(self, understood: bool) -> None:
        self.understood = understood
        self.asked: Reading | None = None
        self.read_back: Reading | None = None
        self.answering = False
        self.thanked = False
        self.offered = False
        self.named: set[str] = set()
        self.questions: dict[tuple[str, ...], int] = {}

    def rule(self, passage: Passage, reading: Reading) -> Ruling:
        if passage.role == "tool":
            return Ruling(SUMMARISE, "none", "it comes from a tool")
        if not passage.text.strip():
            if passage.calls:
                return Ruling(SUMMARISE, "none", "it only calls tools")
            return Ruling(DISCARD, "filler", "it says nothing")
        if not reading.words:
            return self._wordless(passage)
        if reading.language is None:
            return self._foreign(passage, reading)
        if passage.role in PERSONS:
            return self._person(passage, reading)
        return self._assistant(passage, reading)

    def note(self, passage: Passage, reading: Reading, ruling: Ruling) -> None:
        """Remembers what the next message may be an answer to."""
        if passage.role == "tool" or not passage.text:
            return
        self.named.update(value.text for value in reading.values)
        self.read_back = None
        if passage.role == "assistant":
            self.asked = reading
            if ruling.rule == "commitment" and any(map(_reads_back, reading.sentences)):
                self.read_back = reading
            self.answering = ruling.rule not in ("outcome", "filler")
            if reading.cues & Cue.OFFER or ruling.rule == "commitment":
                self.offered = True
            elif ruling.rule == "outcome":
                self.offered = False
            return
        self.asked = None
        self.thanked = bool(reading.cues & (Cue.THANKS | Cue.DONE))
        if ruling.klass == KEEP:
            self.offered = False
        if ruling.rule == "question":
            self.questions.setdefault(_wording(reading), passage.seq)

    def _wordless(self, passage: Passage) -> Ruling:
        """Signs and emoji alone: an answer if something was asked or offered, else filler."""
        if passage.role in PERSONS and (self.offered or (self.asked and self.asked.asks)):
            return Ruling(KEEP, "answer", "it answers with a sign")
        if not self.understood or len(passage.text) > SEEN:
            return Ruling(SUMMARISE, "none", "it is signs alone, in a language without cues")
        return Ruling(DISCARD, "filler", "it holds no word")

    def _foreign(self, passage: Passage, reading: Reading) -> Ruling:
        if passage.role in PERSONS and reading.identifier:
            return Ruling(KEEP, "identifier", "it holds an identifier that a person gave")
        if passage.role == "user" and self.asked and self.asked.asks and not reading.asks:
            return Ruling(KEEP, "answer", "it answers a question")
        if self.understood and reading.asks and _short(passage.text):
            return self._question(reading)
        return Ruling(SUMMARISE, "unknown_language", "no cues exist for its language")

    def _person(self, passage: Passage, reading: Reading) -> Ruling:
        said, stated = _statement(reading)
        answer = self._answer(reading, stated) if passage.role == "user" else None
        if self._changes(reading):
            return Ruling(KEEP, "correction", "it changes what was read back")
        if answer and (reading.light or not said & _STATED):
            return Ruling(KEEP, "answer", answer)
        if reading.light and not reading.asks and not said & (Cue.DECISION | Cue.NEGATE):
            return self._light(reading)
        for cue, rule, reason in FIRM:
            if said & cue:
                return Ruling(KEEP, rule, reason)
        if reading.identifier:
            return Ruling(KEEP, "identifier", "it holds an identifier that a person gave")
        if said & (Cue.AFFIRM | Cue.NEGATE):
            return Ruling(KEEP, "answer", "it says yes or no")
        if reading.asks:
            return self._question(reading)
        return Ruling(SUMMARISE, "none", "no rule speaks for it or against it")

    def _answer(self, reading: Reading, stated: bool) -> str | None:
        """How a message decides something though its own words need not say so."""
        asked = self.asked
        if asked is not None and asked.cues & Cue.MORE:
            if reading.cues & (Cue.NEGATE | Cue.DONE):
                return "it says that nothing more is wanted"
        elif asked is not None and asked.asks and stated:
            return "it answers a question"
        if self.offered and reading.light and stated:
            return "it accepts what was offered"
        if self.answering and asked and reading.light and reading.cues & Cue.AFFIRM:
            return "it agrees"
        return None

    def _changes(self, reading: Reading) -> bool:
        """Whether a person answers what was read back with values that were not in it, rather than
        with a yes: whatever the words, what was read back no longer holds as it stands."""
        if self.read_back is None or reading.sentences[0].opening & Cue.AFFIRM:
            return False
        old = {value.text for value in self.read_back.values}
        return any(
            value.text not in old
            for sentence in reading.sentences
            if not sentence.question or sentence.cues & (Cue.REQUEST | Cue.CORRECTION)
            for value in sentence.values
        )

    def _light(self, reading: Reading) -> Ruling:
        if not self.understood:
            return Ruling(SUMMARISE, "none", "what was said around it was not understood")
        if reading.cues & Cue.NEGATION:
            return Ruling(SUMMARISE, "none", "it holds a negation")
        if reading.cues & (Cue.THANKS | Cue.DONE | Cue.AFFIRM):
            return Ruling(DISCARD, "acknowledgement", "it only thanks or agrees")
        return Ruling(DISCARD, "filler", "it only greets, or takes leave")

    def _question(self, reading: Reading) -> Ruling:
        wording = _wording(reading)
        first = self.questions.get(wording)
        if first is None or len(wording) < REPEATED:
            return Ruling(SUMMARISE, "question", "it only asks")
        if reading.values or reading.cues & Cue.NEGATION or not self.understood:
            return Ruling(SUMMARISE, "question", f"it asks again what message {first} asked")
        return Ruling(DISCARD, "repeated_question", f"it asks again what message {first} asked")

    def _assistant(self, passage: Passage, reading: Reading) -> Ruling:
        own = [sentence for sentence in reading.sentences if not sentence.cues & Cue.OFFER]
        if any(map(_tells_outcome, own)):
            return Ruling(KEEP, "outcome", "it tells how something that was asked for went")
        if reading.light:
            return self._closing(reading)
        if any(_reads_back(sentence) for sentence in own):
            return Ruling(KEEP, "commitment", "it reads back what was agreed")
        if not passage.calls and any(_promises(sentence) for sentence in own):
            return Ruling(KEEP, "commitment", "it promises something")
        if self._echoes(reading):
            return Ruling(KEEP, "commitment", "it repeats values that were named before")
        return Ruling(SUMMARISE, "none", "no rule speaks for it or against it")

    def _closing(self, reading: Reading) -> Ruling:
        if not self.understood:
            return Ruling(SUMMARISE, "none", "what was said around it was not understood")
        if reading.cues & Cue.NEGATION and not self.thanked:
            return Ruling(SUMMARISE, "none", "it holds a negation")
        return Ruling(DISCARD, "filler", "it only offers more help, greets or takes leave")

    def _echoes(self, reading: Reading) -> bool:
        values = reading.values
        if len(values) < ECHO or reading.cues & Cue.ASKING or reading.cues & Cue.OFFER:
            return False
        return sum(value.text in self.named for value in values) >= ECHOED * len(values)


FEW = 3
"""Words in which a question states nothing, whatever its language."""


def _short(text: str) -> bool:
    """Whether a text is a word or two in letters that are written with blanks between words."""
    return text.isascii() and len(text.split()) <= FEW


def _statement(reading: Reading) -> tuple[int, bool]:
    """The cues of what a person states, and whether anything is stated rather than asked.

    A question states nothing but a request ("can you book ...?"), the wish for something else
    nothing unless it names it, and thanks no request ("that is all I need"). What a sentence
    begins with may be an answer though it goes on as a question ("yes, what is the address?").
    """
    said, stated = 0, False
    for sentence in reading.sentences:
        cues = sentence.cues
        if cues & Cue.ASKING or (cues & Cue.ALTERNATIVE and not sentence.values):
            said |= sentence.opening & (Cue.DECISION | Cue.AFFIRM)
            continue
        if sentence.question and not cues & Cue.REQUEST:
            cues &= Cue.CORRECTION | sentence.opening & (Cue.DECISION | Cue.AFFIRM)
        else:
            stated = True
        if sentence.light:
            cues &= ~Cue.REQUEST
        said |= cues
    return said, stated


def _tells_outcome(sentence: Sentence) -> bool:
    """Whether a sentence says how something went; "can I do more?" in the same one is no bar to a
    failure, but "all done?" tells nothing."""
    cues = sentence.cues
    return bool(cues & Cue.OUTCOME) and (not cues & Cue.MORE or bool(cues & Cue.NEGATION))


def _reads_back(sentence: Sentence) -> bool:
    return bool(sentence.cues & Cue.READBACK) and not sentence.cues & (Cue.MORE | Cue.ASKING)


def _promises(sentence: Sentence) -> bool:
    return bool(sentence.cues & Cue.PROMISE) and not sentence.question


def _wording(reading: Reading) -> tuple[str, ...]:
    return tuple([word for word in reading.words if word not in (END, QUESTION)])
