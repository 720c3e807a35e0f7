"""A stored turn as a test: the pytest file, the turn's file, and whether it is green today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from memory_app import context as contexts
from memory_app import records, turns
from memory_app.context import Ask, Context
from memory_app.core import expecting
from memory_app.core.expecting import Expectation
from memory_app.models import ContextRecord
from memory_app.turns import Turn
from sessions_app import auth, parameters
from sessions_app.calls import Parameter
from sessions_app.core.errors import BudgetTooSmall, InvalidField, TooLong
from sessions_app.http import json_response
from sessions_app.parameters import LARGEST, SEARCH
from sessions_app.store import get_store
from sessions_app.store.base import Snapshot

from .. import access
from ..asked import asked, query
from ..rendering import show, twin_address
from ..titles import titles
from .context import ASKED as OF_A_CONTEXT

EXPECTED: Mapping[str, Parameter] = {
    "kind": parameters.choice("What the test expects.", *expecting.KINDS),
    "text": parameters.text(SEARCH, "The text, the message's number or the most tokens."),
}
CARRIED = ("tokens", "query", "format", "policy")
"""What of a context's page is a question for that same context."""
ASKED = {**EXPECTED, **{name: OF_A_CONTEXT[name] for name in CARRIED}}
TYPE = {"json": "application/json", "py": "text/x-python; charset=utf-8"}


class Case(NamedTuple):
    """A turn and what is expected of it; `wrong` says why there is no expectation yet."""

    turn: Turn
    expected: Expectation | None
    wrong: str

    @property
    def name(self) -> str:
        """That of both files, without what ends it."""
        session = self.turn.session
        return expecting.file_name(session.key, str(session.id), self.turn.built.version)

    @property
    def holds(self) -> bool | None:
        """Whether the test is green today; None while there is none."""
        if self.expected is None:
            return None
        context = self.turn.built.as_json()
        return expecting.holds(self.expected, expecting.view(context, self.turn.built.digest))

    @property
    def test(self) -> str:
        """The pytest file; empty while nothing is expected."""
        if self.expected is None:
            return ""
        session = self.turn.session
        return expecting.pytest_file(
            [self.expected],
            session=session.key or str(session.id),
            version=self.turn.built.version,
            turn=f"{self.name}.json",
        )


# -- of a version of a session -------------------------------------------------------------------


@access.page
def page(request: HttpRequest, session: UUID, version: int) -> HttpResponse:
    """The test of the context as of a version."""
    wanted = asked(request, ASKED)
    found = get_store(auth.alias()).get(access.project(), session)
    try:
        turn = _turn(found, wanted, version)
    except BudgetTooSmall as error:
        return show(request, "turn_test", _too_small(request, found, wanted, version, error))
    return show(request, "turn_test", _shown(request, _case(turn, wanted), wanted))


@access.twin
def twin(request: HttpRequest, session: UUID, version: int) -> HttpResponse:
    """What the page says, in JSON."""
    wanted = asked(request, ASKED)
    found = get_store(auth.alias()).get(access.project(), session)
    return json_response(200, _as_json(_case(_turn(found, wanted, version), wanted)))


@access.page
def file(request: HttpRequest, session: UUID, version: int, ending: str) -> HttpResponse:
    """The turn's file (json) or the pytest file (py)."""
    wanted = asked(request, ASKED)
    found = get_store(auth.alias()).get(access.project(), session)
    return _file(_case(_turn(found, wanted, version), wanted), ending)


# -- of a context that was kept ------------------------------------------------------------------


@access.page
def record_page(request: HttpRequest, record: UUID) -> HttpResponse:
    """The test of a kept context; of one that other code sent, of what we had sent instead."""
    wanted = asked(request, EXPECTED)
    session, row = _kept(record)
    try:
        turn = _turn_of(session, row)
    except BudgetTooSmall as error:
        return show(request, "turn_test", _too_small(request, session, wanted, row.version, error))
    shown = _shown(request, _case(turn, wanted), wanted)
    proved = turn.record is None or turn.built.digest == bytes(row.digest).hex()
    return show(request, "turn_test", {**shown, "record": row, "proved": proved})


@access.twin
def record_twin(request: HttpRequest, record: UUID) -> HttpResponse:
    """What the page says, in JSON."""
    return json_response(200, _as_json(_case(_turn_of(*_kept(record)), asked(request, EXPECTED))))


@access.page
def record_file(request: HttpRequest, record: UUID, ending: str) -> HttpResponse:
    """The turn's file (json) or the pytest file (py)."""
    return _file(_case(_turn_of(*_kept(record)), asked(request, EXPECTED)), ending)


