"""Whose turn it is to write to a SQLite file does the work of those behind as well.

One transaction, one commit, and then all of them have their answers. Nobody has one before that, so
where the work of one fails in a way that nobody foresaw, all of it is undone and done again, each
in a transaction of its own: the common case pays for no savepoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

from sessions_app.core import errors
from sessions_app.store import line
from sessions_app.store.durability import Durability
from sessions_app.store.failures import OF_THE_DATABASE

if TYPE_CHECKING:
    from sessions_app.store.database import Database

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Work = Callable[[Sequence[Asked], Durability], Sequence[Answer | errors.HoldfastError]]


def together(database: Database, asked: Asked, work: Work[Asked, Answer]) -> Answer:
    """The answer of `work` to what is asked, in a transaction; on SQLite in one with what the
    threads ask that stand in line behind this one.

    `work` gets those that are asked in their order, and gives for each an answer or the error that
    refuses it, for which nothing was changed. It may run in another thread than this, and uses this
    database alone. An error of the database fails all that is in the transaction; what else `work`
    raises fails those for whom it also raises it alone.
    """
    if not database.is_sqlite or database.nested or database.hurried:
        # Who is in a hurry does nobody else's work.
        return _alone(database, asked, work)
    place, turns = line.Place(asked), line.of(database.alias)
    turns.enter(place, database.patience)
    if place.leads:
        _lead(database, place, turns, work)
    answer: Answer = place.result()
    return answer


def _alone(
    database: Database, asked: Asked, work: Work[Asked, Answer], *, leads: bool = False
) -> Answer:
    with database.transaction(leads=leads) as durability:
        (found,) = work((asked,), durability)
        if isinstance(found, errors.HoldfastError):
            raise found
        return found


def _lead(database: Database, first: line.Place, turns: line.Line, work: Work[Any, Any]) -> None:
    places = [first]
    found: Sequence[Any] | None = None
    try:
        with database.transaction(leads=True) as durability:
            places += turns.follow()  # those who came while the file's lock was waited for
            found = work([place.asked for place in places], durability)
        for place, answer in zip(places, found, strict=True):
            place.answered(answer)
    except OF_THE_DATABASE as error:
        _refuse(places, error)
    except Exception as error:  # noqa: BLE001 - each who waits for it raises it
        if len(places) == 1:
            first.error = error
        elif found is not None:  # the commit was begun: what is done is not done again
            _refuse(places, errors.StoreUnavailable())
        else:
            _one_by_one(database, places, work)
    except BaseException:
        _refuse(places, errors.StoreUnavailable())
        raise
    finally:
        for place in places[1:]:
            place.call()
        turns.leave()


def _one_by_one(database: Database, places: Sequence[line.Place], work: Work[Any, Any]) -> None:
    for at, place in enumerate(places):
        try:
            place.answer = _alone(database, place.asked, work, leads=True)
        except OF_THE_DATABASE as error:
            _refuse(places[at:], error)
            return
        except Exception as error:  # noqa: BLE001 - it is raised where it belongs
            place.error = error
        except BaseException:
            _refuse(places[at:], errors.StoreUnavailable())
            raise


def _refuse(places: Sequence[line.Place], error: errors.HoldfastError) -> None:
    """What ended a transaction, for all whose work was in it; each raises one of its own."""
    for place in places:
        place.error = error
        error = copy(error)
