"""Four hundred turns with a household assistant: weeks of dinners, lists and small worries.

The answers follow from the state of the house, so what is said in one week is true in the next.
"""

from __future__ import annotations

from collections.abc import Callable

from holdfast.demo import home
from holdfast.demo.sample import DAY, HOUR, MINUTE, Sample, Script

TURNS = 400
DAYS = 70
ASKED = 12
"""The newest messages, of which the answers were given from contexts that were kept."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SYSTEM = (
    "You are the household assistant of Lea and Tom, who live with Mira (9), Jonas (6) and a cat "
    "called Biscuit. Keep the shopping list, the reminders and the household book. Answer in a "
    "few sentences, like somebody who knows the house."
)
BUDGET = 113_000  # cents a month
ASK_FROM = 18
BINS = {0: "paper", 3: "compost and the grey bin", 6: "glass, if the box in the cellar is full"}


class House:
    """What the assistant has to know to answer."""

    def __init__(self) -> None:
        self.list: list[str] = []
        self.spent = 0
        self.meter = 48_213.4
        self.watered = 0

    def add(self, *items: str) -> str:
        """Put on the list what is not there yet; the list in words."""
        self.list += [item for item in items if item not in self.list]
        return _words(self.list)


Moment = Callable[[House, int], tuple[str, str]]


def build() -> Sample:
    """400 turns over some nine weeks that begin on a Monday."""
    script, house = Script(), House()
    turns = 0
    for day in range(DAYS):
        script.wait(day * DAY + 7 * HOUR - script.at)
        for moment in _moments(day):
            if turns == TURNS:
                break
            script.wait(25 * MINUTE + (day * 7 + turns * 11) % 70 * MINUTE)
            said, answered = moment(house, day)
            script.user(said)
            script.answer(answered)
            turns += 1
    return Sample(
        key="demo-400-turns",
        user="lea",
        title="The house, week by week",
        system=SYSTEM,
        tags=("demo", "household", "long"),
        metadata={"household": "Lea, Tom, Mira, Jonas, Biscuit"},
        lines=tuple(script.lines),
        ago=10 * MINUTE,
        weekly=True,
        asked=ASKED,
        known=(("favourite tea", "Lea's favourite tea is peppermint."),),
    )


def _moments(day: int) -> list[Moment]:
    """What comes up on a day, in its order."""
    weekday = day % 7
    found: list[Moment] = []
    if day % 2 == 0 and day // 2 < len(home.FACTS):
        found.append(_told)
    if day % 2 == 1 and day > ASK_FROM:
        found.append(_asked_back)
    found.append(_list)
    if day % 3 != 2:
        found.append(_reminder)
    if weekday in BINS:
        found.append(_bins)
    found.append(_money)
    if weekday in (1, 4, 5):
        found.append(_shop)
    if day % 3 == 2:
        found.append(_tip)
    if weekday == 6:
        found.append(_meter)
    if day % 3 == 0:
        found.append(_plants)
    if weekday in (0, 3):
        found.append(_school)
    found.append(_dinner)
    return found


def _told(_: House, day: int) -> tuple[str, str]:
    fact = home.FACTS[day // 2]
    return fact.said, fact.noted


def _asked_back(_: House, day: int) -> tuple[str, str]:
    # Two weeks or so after it was said, and not in the order in which it was said.
    number = day // 2
    fact = home.FACTS[number - 8 + (2, 0, -2)[number % 3]]
    return fact.asked, fact.answer


def _list(house: House, day: int) -> tuple[str, str]:
    first, second = home.GOODS[day * 2 % 37], home.GOODS[(day * 5 + 3) % 37]
    now = house.add(first, second)
    return (
        home.LIST_WORDS[day % len(home.LIST_WORDS)].format(first, second),
        f"Done. On the list now: {now}.",
    )


def _shop(house: House, day: int) -> tuple[str, str]:
    had, house.list = house.list, house.list[-1:] if day % 4 == 1 else []
    left = f" {house.list[0].capitalize()} was sold out, so it stays on." if house.list else ""
    return (
        home.SHOP_WORDS[day % len(home.SHOP_WORDS)],
        f"{len(had)} things: {_words(had)}. I'll take them off when you have paid.{left}",
    )


def _reminder(_: House, day: int) -> tuple[str, str]:
    what, when = home.REMINDERS[(day - day // 3) % len(home.REMINDERS)]
    words = home.REMINDER_WORDS[day % len(home.REMINDER_WORDS)]
    return words.format(what, when), f"I'll remind you {when}: {what}."


def _bins(_: House, day: int) -> tuple[str, str]:
    tomorrow = WEEKDAYS[(day + 1) % 7]
    asked = ("Which bin tonight?", "Bins?", "What do I have to put out for tomorrow?")[day % 3]
    return asked, f"{BINS[day % 7].capitalize()}. It is collected on {tomorrow} before seven."


def _money(house: House, day: int) -> tuple[str, str]:
    if day % 28 == 0:
        house.spent = 0
    shop, cents = home.SHOPS[day % len(home.SHOPS)], 640 + day * 1_373 % 5_900
    house.spent += cents
    left = BUDGET - house.spent
    state = f"{_euro(left)} left of the month" if left >= 0 else f"{_euro(-left)} over the plan"
    return (
        home.MONEY_WORDS[day % len(home.MONEY_WORDS)].format(_euro(cents), shop),
        f"Booked: {_euro(cents)}, {shop}. That makes {_euro(house.spent)} since the month began, "
        f"{state}.",
    )


def _tip(_: House, day: int) -> tuple[str, str]:
    return home.TIPS[day // 3 % len(home.TIPS)]


def _meter(house: House, day: int) -> tuple[str, str]:
    used = 46.2 + day * 7 % 19 * 0.9
    house.meter += used
    trend = "a little less than" if used < 54 else "a little more than"
    return (
        f"The electricity meter says {house.meter:.1f}.",
        f"That is {used:.1f} kWh since last Sunday, {used / 7:.1f} a day, {trend} usual.",
    )


def _plants(house: House, day: int) -> tuple[str, str]:
    days, house.watered = day - house.watered, day
    since = f"{days} days ago" if days else "before I kept count"
    return (
        home.PLANT_WORDS[day // 3 % len(home.PLANT_WORDS)],
        f"The last time was {since}. The fig wants a litre, the orchid a sip; I've noted today.",
    )


def _school(_: House, day: int) -> tuple[str, str]:
    return home.SCHOOL[(day // 7 * 2 + (day % 7 > 0)) % len(home.SCHOOL)]


def _dinner(house: House, day: int) -> tuple[str, str]:
    meal, needs, note = home.MEALS[day * 3 % len(home.MEALS)]
    missing = needs[day % len(needs)]
    house.add(missing)
    return (
        home.DINNER_WORDS[day % len(home.DINNER_WORDS)],
        f"How about {meal}? {note} We have everything but {missing}, which I put on the list.",
    )


def _words(items: list[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def _euro(cents: int) -> str:
    return f"{cents / 100:.2f} euros"
