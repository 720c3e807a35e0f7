"""`holdfast key`: who may use the API of a server that is not local."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from holdfast.commands import opening
from holdfast.commands.console import note, say, say_json, table
from holdfast.commands.outcomes import OK

if TYPE_CHECKING:
    from sessions_app.store.durable import DurableStore

HELP = "make, list and revoke API keys"


def options(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="create|list|revoke")
    create = actions.add_parser("create", help="make a key; its secret is shown this once")
    create.add_argument(
        "--scopes", default="write", help="read, write, admin, with commas (default: %(default)s)"
    )
    create.add_argument("--label", default="", help="what it is for")
    shown = actions.add_parser("list", help="show the keys of a project, without their secrets")
    revoke = actions.add_parser("revoke", help="end a key at once")
    revoke.add_argument("prefix", help="the key, or what stands between hf_ and the next _")
    for action in (create, shown, revoke):
        opening.database_option(action)
        action.add_argument("--json", action="store_true", help="answer in JSON")
    for action in (create, shown):
        opening.project_option(action)


def run(args: Namespace) -> int:
    store = opening.store_of(args, make=args.action == "create")
    {"create": _create, "list": _list, "revoke": _revoke}[args.action](args, store)
    return OK


def _create(args: Namespace, store: DurableStore) -> None:
    from sessions_app import auth

    scopes = [scope.strip() for scope in args.scopes.split(",") if scope.strip()]
    project = opening.project_of(args, store, make=True)
    key, text = auth.create_key(project, scopes, args.label)
    if args.json:
        say_json({**auth.key_out(key), "key": text})
        return
    say(text)
    note("This is the only time it is shown. Send it as `Authorization: Bearer ...`.")


def _list(args: Namespace, store: DurableStore) -> None:
    from sessions_app import auth

    rows = [auth.key_out(key) for key in auth.keys(opening.project_of(args, store))]
    if args.json:
        say_json(rows)
        return
    cells = [
        (row["prefix"], row["scopes"], row["label"], row["created_at"], row["revoked_at"] or "")
        for row in rows
    ]
    table(("prefix", "scopes", "label", "created", "revoked"), cells)


def _revoke(args: Namespace, store: DurableStore) -> None:
    from sessions_app import auth

    # A whole key is taken too, and only its prefix goes any further.
    prefix = args.prefix.removeprefix("hf_").partition("_")[0]
    key = auth.revoke_key(prefix)
    if args.json:
        say_json(auth.key_out(key))
    else:
        say(f"Revoked hf_{key.prefix}_...")
