"""What writers were told and what the log holds, and the rules that tie the two together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Acknowledged:
    """An append that was answered with 201: its text, session, and the place it was given."""

    text: str
    session: str
    seq: int
    version: int
    durable: bool


@dataclass(frozen=True)
class Stored:
    """A message as the log holds it."""

    text: str
    seq: int
    version: int


def violations(
    acknowledged: Iterable[Acknowledged],
    unknown: Iterable[str],
    logs: Mapping[str, Sequence[Stored]],
) -> list[str]:
    """Every broken promise, in words: acknowledged exactly once at its place and durable, unknown
    at most once, nothing that nobody sent, seq and version without a gap."""
    found: list[str] = []
    places: dict[str, list[tuple[str, int, int]]] = {}
    for session, log in logs.items():
        found += _gaps(session, log)
        for stored in log:
            places.setdefault(stored.text, []).append((session, stored.seq, stored.version))
    expected = set(unknown)
    for answer in acknowledged:
        expected.add(answer.text)
        if not answer.durable:
            found.append(f"{answer.text}: acknowledged but not durable")
        if places.get(answer.text) != [(answer.session, answer.seq, answer.version)]:
            found.append(f"{answer.text}: acknowledged at {answer}, is {places.get(answer.text)}")
    for text, where in places.items():
        if len(where) > 1:
            found.append(f"{text}: stored {len(where)} times")
        if text not in expected:
            found.append(f"{text}: nobody sent this")
    return found


def _gaps(session: str, log: Sequence[Stored]) -> Iterable[str]:
    seqs = [stored.seq for stored in log]
    if seqs != list(range(1, len(log) + 1)):
        yield f"{session}: seq has gaps or repeats"
    versions = [stored.version for stored in log]
    # Nothing but messages is written after the session was made, which is version 1.
    if versions != [seq + 1 for seq in seqs]:
        yield f"{session}: versions are not one after the other"
