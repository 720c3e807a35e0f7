"""Conversations that are folded: a person and an assistant plan something, about 25 words a
message, the same in every run."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

PERSON = (
    "I would rather keep the aisle seat on the {day} flight, the window makes me dizzy.",
    "We decided to meet {name} in {place} on {month} {number}, so book two nights there.",
    "My customer number is {code}, you will need it for the invoice.",
    "Actually, no, make that {number} people, {name} cannot come.",
    "Could you check whether the {thing} is still below {number} euros?",
    "Please never call me before {hour} am, I work nights.",
    "Did {name} say anything about the {thing}?",
    "I have been to {place} twice and both times it rained the whole week, which I liked a lot.",
    "Thanks, that helps!",
    "ok",
    "What about the {thing}, is it included?",
    "My sister lives near {place} and says the market there is only open on {day} mornings.",
)
ASSISTANT = (
    "I found {number} options for the {thing}; the cheapest leaves {place} at {hour}:{number}.",
    "I will send {name} the confirmation by {day} at the latest.",
    "Your booking {code} is confirmed for {month} {number} in {place}.",
    "The {thing} costs {number} euros, breakfast is not included. Shall I reserve it?",
    "Sure! Is there anything else I can do for you?",
    "It rains often in {place} in {month}, so you may want to pack a coat. Many people prefer the "
    "small hotels near the harbour because they are quiet and close to the old town.",
    "Sorry, {name} has not answered yet. I will ask again on {day}.",
)
SLOTS = {
    "day": ("Monday", "Tuesday", "Friday", "Sunday"),
    "name": ("Maria", "Jonas", "Mr Keller", "Aiko", "Lena Fuchs", "Omar"),
    "place": ("Lisbon", "Graz", "Osaka", "Cork", "Turin", "Bergen"),
    "month": ("March", "June", "October"),
    "thing": ("hotel", "train", "rental car", "museum pass", "ferry"),
}


def messages(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """So many messages, of two sentences each, by turns of the person and the assistant."""
    random = Random(seed)
    for number in range(count):
        role, said = ("assistant", ASSISTANT) if number % 2 else ("user", PERSON)
        text = " ".join(_filled(random.choice(said), random) for _ in range(2))
        yield {"role": role, "content": text}


def _filled(template: str, random: Random) -> str:
    slots = {name: random.choice(values) for name, values in SLOTS.items()}
    code = f"QX{random.randrange(10, 99)}-{random.randrange(10_000, 99_999)}"
    number, hour = random.randrange(10, 59), random.randrange(6, 12)
    return template.format(**slots, code=code, number=number, hour=hour)
