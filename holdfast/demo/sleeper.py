"""A night train: the caller's own code sends only the newest messages, and the agent forgets the
booking reference that it was given first."""

from __future__ import annotations

from holdfast.demo.sample import MINUTE, Sample, Script

SYSTEM = (
    "You help the passengers of the Aurora night trains. You need the booking reference to change "
    "anything. Be brief and kind."
)
REFERENCE = "NT-30417"
SENT = 6
"""The newest messages that the caller sends."""


def build() -> Sample:
    """Some twenty messages; what was said first is no longer sent when it is needed."""
    script = Script()
    _begin(script)
    _ask(script)
    _forget(script)
    return Sample(
        key="demo-forgotten",
        user="mateo",
        title="Two berths to Vienna",
        system=SYSTEM,
        tags=("demo", "support", "rail"),
        metadata={"channel": "app"},
        lines=tuple(script.lines),
        ago=20 * MINUTE,
        sent=SENT,
    )


def _begin(script: Script) -> None:
    script.user(
        f"Hello! My booking reference is {REFERENCE}, two seats to Vienna on the 19th. Can we "
        "have berths instead?"
    )
    script.answer(
        f"Hello! I have {REFERENCE} here: two seats, Zurich to Vienna, 19 December at 21:40. "
        "Berths are possible: a compartment for four or one for two. Which would you like?"
    )
    script.user("What is the difference in price?")
    script.answer(
        "A berth in a compartment for four costs 34 euros more a person, one for two costs 79."
    )
    script.user("And is there breakfast?")
    script.answer("In the compartment for two it is included; in the one for four it is 9 euros.")


def _ask(script: Script) -> None:
    script.user("Is there a place for two bicycles?")
    script.answer("Yes, 14 euros each. They travel in the last coach and are loaded by the crew.")
    script.user("My wife cannot climb. Are there lower berths?", after=3 * MINUTE)
    script.answer(
        "Then the compartment for two is the better one: one of its berths is always a lower one."
    )
    script.user("Good. How late can we board?")
    script.answer("The doors close two minutes before departure; please be there by 21:20.")


def _forget(script: Script) -> None:
    script.user("Fine, the compartment for two please, with breakfast.")
    script.answer(
        "With pleasure. Could you give me your booking reference, so that I can change it?"
    )
    script.user("I gave it to you at the very beginning!", after=30)
    script.answer(
        "I am sorry, I do not see it. It begins with NT and stands on your confirmation. Without "
        "it I cannot change the booking."
    )