def _kept(record: UUID) -> tuple[Snapshot, ContextRecord]:
    store = get_store(auth.alias())
    row = records.one(store, access.project(), record)
    return store.get(access.project(), row.session.id), row


# -- both ----------------------------------------------------------------------------------------


def _turn(session: Snapshot, wanted: Mapping[str, Any], version: int) -> Turn:
    form = wanted.get("format", "openai")
    ask = Ask(wanted.get("tokens"), wanted.get("query"), form, version, wanted.get("policy"))
    return Turn(session, ask, _built(session, ask))


def _turn_of(session: Snapshot, row: ContextRecord) -> Turn:
    if row.kind == ContextRecord.OBSERVED:
        return _turn(session, {"format": row.form}, row.version)
    ask = Ask(row.room, row.query or None, row.form, row.version)
    return Turn(session, ask, records.again(get_store(auth.alias()), session, row), row)


def _built(session: Snapshot, ask: Ask) -> Context:
    return contexts.build(get_store(auth.alias()), session.project, session, ask)


def _case(turn: Turn, wanted: Mapping[str, Any]) -> Case:
    text = wanted.get("text", "")
    kind = wanted.get("kind", expecting.CONTAINS if text else expecting.SAME)
    if kind in expecting.TEXTUAL:
        wrong = "" if text else "Type the text that the test looks for."
        return Case(turn, None if wrong else Expectation(kind, text), wrong)
    if kind in expecting.NUMERIC:
        number = text.strip().replace(",", "").removeprefix("#")
        if not (number.isascii() and number.isdigit() and 0 < int(number[:19]) <= LARGEST):
            what = "number of a message" if kind == expecting.KEEPS else "most tokens it may take"
            return Case(turn, None, f"Type the {what}.")
        return Case(turn, Expectation(kind, number=int(number[:19])), "")
    return Case(turn, Expectation(kind), "")


def _file(case: Case, ending: str) -> HttpResponse:
    """Raises InvalidField while nothing is expected, TooLong where the session is too long."""
    if ending == "json":
        name, content = f"{case.name}.json", turns.file(get_store(auth.alias()), case.turn)
    else:
        if case.wrong:
            raise InvalidField(case.wrong, param="text")
        name, content = f"test_{case.name}.py", case.test.encode()
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=TYPE[ending], headers=headers)


def _size(case: Case) -> tuple[int | None, str]:
    """The bytes of the turn's file, or why there can be none."""
    try:
        return len(turns.file(get_store(auth.alias()), case.turn)), ""
    except TooLong as error:
        return None, error.message


def _as_json(case: Case) -> dict[str, Any]:
    octets, too_long = _size(case)
    expected = case.expected
    return {
        "session": str(case.turn.session.id),
        "version": case.turn.built.version,
        "digest": case.turn.built.digest,
        "expected": expected._asdict() if expected else None,
        "wrong": case.wrong or None,
        "holds": case.holds,
        "test": {"name": f"test_{case.name}.py", "text": case.test} if expected else None,
        "turn": {"name": f"{case.name}.json", "bytes": octets, "too_long": too_long or None},
    }


def _around(
    request: HttpRequest, session: Snapshot, wanted: Mapping[str, Any], version: int
) -> dict[str, Any]:
    carried = {name: wanted[name] for name in CARRIED if name in wanted}
    return {
        "section": "sessions",
        "session": session,
        "title": titles(auth.alias(), [session])[session.number],
        "version": version,
        "wanted": wanted,
        "carried": carried,
        "back": query(carried) if carried else "",
        "kinds": expecting.KINDS.items(),
        "most_asked": SEARCH,
        "here": request.path,
        "twin": twin_address(request),
    }


def _shown(request: HttpRequest, case: Case, wanted: Mapping[str, Any]) -> dict[str, Any]:
    octets, too_long = _size(case)
    session, built = case.turn.session, case.turn.built
    return {
        **_around(request, session, wanted, built.version),
        "case": case,
        "kind": wanted.get("kind") or (case.expected.kind if case.expected else ""),
        "files": query(wanted) if wanted else "",
        "octets": octets,
        "too_long": too_long,
        "messages": get_store(auth.alias()).messages_at(session, built.version),
        "said_by_host": [name for name, _ in built.provided],
    }


def _too_small(
    request: HttpRequest,
    session: Snapshot,
    wanted: Mapping[str, Any],
    version: int,
    error: BudgetTooSmall,
) -> dict[str, Any]:
    """There is no context to test: what must be in it does not fit."""
    return {**_around(request, session, wanted, version), "least": error.details["least"]}
