"""What was learnt stands in contexts once its message does not, and old preferences are asked."""

from __future__ import annotations

import re
from uuid import UUID

from memory_app import facts, telling
from memory_app.facts import By, Stated
from sessions_app import clock
from sessions_app.models import EndUser
from tests.learning.conftest import Desk

DAY = 86_400_000_000


def block(desk: Desk, session: UUID, **ask: object) -> list[str]:
    """The lines of a context's block of facts."""
    text = "\n".join(str(one["content"]) for one in desk.context(session, **ask).messages)
    found = re.search(r"<facts>\n.*?\n(.*?)\n</facts>", text, re.DOTALL)
    return found[1].split("\n") if found else []


def test_what_stands_in_the_context_is_not_told_twice(desk: Desk) -> None:
    session = desk.of("ines", "My name is Ines.", "Hello?")
    desk.learn()
    assert block(desk, session) == []
    other = desk.of("ines", "Do you know me?")
    assert block(desk, other) == ["- My name is Ines."]


def test_what_left_the_context_is_told(desk: Desk) -> None:
    session = desk.of("ines", "My name is Ines.", *(f"Item {n} is at {n}." for n in range(60)))
    desk.learn()
    assert block(desk, session, tokens=4_000) == []
    assert block(desk, session, tokens=300) == ["- My name is Ines."]


def test_what_has_no_key_is_told_where_it_is_asked_for(desk: Desk) -> None:
    desk.of("ines", "I love hiking in the Alps.")
    desk.learn()
    other = desk.of("ines", "What shall we do on Sunday?")
    assert block(desk, other) == []
    assert block(desk, other, query="Any hiking near here?") == ["- I love hiking in the Alps."]


def test_what_was_taken_back_after_it_was_learnt_is_not_told_there(desk: Desk) -> None:
    session = desk.of("ines", "My name is Ines.", "Hello?")
    desk.learn()
    desk.retract(session, 1)
    assert block(desk, session) == []


def test_another_users_contexts_do_not_have_it(desk: Desk) -> None:
    desk.of("ines", "My name is Ines.")
    desk.learn()
    for user in ("bo", None):
        assert block(desk, desk.of(user, "Who am I?"), query="name Ines") == []


def test_what_waits_in_quarantine_is_in_no_context(desk: Desk) -> None:
    stated = Stated("Lives in Porto.", user="ines", key="home")
    facts.keep(desk.store, desk.project, [stated], By("mia"))
    desk.of("ines", "I live in Lisbon.")
    desk.learn()
    assert block(desk, desk.of("ines", "Hi"), query="Lisbon") == ["- Lives in Porto."]


def test_an_old_preference_is_to_be_asked_again(desk: Desk) -> None:
    now = clock.now_us()
    for days, key in ((31, "seat"), (29, "meal")):
        told = Stated(f"Prefers the old {key}.", user="ines", key=key, valid_us=now - days * DAY)
        facts.keep(desk.store, desk.project, [told], By("mia"))
    seat, meal = sorted(block(desk, desk.of("ines", "Hi")), reverse=True)
    assert re.search(r"seat\. \(as of \d+ \w+ \d{4}: ask whether it still holds\)$", seat)
    assert meal == "- Prefers the old meal."
    user = EndUser.objects.of(desk.project).get(key="ines")
    assert "ask whether" in telling.block(desk.store, desk.project, user)["text"]


def test_how_old_is_for_the_policy_to_say(desk: Desk) -> None:
    told = Stated("Prefers tea.", user="ines", key="drink", valid_us=clock.now_us() - 40 * DAY)
    facts.keep(desk.store, desk.project, [told], By("mia"))
    desk.policy("patient", preference_days=50)
    assert block(desk, desk.of("ines", "Hi", policy="patient")) == ["- Prefers tea."]


def test_who_says_it_again_confirms_it(desk: Desk) -> None:
    told = Stated("I prefer tea.", user="ines", key="", valid_us=clock.now_us() - 40 * DAY)
    made = facts.keep(desk.store, desk.project, [told], By("mia"))
    facts.change(
        desk.store, desk.project, made.facts[0].id, facts.editing({"key": "drink"}), By("mia")
    )
    assert "ask whether" in block(desk, desk.of("ines", "Hi"))[0]
    desk.of("ines", "I prefer tea.")
    desk.learn()
    assert block(desk, desk.of("ines", "Hi")) == ["- I prefer tea."]


def test_a_fact_that_nearly_fits_is_a_near_miss(desk: Desk) -> None:
    told = [
        Stated(f"Harbour {n} is windy and has a ferry to the islands.", user="ines", pinned=n < 9)
        for n in range(30)
    ]
    made = facts.keep(desk.store, desk.project, told, By("mia")).facts
    built = desk.context(desk.of("ines", "Hi"), tokens=900)
    misses = [miss for miss in built.as_json()["near_misses"] if "fact" in miss]
    shown = {fact for part in built.parts for fact in part.facts}
    assert len(misses) == 3
    assert {miss["fact"] for miss in misses} <= {str(fact.id) for fact in made} - shown
    assert all(miss["short_by"] > 0 and miss["seq"] is None for miss in misses)
