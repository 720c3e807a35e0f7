"""The SQL of replicas: what a standby of PostgreSQL is asked, and the beats of its primary."""

from __future__ import annotations

from functools import cache

from sessions_app.store.statements import (
    EPOCH,
    FROM_SESSION,
    MESSAGE_COLUMNS,
    NEWEST_EVENT,
    SESSION_COLUMNS,
    within,
)

# Not waiting for the disk, nor for a standby that takes part in commits: a beat that is lost in a
# crash proves nothing to anybody, and no reader waits for it.
BEAT = """
    INSERT INTO holdfast_beat (process, token, at_us)
    SELECT ?::text, ?::text, (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint
    FROM (SELECT set_config('synchronous_commit', 'off', true)) quick
    ON CONFLICT (process) DO UPDATE SET token = excluded.token, at_us = excluded.at_us
"""
# Of processes that are no more.
DELETE_OLD_BEATS = """
    DELETE FROM holdfast_beat
    WHERE at_us < (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint - 86400000000
"""

# A server that follows nobody, or only some tables of another, proves nothing by a token, and says
# so by an empty one.
_BEATEN = """
    SELECT CASE WHEN pg_is_in_recovery() THEN (
        SELECT b.token FROM holdfast_beat b WHERE b.process = ?
    ) ELSE '' END
"""

_NAMES = ", ".join(f"c{nth}" for nth in range(SESSION_COLUMNS.count(",") + 1))

SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
OVER = "ROLLBACK"  # nothing was changed
# One row, also of a session that is not there: the token says whether the replica lags.
STANDING = f"""
    SELECT ({EPOCH}), ({_BEATEN}), found.* FROM (SELECT 1) one LEFT JOIN (
        SELECT ({NEWEST_EVENT}), {SESSION_COLUMNS} {FROM_SESSION}
        WHERE s.id = ? AND s.project_id = ? AND s.status <> 'deleted'
    ) AS found (event, {_NAMES}) ON TRUE
"""
_NEWEST = f"""
    SELECT {MESSAGE_COLUMNS} FROM holdfast_message
    WHERE session_id = standing.number ORDER BY seq DESC LIMIT ?
"""
_OF_PAGE = ", ".join(f"page.{name.strip()}" for name in MESSAGE_COLUMNS.split(","))


@cache
def newest(*, octets: bool) -> str:
    """One row for each of the newest messages, and one where there is none: epoch and token, number
    and version of the session (null for none) before its columns. With `octets` the page ends by
    the bytes of its bodies too."""
    return f"""
        WITH standing AS MATERIALIZED (
            SELECT ({EPOCH}) AS epoch, ({_BEATEN}) AS token, s.number, s.version
            FROM (SELECT 1) one LEFT JOIN holdfast_session s
                ON s.id = ? AND s.project_id = ? AND s.status <> 'deleted'
        )
        SELECT epoch, token, number, standing.version AS reached, {_OF_PAGE}
        FROM standing LEFT JOIN LATERAL ({within(_NEWEST) if octets else _NEWEST}) page ON TRUE
        ORDER BY page.seq DESC
    """


LOOK = """
    SELECT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system())::text
"""
