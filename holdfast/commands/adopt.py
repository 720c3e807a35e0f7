"""`holdfast adopt`: a site's own chat tables become sessions, and are compared with them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from holdfast.commands import opening
from holdfast.commands.console import note, progress, say, say_json
from holdfast.commands.outcomes import INCOMPLETE, OK, PROBLEMS, Refusal

if TYPE_CHECKING:
    from holdfast.adoption import Adoption
    from holdfast.adoption.comparing import Compared
    from holdfast.adoption.copying import Report

HELP = "copy a site's own chat tables into sessions, or compare both"
SHOWN = 20
MOST = 500


def options(parser: ArgumentParser) -> None:
    parser.add_argument("mapping", metavar="MAPPING", help="path.to.YourAdoption")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="read and map all, store nothing")
    what.add_argument(
        "--compare", action="store_true", help="store nothing, tell what differs from the tables"
    )
    parser.add_argument(
        "--batch",
        type=_batch,
        default=MOST,
        metavar="ROWS",
        help="rows a transaction, 1 to 500 (default: %(default)s)",
    )
    parser.add_argument(
        "--limit", type=_limit, metavar="ROWS", help="stop when about this many are stored"
    )
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    opening.database_option(parser)


def run(args: Namespace) -> int:
    """0; 4 when a row could not be stored; with --compare, 1 when anything differs."""
    if opening.is_own_site():
        raise Refusal("This needs your site: run `python manage.py holdfast adopt MAPPING` there.")
    store = opening.store_of(args)
    adoption = _loaded(args.mapping)
    alias = store.db.alias
    return _compare(adoption, alias, args) if args.compare else _backfill(adoption, alias, args)


def _loaded(path: str) -> Adoption[Any, Any]:
    from django.utils.module_loading import import_string

    from holdfast.adoption import Adoption

    try:
        found = import_string(path)
    except ImportError as error:
        raise Refusal(f"Cannot import {path}: {error}.") from error
    made = found() if isinstance(found, type) else found
    if not isinstance(made, Adoption):
        raise Refusal(f"{path} is no holdfast.Adoption.")
    return made


def _batch(text: str) -> int:
    rows = int(text)
    if not 1 <= rows <= MOST:
        raise ValueError
    return rows


def _limit(text: str) -> int:
    rows = int(text)
    if rows < 1:
        raise ValueError
    return rows


# -- backfill ----------------------------------------------------------------------------------


def _backfill(adoption: Adoption[Any, Any], alias: str, args: Namespace) -> int:
    from holdfast.adoption.backfilling import backfill

    with progress("Adopting") as bar:
        total = adoption.messages.count()
        report = backfill(
            adoption,
            alias,
            batch=args.batch,
            limit=args.limit,
            dry_run=args.dry_run,
            on_progress=lambda done: bar(done, total),
        )
    _tell(report, args)
    return INCOMPLETE if report.refused else OK


def _tell(report: Report, args: Namespace) -> None:
    if args.json:
        say_json({**asdict(report), "dry_run": args.dry_run})
        return
    would = "Would copy" if args.dry_run else "Copied"
    say(
        f"{would} {report.new} rows of {report.conversations} conversations; "
        f"{report.known} were there, {report.left_out} are left out by the mapping."
    )
    if report.mended:
        say(f"In {report.mended} rows, what cannot be stored is U+FFFD or text now.")
    if not report.finished:
        say("Stopped at the limit; run it again to go on.")
    _tell_refused([f"{name}: {reason}" for name, reason in report.refused])


def _tell_refused(lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        note(f"Refused {line}")
    if len(lines) > SHOWN:
        note(f"... and {len(lines) - SHOWN} more; --json shows all.")


# -- compare -----------------------------------------------------------------------------------


def _compare(adoption: Adoption[Any, Any], alias: str, args: Namespace) -> int:
    from holdfast.adoption import comparing
    from holdfast.adoption.tables import Tables

    counts = {"conversations": 0, "rows": 0, "messages": 0}
    different = []
    with progress("Comparing") as bar:
        total = adoption.messages.count()
        for one in comparing.compare(adoption, alias):
            counts["conversations"] += 1
            counts["rows"] += one.rows
            counts["messages"] += one.messages
            if one.differs():
                different.append(one)
            bar(counts["rows"], total)
    outside = Tables(adoption).outside()
    if args.json:
        shown = [asdict(one) for one in different]
        say_json({**counts, "outside": outside, "same": not different, "different": shown})
    else:
        _tell_compared(counts, different, outside)
    return PROBLEMS if different else OK


def _tell_compared(counts: dict[str, int], different: list[Compared], outside: int) -> None:
    for one in different[:SHOWN]:
        say(f"{one.conversation}: {_in_words(one)}")
    if len(different) > SHOWN:
        say(f"... and {len(different) - SHOWN} more conversations; --json shows all.")
    if outside:
        note(f"{outside} rows belong to no conversation of the mapping.")
    of = f"{counts['rows']} rows of {counts['conversations']} conversations"
    say(f"Compared {of} with {counts['messages']} messages.")
    if different:
        note(f"{len(different)} conversations differ. Do not cut over yet.")
    else:
        say("Nothing differs. You can cut over.")


def _in_words(one: Compared) -> str:
    from holdfast.adoption.comparing import KINDS

    found = [(kind, getattr(one.difference, kind)) for kind in KINDS]
    return "; ".join(f"{kind}: {_some(names)}" for kind, names in found if names)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
