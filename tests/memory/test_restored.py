"""After the database was set back to a backup and went on otherwise, nothing of the history that is
gone is told, though sessions have come to the very versions, facts to the revisions and policies to
the numbers that this process has read before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory_app import beside, facts, factsearch, policies, recall
from memory_app import context as building
from memory_app.facts import By, Stated
from memory_app.pipeline import Pipeline
from sessions_app.store import reading
from sessions_app.store.base import Edit, NewSession
from tests.memory.conftest import Desk
from tests.restoring import Backup

pytestmark = pytest.mark.django_db(transaction=True)

LOST, KEPT = "amber", "birch"
OF_A_CALL = ("id", "took_ms")


class Scene:
    """A session that was folded, one of a user, a fact and a policy, and what is told of them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        desk.policy("small", window=2_000, reserve=200)
        self.session = desk.session(policy="small", system="You help.")
        new = NewSession(user="alice", policy="small")
        self.of_alice = desk.store.open(desk.project, new).session.id
        desk.say(self.of_alice, [{"role": "user", "content": "Where is my parcel?"}])
        stated = [Stated("Lives in Graz.", user="bob", pinned=True)]
        ((fact,), *_) = facts.keep(desk.store, desk.project, stated, By("mia"))
        self.fact = fact.id

    def goes_on(self, word: str) -> None:
        """What happens to all of them, the same but for a word."""
        desk = self.desk
        said = [
            {"role": role, "content": f"Never send the {word} parcel {n} to door {n}, it is wrong."}
            for n in range(30)
            for role in ("user", "assistant")
        ]
        desk.policy("small", window=2_000, reserve=200, turns=3 if word == LOST else 4)
        for session in (self.session, self.of_alice):
            desk.say(session, said)
            desk.store.edit(desk.project, session, Edit(policy="small"))
        desk.prompt(self.session, f"You like {word}.")
        while Pipeline(desk.store).work():
            pass
        edited = facts.editing({"text": f"Lives in {word} street."})
        facts.change(desk.store, desk.project, self.fact, edited, By("mia"))

    def versions(self) -> list[tuple[int, int, int]]:
        rows = [self.desk.now(one) for one in (self.session, self.of_alice)]
        return [(row.version, row.fold_version, row.prompt_version) for row in rows]


def context_of(name: str, **ask: Any) -> Callable[[Scene], Any]:
    def told(scene: Scene) -> Any:
        desk, session = scene.desk, getattr(scene, name)
        found = building.build(desk.store, desk.project, session, building.Ask(**ask)).as_json()
        return {name: value for name, value in found.items() if name not in OF_A_CALL}

    return told


def prompt(scene: Scene) -> Any:
    known = scene.desk.store.get_in_epoch(scene.desk.project, scene.session)
    return dict(scene.desk.store.prompt(known).data)


def rules(scene: Scene) -> Any:
    known = scene.desk.store.get_in_epoch(scene.desk.project, scene.session)
    return policies.of_session(scene.desk.store, known)


def turns(scene: Scene) -> Any:
    desk = scene.desk
    return recall.hits(desk.store, desk.now(scene.of_alice), "which parcel to door 7", 20)["data"]


def searched(scene: Scene) -> Any:
    asked = {"user": "bob", "query": f"{LOST} street"}
    hits = factsearch.hits(scene.desk.store, scene.desk.project, asked)
    return [(hit["id"], hit["text"], hit["parts"]) for hit in hits]


TOLD: dict[str, Callable[[Scene], Any]] = {
    "context": context_of("session", tokens=900),
    "summary alone": context_of("session", tokens=300),
    "as of a version": context_of("session", at=64),
    "context with a question": context_of("session", query="which parcel to door 7"),
    "of a user": context_of("of_alice", tokens=900, query="which parcel to door 7"),
    "prompt": prompt,
    "policy": rules,
    "turns": turns,
    "facts": searched,
}


@pytest.mark.parametrize("name", TOLD)
def test_what_a_process_held_of_a_lost_history_is_told_no_more(desk: Desk, name: str) -> None:
    scene, told = Scene(desk), TOLD[name]
    backup = Backup()
    scene.goes_on(LOST)
    before, versions = told(scene), scene.versions()
    assert told(scene) == before
    backup.restore()
    scene.goes_on(KEPT)
    assert scene.versions() == versions
    after = told(scene)
    assert LOST not in str(after)
    beside.forget()
    reading.forget_events()
    assert after == told(scene)
    assert after != before


def test_a_session_that_is_shorter_again_is_told_as_it_is(desk: Desk) -> None:
    scene = Scene(desk)
    backup = Backup()
    scene.goes_on(LOST)
    assert LOST in str(turns(scene))
    backup.restore()
    assert LOST not in str(turns(scene))


def test_what_goes_on_as_it_was_is_not_read_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(desk)
    scene.goes_on(KEPT)
    ask = context_of("session", query="which parcel to door 7")
    ask(scene)
    took: list[int] = []
    take = recall.Held.take

    def noted(held: recall.Held, number: int, said: Any, read: int) -> None:
        took.append(read)
        take(held, number, said, read)

    monkeypatch.setattr(recall.Held, "take", noted)
    messages = desk.now(scene.session).messages
    desk.say(scene.session, [{"role": "user", "content": "And now?"}])
    ask(scene)
    assert took == [messages]
