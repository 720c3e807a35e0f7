"""Logs of other tools, and our own exports, brought into sessions.

    report = importers.run(store, project, "claude-code", [folder], on_progress=show)
    print(report)                       # "12 new, 340 skipped"

Importing the same file again stores nothing; a grown file adds what is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sessions_app.core import errors
from sessions_app.importers import (
    anthropic,
    chatgpt,
    claude_ai,
    claude_code,
    holdfast_export,
    langgraph,
    llm,
    openai_agents,
    openai_chat,
    writing,
)
from sessions_app.importers.base import Format, OnProgress, Report
from sessions_app.importers.following import Following, line_suffixes
from sessions_app.importers.formats import FORMATS
from sessions_app.store.durable import DurableStore

__all__ = [
    "FORMATS",
    "Following",
    "Format",
    "Report",
    "anthropic",
    "chatgpt",
    "claude_ai",
    "claude_code",
    "holdfast_export",
    "langgraph",
    "line_suffixes",
    "llm",
    "openai_agents",
    "openai_chat",
    "run",
]


def run(
    store: DurableStore,
    project: int,
    format: str,  # noqa: A002 - the word of the command line and the API
    paths: Sequence[Path],
    *,
    dry_run: bool = False,
    user: str | None = None,
    on_progress: OnProgress | None = None,
) -> Report:
    """Imports files, and the files of folders, into sessions of `project`.

    `dry_run` reads and counts only. `on_progress` gets bytes done and bytes in all. What cannot
    be read is in `errors` of the report as (path, line, reason), line 0 for a whole file; the rest
    is stored all the same. Raises InvalidField for an unknown format, and StoreBusy,
    StoreUnavailable or StorageFull: what was stored until then stays, and running again goes on.
    """
    if format not in FORMATS:
        known = ", ".join(FORMATS)
        raise errors.InvalidField(f"`format` must be one of {known}.", param="format")
    reader = FORMATS[format]
    return writing.write(
        store, project, reader, paths, dry_run=dry_run, user=user, on_progress=on_progress
    )
