"""`holdfast import`: logs of other tools become sessions."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from holdfast.commands import opening, serve
from holdfast.commands.console import note, progress, say, say_json
from holdfast.commands.outcomes import INCOMPLETE, OK, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from memory_app.foreign import Found
    from sessions_app.importers import Following, Report
    from sessions_app.store.durable import DurableStore

    Lost = Callable[[Report, Namespace], Found | None]

HELP = "import the logs of other tools"
SHOWN_ERRORS = 20
LOOK_EVERY = 1.0
"""Seconds between two looks at followed files; looks that take long come less often."""
RESTS = 4


def options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "format",
        metavar="FORMAT",
        help="whose logs: claude-code, openai-chat, holdfast, anthropic, chatgpt, claude-ai, "
        "openai-agents, llm or langgraph",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        default=[],
        type=Path,
        metavar="PATH",
        help="files or folders (claude-code and llm find their own when there is none)",
    )
    parser.add_argument("--dry-run", action="store_true", help="read everything, store nothing")
    parser.add_argument(
        "--follow", action="store_true", help="go on as the files grow, until Ctrl-C"
    )
    parser.add_argument("--user", help="whose sessions they become")
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    opening.database_option(parser)
    opening.project_option(parser)


def run(args: Namespace) -> int:
    """0, or 4 when a line or file could not be imported; all others are. Following ends with 0."""
    missing = next((path for path in args.paths if not path.exists()), None)
    if missing is not None:
        raise Refusal(f"There is no file {missing}. Check the path.")
    store = opening.store_of(args, make=True)
    from sessions_app import importers

    if args.format not in importers.FORMATS:
        known = ", ".join(sorted(importers.FORMATS))
        raise Refusal(f"There is no format {args.format!r}. It is one of: {known}.")
    paths = args.paths or importers.FORMATS[args.format].find()
    if not paths and not args.follow:
        raise Refusal(f"There is nothing to import as {args.format}. Name files or folders.")
    if args.follow:
        _check_followable(args)
    project = opening.project_of(args, store)
    if args.follow:
        reader = importers.FORMATS[args.format]
        follow = importers.Following(store, project.pk, reader, args.paths, user=args.user)
        return _follow(follow, args, partial(_lost, store, project.pk))
    with progress(f"Importing {args.format}") as on_progress:
        report = importers.run(
            store,
            project.pk,
            args.format,
            paths,
            dry_run=args.dry_run,
            user=args.user,
            on_progress=on_progress,
        )
    _tell(report, args, _lost(store, project.pk, report, args))
    return INCOMPLETE if report.errors else OK


def _lost(store: DurableStore, project: int, report: Report, args: Namespace) -> Found | None:
    """What other tools lost when they compacted these sessions; None where none did."""
    if not report.compacted or args.dry_run:
        return None
    from memory_app import foreign

    return foreign.audit_sessions(store, project, map(UUID, report.compacted))


def _check_followable(args: Namespace) -> None:
    """Raises Refusal for what does not grow line by line."""
    from sessions_app import importers

    suffixes = importers.line_suffixes(importers.FORMATS[args.format])
    if not suffixes:
        followable = [
            name for name, reader in importers.FORMATS.items() if importers.line_suffixes(reader)
        ]
        raise Refusal(
            f"Files of {args.format} are not written line by line, so they cannot be followed; "
            f"leave --follow out. Those of {', '.join(sorted(followable))} can."
        )
    for path in args.paths:
        if path.is_file() and not path.name.endswith(suffixes):
            raise Refusal(f"{path} is not written line by line ({', '.join(suffixes)}).")
    if args.dry_run:
        raise Refusal("--follow stores what comes, --dry-run stores nothing. Leave one out.")


def _follow(follow: Following, args: Namespace, lost: Lost) -> int:
    """Looks again and again until Ctrl-C; a line for each file that brought something."""
    first = True
    try:
        while True:
            begun = time.monotonic()
            for path, report in follow.look():
                _tell_change(path, report, args)
            if first:
                note(f"Following {_counted(follow.watched, 'file')}; Ctrl-C ends.")
                first = False
            time.sleep(max(LOOK_EVERY, RESTS * (time.monotonic() - begun)))
    except KeyboardInterrupt:
        _tell(follow.total, args, lost(follow.total, args))
    return OK


def _tell_change(path: Path, report: Report, args: Namespace) -> None:
    if args.json:
        say_json({"path": str(path), **asdict(report)})
        return
    if report.new:
        say(f"{path}: {report}")
    for _, line, reason in report.errors[:SHOWN_ERRORS]:
        note(f"{path}, line {line}: {reason}" if line else f"{path}: {reason}")


def _tell(report: Report, args: Namespace, lost: Found | None) -> None:
    if args.json:
        told = {"lost": lost._asdict(), "page": _page(args)} if lost else {}
        say_json({**asdict(report), "dry_run": args.dry_run, **told})
        return
    would = "Would import" if args.dry_run else "Imported"
    say(f"{would} {_counted(report.sessions, 'session')}: {report}.")
    if report.repaired:
        had = _counted(report.repaired, "message")
        say(f"Repaired {had} with characters that cannot be stored; they are U+FFFD now.")
    if report.unknown:
        say(f"Kept {_counted(report.unknown, 'record')} of other kinds as they are.")
    if lost:
        _tell_lost(lost, _page(args))
    for warning in report.warnings[:SHOWN_ERRORS]:
        note(f"Note: {warning}")
    for path, line, reason in report.errors[:SHOWN_ERRORS]:
        note(f"{path}, line {line}: {reason}" if line else f"{path}: {reason}")
    if len(report.errors) > SHOWN_ERRORS:
        note(f"... and {len(report.errors) - SHOWN_ERRORS} more; --json shows all.")


def _tell_lost(lost: Found, page: str | None) -> None:
    were = "was" if lost.sessions == 1 else "were"
    gone = "item was" if lost.lost == 1 else "items were"
    what = f"{lost.lost:,} {gone} lost (numbers, dates, names, paths, promises)"
    say(
        f"{_counted(lost.sessions, 'session')} {were} compacted by the tool itself; "
        f"{what if lost.lost else 'nothing that was audited was lost'}."
    )
    if page:
        say(f"See what became of them: {page} (while `holdfast serve` runs)")


def _page(args: Namespace) -> str | None:
    """Where `holdfast serve` shows the compressions by default; None where nobody can know: in a
    host site, and for a project that its pages do not show."""
    from django.urls import reverse

    from holdfast import projects

    if not opening.is_own_site() or args.project != projects.LOCAL:
        return None
    return f"http://{serve.HOST}:{serve.PORT}{reverse('holdfast_pages:accounts')}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
