"""`holdfast lease`: a person ends the lease of an agent that hangs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from holdfast.commands import opening
from holdfast.commands.console import say, say_json
from holdfast.commands.outcomes import OK, Refusal

HELP = "end the lease of an agent that hangs"


def options(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="free")
    free = actions.add_parser(
        "free", help="end the lease of a session at once; what its holder still writes is refused"
    )
    free.add_argument("session", metavar="SESSION", help="its key or id")
    opening.database_option(free)
    opening.project_option(free)
    free.add_argument("--json", action="store_true", help="answer in JSON")


def run(args: Namespace) -> int:
    """0 when the session was held and is free now. Raises Refusal where nobody held it."""
    store = opening.store_of(args)
    from sessions_app.store import leasing

    project = opening.project_of(args, store).pk
    found = opening.session_of(store, project, args.session)
    freed = leasing.free(store, project, found.id)
    if freed is None:
        raise Refusal(f"Nobody holds a lease on {args.session!r}.")
    if args.json:
        say_json({"session": str(found.id), "version": freed.version, "holder": freed.holder})
    else:
        say(f"Freed: {freed.holder} no longer holds {args.session}.")
    return OK
