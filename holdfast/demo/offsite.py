"""Three people plan an offsite with one agent, over four days in one thread."""

from __future__ import annotations

import re
from importlib import resources

from holdfast.demo.sample import HOUR, MINUTE, Sample, Script

SYSTEM = (
    "You help Ana, Bo and Chen of the studio Northlight plan their team offsite. Several people "
    "write in this thread: mind who said what. Keep one list of decisions, with who decided, and "
    "one of open questions. When somebody changes their mind, say what it changes."
)
SECOND_TRY = (
    "Here is the summary for the team, in the order they will need it:\n\n"
    "**When and where** Thursday noon to Saturday noon, Hof Ahlen, a farmhouse by the lake, 70 "
    "minutes by train and 10 by bus.\n"
    "**Getting there** Meet at 10:05 on platform 7. Chen has the group ticket. Priya drives and "
    "takes the screen, the sauna towels and Tomás with his crutches.\n"
    "**Food** Vegetarian by default. Ana cooks on Thursday, the farm on Friday. Bo cannot eat "
    "walnuts, Lena is coeliac: her bread comes separately.\n"
    "**Programme** Thursday: where we stand. Friday morning: pricing, three groups. Friday "
    "afternoon: free, the lake or the sauna. Saturday: decisions, each with a name and a date.\n"
    "**Cost** 3,480 of 4,000. The rest is for the boat if the weather holds.\n\n"
    "Still open: who takes the minutes on Saturday."
)
_LINE = re.compile(r"(Ana|Bo|Chen|Agent): (.*)", re.DOTALL)
_NEXT = re.compile(r"\n\n(?=(?:Ana|Bo|Chen|Agent): |\()")
_PAUSE = re.compile(r"\(([0-9]+) (hours|minutes) later\)")


def build() -> Sample:
    """About ninety messages; the last answer was asked for again."""
    text = resources.files("holdfast.demo").joinpath("offsite.txt").read_text("utf-8")
    script = Script()
    for paragraph in _NEXT.split(text.strip()):
        _act(script, paragraph)
    return Sample(
        key="demo-offsite",
        user="northlight",
        title="Offsite of the studio",
        system=SYSTEM,
        tags=("demo", "planning", "group"),
        metadata={"members": ["Ana", "Bo", "Chen"], "channel": "offsite"},
        lines=tuple(script.lines),
        ago=2 * MINUTE,
        second_try=SECOND_TRY,
    )


def _act(script: Script, paragraph: str) -> None:
    """One paragraph of the text: what somebody says, or a pause."""
    if pause := _PAUSE.fullmatch(paragraph):
        script.wait(int(pause[1]) * (HOUR if pause[2] == "hours" else MINUTE))
    elif said := _LINE.fullmatch(paragraph):
        if said[1] == "Agent":
            script.answer(said[2])
        else:
            script.user(said[2], name=said[1], after=35 + len(said[2]) // 3)
    else:
        raise ValueError(f"Nobody says this: {paragraph!r}")
