"""The formats there are, and which of them a file looks like when another one was named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, cast

from sessions_app.importers import (
    anthropic,
    base,
    chatgpt,
    claude_ai,
    claude_code,
    conversations,
    databases,
    documents,
    files,
    holdfast_export,
    langgraph,
    llm,
    openai_agents,
    openai_chat,
    values,
)
from sessions_app.importers.base import Format, Unreadable
from sessions_app.importers.files import Source

FORMATS: Mapping[str, Format] = {
    module.name: cast("Format", module)
    for module in (
        claude_code,
        openai_chat,
        holdfast_export,
        anthropic,
        chatgpt,
        claude_ai,
        openai_agents,
        llm,
        langgraph,
    )
}
SAMPLES = 5
LISTS = frozenset({"conversations", "data", "requests", "sessions"})


def looks_like(path: Path) -> list[str]:
    """The formats that the beginning of a file fits; none where it cannot be told."""
    try:
        for sample in _samples(path):
            fitting = [name for name, reader in FORMATS.items() if reader.holds(sample)]
            if fitting:
                return fitting
    except (Unreadable, OSError):
        pass
    return []


def _samples(path: Path) -> Iterator[Any]:
    """The first values of a file, or the database that it is."""
    if files.is_zip(path):
        with files.unzipped(path) as archive:
            for member in conversations.meant(archive)[:1]:
                with archive.opened(member) as source:
                    yield from _values(source)
        return
    with files.opened(path) as source:
        source.file.seek(0)
        if source.file.read(len(databases.HEADER)) != databases.HEADER:
            yield from _values(source)
            return
    with databases.opened(path) as database:
        yield database


def _values(source: Source) -> Iterator[Any]:
    if values.is_lines(source):
        for line in islice(source.lines(), SAMPLES):
            yield values.of_line(line)[0]
        return
    members: base.Record = {}
    for piece in islice(documents.pieces(source, LISTS, skip=True), SAMPLES):
        if piece.element:
            yield piece.value
        elif source.size <= base.MAX_LINE:
            members[piece.name] = piece.value
    yield members
