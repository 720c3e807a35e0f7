"""Which project a page is about: that of its object, or the one that the address of a list names.

It is decided once for a request and looked up when somebody first asks. A page of an object finds
its project by the object, so a shared link opens for every member; a list takes `?project=NAME`,
and keeps it in its links and forms. No cookie remembers a choice: what is shown would then depend
on who looks. `default` is not named, so with one project nobody sees that there could be more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse

from memory_app import projects
from memory_app.models import Compression, ContextRecord, Fact
from sessions_app import auth, parameters
from sessions_app.calls import Parameter
from sessions_app.core import strict
from sessions_app.core.errors import InvalidField, NotFound
from sessions_app.models import ApiKey, Project, SavedView, Session
from sessions_app.store.database import Database

DEFAULT = projects.DEFAULT
MOST_OFFERED = 50
NO_PROJECT = 0
"""The number of no row: a project that is not there yet shows empty pages."""
PROJECT: Mapping[str, Parameter] = {
    "project": parameters.text(projects.LONGEST, "Of this project; `default` when left out.")
}

_OWNERS: Mapping[str, Callable[[Any], Any]] = {
    "session": lambda key: Session.everything.filter(id=key).values("project_id"),
    "compression": lambda key: Compression.everything.filter(id=key).values("project_id"),
    "record": lambda key: ContextRecord.objects.filter(id=key).values("session__project_id"),
    "fact": lambda key: Fact.everything.filter(id=key).values("project_id"),
    "view": lambda key: SavedView.everything.filter(pk=key).values("project_id"),
    "key": lambda prefix: ApiKey.objects.filter(prefix=prefix).values("project_id"),
}
"""What an address names an object by, and the rows with the number of its project."""


class Found(NamedTuple):
    """The project, whether there are others, and the first of all by name where they were read."""

    number: int = NO_PROJECT
    name: str = ""
    several: bool = False
    offered: tuple[str, ...] | None = None


@dataclass
class Scope:
    """The project of one request. `path` are the names and values in the address of the page,
    `sent` is the `project` of its query, `again` whether there are several of it."""

    path: Mapping[str, Any]
    sent: str = ""
    again: bool = False

    @property
    def owned(self) -> bool:
        """Whether the page is one of an object, which says the project."""
        return any(name in _OWNERS for name in self.path)

    @cached_property
    def found(self) -> Found:
        """Raises NotFound for a project that the address names and that is not there, and what is
        wrong with such a name."""
        with Database(auth.alias()).reading():
            found = self._by_object() if self.owned else self._by_name()
        if self.sent and not self.owned and not found.number:
            raise NotFound(f"There is no project {self.sent!r} here.", param="project")
        return found

    def _by_object(self) -> Found:
        kind = next(name for name in self.path if name in _OWNERS)
        row = Project.objects.using(auth.alias()).owner(_OWNERS[kind](self.path[kind]))
        return Found(*row) if row else Found()

    def _by_name(self) -> Found:
        wanted = self.sent or DEFAULT
        strict.check(wanted, "project")
        PROJECT["project"].reader.read(wanted)
        rows = Project.objects.using(auth.alias()).first_named(wanted)
        read = list(rows.values_list("pk", "name")[:MOST_OFFERED])
        names = tuple(sorted(name for _, name in read))
        number = next((number for number, name in read if name == wanted), NO_PROJECT)
        several = bool(set(names) - {DEFAULT})
        return Found(number, wanted if number else "", several, names)

    def check(self) -> None:
        """Raises what is wrong with a project that the address of a list names."""
        if self.again:
            raise InvalidField("Name one project.", param="project")
        if self.sent and not self.owned:
            _ = self.found

    @property
    def known(self) -> Found:
        """What was found if anybody asked; an error page looks nothing up."""
        held = self.__dict__.get("found")
        return held if isinstance(held, Found) else Found()

    @property
    def name(self) -> str:
        """The project's name, as far as it is known; "" for the default one."""
        return "" if self.known.name == DEFAULT else self.known.name

    def offered(self) -> list[str]:
        """The names of all projects, where there are several and the page is about one."""
        if not self.known.several:
            return []
        names = self.known.offered
        if names is None:
            with Database(auth.alias()).reading():
                rows = Project.objects.using(auth.alias()).first_named(self.known.name or DEFAULT)
                names = tuple(sorted(rows.values_list("name", flat=True)[:MOST_OFFERED]))
        return list(names)


class Choice(NamedTuple):
    """A project that one can go to: its name, the address of its list, and whether one is there."""

    name: str
    address: str
    chosen: bool


_NOWHERE = Scope({})
_now: ContextVar[Scope] = ContextVar("holdfast_scope", default=_NOWHERE)


@contextmanager
def of(request: HttpRequest, path: Mapping[str, Any]) -> Iterator[None]:
    """While a view answers a request, `current` is its scope; threads and tasks have their own."""
    sent = request.GET.getlist("project")
    token = _now.set(Scope(path, "".join(sent[-1:]), again=len(sent) > 1))
    try:
        yield
    finally:
        _now.reset(token)


def current() -> Scope:
    """The scope of the request that is being answered; outside of one it is of no project."""
    return _now.get()


def link() -> dict[str, str]:
    """What the address of a list says of the project; nothing for the default one."""
    name = current().name
    return {"project": name} if name else {}


def kept() -> dict[str, str]:
    """The same for the links of a list to itself; the address of an object says it already."""
    return {} if current().owned else link()


def choices(request: HttpRequest) -> list[Choice]:
    """The projects that the header offers: of a list the same list, else their sessions."""
    scope = current()
    names = scope.offered()
    page = reverse("holdfast_pages:sessions") if scope.path else request.path
    return [_choice(page, name, scope.known.name or DEFAULT) for name in names]


def _choice(page: str, name: str, here: str) -> Choice:
    from .asked import query  # asks this module what to keep

    own = {"project": None if name == DEFAULT else name}
    return Choice(name, f"{page}{query({}, **own)}".removesuffix("?"), name == here)
