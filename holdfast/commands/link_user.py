"""`holdfast link-user`: which user may read the facts of another one, of any project. No API key
can make a link: a key is of one project."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from holdfast.commands import opening
from holdfast.commands.console import say, say_json, table
from holdfast.commands.outcomes import OK, Refusal

if TYPE_CHECKING:
    from memory_app.models import UserLink
    from sessions_app.models import EndUser
    from sessions_app.store.durable import DurableStore

HELP = "let a user read the facts of another one, of any project"


def options(parser: ArgumentParser) -> None:
    parser.add_argument("user", nargs="?", metavar="USER", help="the user who reads")
    opening.project_option(parser)
    parser.add_argument("--reads", metavar="USER", help="the user whose facts are read")
    parser.add_argument("--of", metavar="PROJECT", help="the project of that user")
    parser.add_argument("--remove", action="store_true", help="end the link, at once")
    parser.add_argument("--list", action="store_true", help="show all links of all projects")
    parser.add_argument("--json", action="store_true", help="with --list, answer in JSON")
    opening.database_option(parser)


def run(args: Namespace) -> int:
    """0, also when the link was there already. Raises Refusal."""
    _check(args)
    store = opening.store_of(args)
    if args.list:
        _list(args, store)
    else:
        _link(args, store)
    return OK


def _check(args: Namespace) -> None:
    named = (args.user, args.reads, args.of)
    if args.list and (args.remove or any(name is not None for name in named)):
        raise Refusal("--list shows all links and takes no users.")
    if not args.list and None in named:
        raise Refusal("Name both: USER --project A --reads USER --of B. Or give --list.")
    if args.json and not args.list:
        raise Refusal("--json goes with --list.")


def _link(args: Namespace, store: DurableStore) -> None:
    from memory_app import links

    reader = _user(store, args.project, args.user)
    linked = _user(store, args.of, args.reads)
    told = f"{args.user} of {args.project}", f"{args.reads} of {args.of}"
    if not args.remove:
        links.make(store, reader.pk, linked.pk)
        say("{} reads the facts of {}.".format(*told))
    elif links.remove(store, reader.pk, linked.pk):
        say("{} no longer reads the facts of {}.".format(*told))
    else:
        raise Refusal("There is no link from {} to {}.".format(*told))


def _user(store: DurableStore, project: str, key: str) -> EndUser:
    from memory_app import endusers
    from sessions_app.core.errors import NotFound

    found = opening.project_of(Namespace(project=project), store)
    try:
        user: EndUser = endusers.one(store, found.pk, key)
    except NotFound:
        raise Refusal(f"There is no user {key!r} in the project {project!r}.") from None
    return user


def _list(args: Namespace, store: DurableStore) -> None:
    from memory_app import links

    rows = [_row(link) for link in links.every(store)]
    if args.json:
        say_json(rows)
        return
    cells = [[" ".join(cell.split()) for cell in row.values()] for row in rows]
    table(("user", "project", "reads", "of", "created"), cells)


def _row(link: UserLink) -> dict[str, Any]:
    from sessions_app.core import instants

    return {
        "user": link.reader.key,
        "project": link.reader.project.name,
        "reads": link.linked.key,
        "of": link.linked.project.name,
        "created_at": instants.render(link.created_us),
    }
