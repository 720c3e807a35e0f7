"""Lists of sessions that members keep under a name. The only door to their rows.

They are the project's, not a member's: a team looks at the same lists. A list is never changed
under its name; it is taken away and kept again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sessions_app import clock
from sessions_app.core import strict
from sessions_app.core.errors import InvalidField, NotFound, TooLong
from sessions_app.models import SavedView
from sessions_app.store import statements as sql
from sessions_app.store.database import Database
from sessions_app.store.durable import DurableStore

MOST = 50
LONGEST_NAME = 64
LONGEST_QUERY = 4_000


@dataclass(frozen=True, slots=True)
class NewView:
    """A list to keep: its name, the query of its page without `?`, and who keeps it."""

    name: str
    query: str
    member: str


def of(alias: str, project: int) -> list[SavedView]:
    """The lists of a project, in the order they were kept."""
    with Database(alias).reading():
        return list(_rows(alias, project).order_by("id")[:MOST])


def one(alias: str, project: int, number: int) -> SavedView:
    """One of them. Raises NotFound."""
    with Database(alias).reading():
        found: SavedView | None = _rows(alias, project).filter(pk=number).first()
    if found is None:
        raise NotFound("There is no such view in this project. Somebody may have deleted it.")
    return found


def put(store: DurableStore, project: int, new: NewView) -> SavedView:
    """Keeps a list under a name that no other has.

    Raises InvalidField (no name, a name that is taken, the 51st view), TooLong, NulCharacter,
    InvalidUnicode, and NotFound before there is a project.
    """
    _check(new)
    alias = store.db.alias
    with store.db.transaction():
        # One at a time in a project, so that neither the number nor a name is passed by two.
        if not store.db.run(sql.LOCK_PROJECT, (project,)).rowcount:
            raise NotFound("There is no project yet. The first session makes one.")
        _check_room(alias, project, new.name)
        return SavedView.everything.using(alias).create(
            project_id=project,
            name=new.name,
            query=new.query,
            member=new.member,
            created_us=clock.now_us(),
        )


def remove(store: DurableStore, project: int, number: int) -> SavedView:
    """Takes a list away and returns what it was. Raises NotFound."""
    with store.db.transaction():
        found = one(store.db.alias, project, number)
        if not _rows(store.db.alias, project).filter(pk=number).delete()[0]:
            raise NotFound("Somebody else has just deleted this view.")
    return found


def _rows(alias: str, project: int) -> Any:
    return SavedView.objects.of(project).using(alias)


def _check(new: NewView) -> None:
    strict.check(new.name, "name")
    if not new.name.strip():
        raise InvalidField("Give the view a name.", param="name")
    if len(new.name) > LONGEST_NAME:
        raise TooLong(f"A name has at most {LONGEST_NAME} characters. Shorten it.", param="name")
    if len(new.query) > LONGEST_QUERY:
        raise TooLong("These filters are too long to be kept as a view.", param="query")


def _check_room(alias: str, project: int, name: str) -> None:
    names = list(_rows(alias, project).values_list("name", flat=True))
    if name in names:
        raise InvalidField(
            "Another view has this name. Choose another, or delete that one.", param="name"
        )
    if len(names) >= MOST:
        raise InvalidField(f"There are {MOST} views already. Delete one first.", param="name")
