"""Projects: the tenants, each with policies from the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memory_app import policies
from sessions_app.core import errors, strict
from sessions_app.models import Project
from sessions_app.store import statements as sql
from sessions_app.store.durable import DurableStore
from sessions_app.store.reading import Reader

DEFAULT = "default"
LONGEST = 64


def named(text: str) -> str:
    """A name that a project may have. Raises InvalidField, TooLong, NulCharacter,
    InvalidUnicode."""
    strict.check(text, "name")
    if not text.strip():
        raise errors.InvalidField("Give the project a name.", param="name")
    if text != text.strip() or not text.isprintable():
        raise errors.InvalidField(
            "A name neither begins nor ends with a blank, and has no line breaks.", param="name"
        )
    if len(text) > LONGEST:
        raise errors.TooLong(f"A name has at most {LONGEST} characters. Shorten it.", param="name")
    return text


def ensure(store: DurableStore, name: str = DEFAULT) -> Project:
    """The project with this name, made with the default policies at first use. Raises what `named`
    does."""
    return store.project(named(name), policies.defaults())


def make(store: DurableStore, name: str) -> Project:
    """A new project. Raises what `named` does, and InvalidField where there is one already."""
    with store.db.reading():
        there = Project.objects.using(store.db.alias).filter(name=named(name)).exists()
    if there:
        raise errors.InvalidField("There is a project of this name already.", param="name")
    return ensure(store, name)


class Listed(NamedTuple):
    """A project in the list, and how many sessions it has; `most` + 1 stands for more."""

    number: int
    name: str
    created_us: int
    sessions: int


def listed(store: Reader, after: str, limit: int, *, most: int) -> Sequence[Listed]:
    """Projects behind a name, in the order of their names, without deleted sessions."""
    with store.db.reading():
        rows = store.db.rows(sql.PROJECTS_LISTED, (most + 1, after, limit))
    return [Listed(*row) for row in rows]
