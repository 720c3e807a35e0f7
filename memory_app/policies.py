"""Policies of a project: reading their rows, storing a new version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from memory_app.core import plan
from memory_app.core import policy as rules
from memory_app.core.policy import Policy
from sessions_app.core import errors, instants
from sessions_app.models import Policy as PolicyRow
from sessions_app.store import statements as sql
from sessions_app.store.base import NEVER, InEpoch, PolicyVersion, Snapshot
from sessions_app.store.durable import DurableStore
from sessions_app.store.reading import Reader


def defaults() -> list[PolicyVersion]:
    """What a new project starts with."""
    return [
        _version(name, policy, rules.as_json(policy)) for name, policy in rules.DEFAULTS.items()
    ]


def put(
    store: DurableStore, project: int, name: str, data: Mapping[str, Any]
) -> tuple[PolicyRow, bool]:
    """Stores `data` as the next version of the policy `name` and returns (row, newly made).

    The same data as the newest version's makes no new one. Raises the errors of `rules.read`.
    """
    policy = rules.read(data)
    return store.put_policy(project, _version(name, policy, rules.as_json(policy)))


def change(
    store: DurableStore, project: int, name: str, data: Mapping[str, Any], seen: int
) -> tuple[PolicyRow, bool]:
    """The same for whoever has seen version `seen` as the newest. Raises StaleVersion where another
    has come since, NotFound, and the errors of `rules.read`."""
    rules.read(data)
    with store.db.transaction():
        store.db.run(sql.LOCK_PROJECT, (project,))
        newest_ = one(project, name, alias=store.db.alias).version
        if newest_ != seen:
            raise errors.StaleVersion(
                f"Version {newest_} of this policy was stored in between. Look at it first.",
                current_version=newest_,
            )
        return put(store, project, name, data)


def add(store: DurableStore, project: int, name: str, data: Mapping[str, Any]) -> PolicyRow:
    """The first version of a new policy. Raises InvalidField for a name that is taken or that
    cannot be, TooLong."""
    rules.named(name)
    with store.db.transaction():
        store.db.run(sql.LOCK_PROJECT, (project,))
        if PolicyRow.objects.of(project).using(store.db.alias).filter(name=name).exists():
            raise errors.InvalidField("There is a policy of this name already.", param="name")
        return put(store, project, name, data)[0]


def used(store: Reader, project: int, *, newest: int) -> dict[tuple[str, int], int]:
    """How many of the `newest` sessions of a project are under each version of each policy."""
    with store.db.reading():
        rows = store.db.rows(sql.POLICIES_USED, (project, newest))
    return {(name, version): count for name, version, count in rows}


def versions(project: int, name: str, most: int, alias: str = "default") -> list[PolicyRow]:
    """The newest versions of a policy, the newest first."""
    rows = PolicyRow.objects.of(project).using(alias).filter(name=name)
    return list(rows.order_by("-version")[:most])


def _version(name: str, policy: Policy, data: Mapping[str, Any]) -> PolicyVersion:
    text = orjson.dumps(data).decode()
    if not policy.folds:
        return PolicyVersion(name, policy.window, policy.capacity, text)
    return PolicyVersion(
        name,
        policy.window,
        policy.capacity,
        text,
        due_tokens=policy.due_tokens,
        notice_tokens=policy.notice_tokens,
        resume_us=policy.resume * 1_000_000,
    )


def newest(project: int, alias: str = "default") -> list[PolicyRow]:
    """The newest version of each policy of the project, by name."""
    rows = PolicyRow.objects.of(project).using(alias).order_by("name", "version")
    return list({row.name: row for row in rows}.values())


def one(project: int, name: str, version: int | None = None, alias: str = "default") -> PolicyRow:
    """A version of a policy (None: the newest). Raises NotFound."""
    rows = PolicyRow.objects.of(project).using(alias).filter(name=name)
    if version is not None:
        rows = rows.filter(version=version)
    # PostgreSQL has no such text, and refuses to be asked for it.
    found: PolicyRow | None = None if "\0" in name else rows.order_by("-version").first()
    if found is None:
        which = "policy" if version is None else f"version {version} of the policy"
        raise errors.NotFound(f"There is no {which} {name!r} here. GET /policies lists them.")
    return found


@dataclass(frozen=True, slots=True)
class Stored:
    """A version of a policy with its rules."""

    name: str
    version: int
    rules: Policy


def stored(store: Reader, project: int, name: str, version: int) -> Stored:
    """One version of a policy. Raises NotFound."""
    row = store.policy(project, name, version)
    return _told(name, version, None if row is None else row[1])


def of_session(store: Reader, known: InEpoch) -> Stored:
    """The session's own policy, of which this process may hold the rules. Raises NotFound."""
    session = known.session
    return _told(session.policy_name, session.policy_version, store.rules(known))


def _told(name: str, version: int, rules_: str | None) -> Stored:
    if rules_ is None:
        raise errors.NotFound(f"There is no version {version} of the policy {name!r} here.")
    return Stored(name, version, parsed(rules_))


def next_due(store: Reader, session: Snapshot, active: int, *, more: bool = False) -> int:
    """The active tokens from which a session is due by its own policy, after a compression that
    left `active`; with `more` the first mark counts, because there is a backlog to go on with."""
    rules_ = stored(store, session.project, session.policy_name, session.policy_version).rules
    if not rules_.folds:
        return NEVER
    return rules_.due_tokens if more else plan.next_due(rules_, active)


def named_at(store: Reader, project: int, name: str, at: int | None = None) -> Stored:
    """The version of a policy that was the newest at a time (microseconds; None: now), else its
    first. Raises InvalidField where there is none, because the request named it."""
    row = store.policy_at(project, name, at)
    if row is None:
        raise errors.InvalidField(
            f"There is no policy {name!r} here. GET /policies lists them.", param="policy"
        )
    return Stored(name, row[0], parsed(row[1]))


@lru_cache(maxsize=256)
def parsed(data: str) -> Policy:
    """The rules in a row's `data`."""
    return rules.read(orjson.loads(data))


def policy_out(row: PolicyRow) -> dict[str, Any]:
    """A policy as the HTTP contract shows it."""
    return {
        "name": row.name,
        "version": row.version,
        "created_at": instants.render(row.created_us),
        **rules.as_json(parsed(row.data)),
    }
