"""Users and facts to look at, stored the way any caller would."""

from __future__ import annotations

from typing import Any

import orjson

from memory_app import facts
from memory_app.facts import By, Stated
from memory_app.models import Fact
from sessions_app.models import Project
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot
from tests.pages.samples import session, user

MIA = By("mia")


def seen(project: Project, key: str) -> None:
    """A user of whom nothing is known but the key."""
    store = get_store()
    with store.db.transaction():
        store.end_user(project.pk, key)


def stored(project: Project, text: str, who: str = "ines", **more: Any) -> Fact:
    """A fact by hand."""
    stated = Stated(text=text, user=who, **more)
    facts.keep(get_store(), project.pk, [stated], MIA)
    return Fact.everything.order_by("number").last() or Fact()


def waits(project: Project, text: str, against: Fact | None, **more: Any) -> Fact:
    """A fact that was learnt and waits, since it contradicts another one."""
    key = more.pop("key", "home")
    fact = stored(project, text, **more)
    metadata = {facts.CONTRADICTS: str(against.id)} if against else {}
    Fact.everything.filter(pk=fact.pk).update(
        status=Fact.QUARANTINED, trust="user", key=key, metadata=orjson.dumps(metadata).decode()
    )
    return Fact.everything.get(pk=fact.pk)


def contradicted(project: Project, said: Snapshot | None = None) -> tuple[Fact, Fact]:
    """Somebody stored Porto; Ines says Lisbon later on, and it waits."""
    if said is None:
        said = session(project, [user("I live in Lisbon.")], user="ines")
    source = {"session": str(said.id), "seq": 1, "quote": "I live in Lisbon."}
    porto = stored(project, "Ines lives in Porto.", key="home", category="identity")
    return porto, waits(project, "I live in Lisbon.", porto, sources=(source,))


def now(fact: Fact) -> Fact:
    return Fact.everything.get(pk=fact.pk)
