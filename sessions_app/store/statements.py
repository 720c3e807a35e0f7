"""The store's SQL, each statement under a name. `?` marks a parameter on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from sessions_app.core.appending import FAR_PAST_ITS_USE
from sessions_app.models import HOUR_US

SESSION_COLUMNS = """
    s.number, s.id, s.project_id, u.key, s.key, s.title, s.status, s.version, s.messages, s.turns,
    s.tokens, s.active_tokens, s.capacity, s.window_tokens, s.prompt_version, s.overlay_version,
    s.policy_name, s.policy_version, s.head, s.metadata, s.tags, s.created_us, s.last_activity_us,
    s.purge_us, s.forked_from, s.forked_at, s.folded, s.fold_version, s.compressions, s.facts,
    s.lease_token, s.lease_until_us, s.lease_holder
"""
INDEX_STATE_COLUMNS = """
    s.number, s.version, s.messages, s.indexed_messages, s.indexed_words, s.title, s.key, u.key,
    s.tags, s.index_due_us
"""
FROM_SESSION = "FROM holdfast_session s LEFT JOIN holdfast_end_user u ON u.id = s.end_user_id"

SESSION_BY_ID = f"SELECT {SESSION_COLUMNS} {FROM_SESSION} WHERE s.id = ? AND s.project_id = ?"
SESSION_BY_KEY = f"SELECT {SESSION_COLUMNS} {FROM_SESSION} WHERE s.project_id = ? AND s.key = ?"

EPOCH = "SELECT token FROM holdfast_epoch WHERE id = 1"
NEW_EPOCH = """
    INSERT INTO holdfast_epoch (id, token) VALUES (1, ?)
    ON CONFLICT (id) DO UPDATE SET token = excluded.token
"""
NEWEST_EVENT = """
    SELECT e.digest FROM holdfast_event e
    WHERE e.session_id = s.number ORDER BY e.version DESC LIMIT 1
"""
SESSION_IN_EPOCH = f"""
    SELECT {SESSION_COLUMNS}, ({EPOCH}), ({NEWEST_EVENT})
    {FROM_SESSION} WHERE s.id = ? AND s.project_id = ?
"""
SESSION_BY_NUMBER = (
    f"SELECT {SESSION_COLUMNS} {FROM_SESSION} WHERE s.number = ? AND s.project_id = ?"
)

# An append reads STANDING under the row's lock, then ADVANCEs it: digests cover the place of the
# batch, and one conditional UPDATE moves version, counters and head together.
_STANDING = (
    "number", "status", "version", "messages", "turns", "turn_start", "tokens", "active_tokens",
    "capacity", "window_tokens", "last_activity_us", "head", "index_due_us", "due_us", "due_tokens",
    "notice_tokens", "resume_us", "overlay_version", "lease_token", "lease_until_us",
    "lease_holder",
)  # fmt: skip
_WHOSE = "FROM holdfast_session s WHERE s.id = ? AND s.project_id = ?"
STANDING = f"SELECT s.{', s.'.join(_STANDING)} {_WHOSE}"
# On SQLite the driver looks up how Django reads the declared type of each column, which takes as
# long as reading it; what is computed has no declared type.
STANDING_ON_SQLITE = f"SELECT +s.{', +s.'.join(_STANDING)} {_WHOSE}"
ADVANCE = """
    UPDATE holdfast_session
    SET version = ?, messages = ?, turns = ?, turn_start = ?, tokens = ?, active_tokens = ?,
        last_activity_us = ?, head = ?
    WHERE number = ? AND version = ?
"""
_NOW = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint"
# The same in one statement, for PostgreSQL; see store/at_once.py. Its parameters are numbered, as
# most are used more than once: those of all, then those of each message, then the request's. What a
# batch adds up to stands with each message as far as it goes: tokens, users' messages, and which of
# them was the last (1.., 0: none). The digests are those of core/chain.py, the notices those of
# core/appending.py. A batch that is the first over the mark, or follows a pause or a lease, changes
# nothing, nor does one that a version, a lease or a kept answer stands against.
_OF_ALL = {
    "now": "bigint", "moment": "bigint", "expected": "bigint", "lease": "bigint", "session": "uuid",
    "project": "bigint",
}  # fmt: skip
_OF_EACH = {
    "role": "text", "form": "int", "tokens": "bigint", "total": "bigint", "estimated": "boolean",
    "at": "bigint", "salt": "bytea", "body": "text", "stored": "text", "packed": "bytea",
    "users": "int", "start": "int",
}  # fmt: skip
_OF_REQUEST = {"key": "text", "fingerprint": "bytea", "ahead": "text", "between": "text"}
_DIGEST = """sha256({salt} || convert_to({version} || E'\\n' || {seq} || E'\\n' || {role}
    || E'\\n' || {at} || E'\\n' || {body}, 'UTF8'))"""


def _numbered(kinds: Mapping[str, str], before: int) -> dict[str, str]:
    return {name: f"${nth}::{kind}" for nth, (name, kind) in enumerate(kinds.items(), before + 1)}


@cache
def append_at_once(many: int, *, keyed: bool) -> str:
    """Stores `many` messages, and with `keyed` the answer to a request."""
    of_all = _numbered(_OF_ALL, 0)
    of_each = [_numbered(_OF_EACH, len(_OF_ALL) + nth * len(_OF_EACH)) for nth in range(many)]
    request = _numbered(_OF_REQUEST, len(_OF_ALL) + many * len(_OF_EACH))
    given = {**of_all, **of_each[-1], **request, "many": many, "far": FAR_PAST_ITS_USE}
    digests = [
        _DIGEST.format(**each, version=f"(s.version + {nth})", seq=f"(s.messages + {nth})")
        for nth, each in enumerate(of_each, 1)
    ]
    moved = _MOVED.format(
        **given,
        digests=" || ".join(digests),
        unknown=_UNKNOWN.format(**given) if keyed else "",
    )
    kept = _KEPT.format(**given) if keyed else ""
    return f"""
        WITH {moved}, {kept}
        put AS (
            INSERT INTO holdfast_message
                (session_id, seq, version, turn, turn_start, role, form, tokens, tokens_total,
                 tokens_estimated, batch_end, created_us, salt, digest, body, packed)
            {_put(of_each)}
        )
        SELECT version, messages, window_tokens, capacity, active_tokens, before, level, due,
            current_setting('synchronous_commit'), current_setting('fsync')
        FROM moved
    """


def _put(of_each: Sequence[Mapping[str, str]]) -> str:
    """The rows of the messages, from where the session stands behind them."""
    if len(of_each) == 1:
        place = {"seq": "m.messages", "version": "m.version", "turn": "m.turns"}
        place |= {"turn_start": "m.turn_start", "tokens_total": "m.tokens", "batch_end": "true"}
        return _PUT.format(
            **of_each[0], **place, digest=_DIGEST.format(**of_each[0], **place), said=""
        )
    many, last = len(of_each), of_each[-1]
    rows = [f"({nth}, {', '.join(each.values())})" for nth, each in enumerate(of_each, 1)]
    said = f", (VALUES {', '.join(rows)}) said(nth, {', '.join(_OF_EACH)})"
    each = {name: f"said.{name}" for name in _OF_EACH}
    place = {
        "seq": f"(m.messages - {many} + said.nth)",
        "version": f"(m.version - {many} + said.nth)",
        "turn": f"m.turns - {last['users']} + said.users",
        "turn_start": f"CASE WHEN said.start > 0 THEN m.messages - {many} + said.start "
        "ELSE m.turn_start END",
        "tokens_total": f"m.tokens - {last['total']} + said.total",
        "batch_end": f"said.nth = {many}",
    }
    return _PUT.format(**each, **place, digest=_DIGEST.format(**each, **place), said=said)


_MOVED = f"""moved AS (
    UPDATE holdfast_session s
    SET version = s.version + {{many}}, messages = s.messages + {{many}},
        turns = s.turns + {{users}},
        turn_start = CASE WHEN {{start}} > 0 THEN s.messages + {{start}} ELSE s.turn_start END,
        tokens = s.tokens + {{total}}, active_tokens = s.active_tokens + {{total}},
        last_activity_us = GREATEST(s.last_activity_us, {{moment}}),
        active_hour = GREATEST(s.last_activity_us, {{moment}}) / {HOUR_US},
        head = sha256(s.head || sha256({{digests}})),
        index_due_us = COALESCE(s.index_due_us, {{now}}),
        due_us = CASE WHEN s.active_tokens + {{total}} >= s.due_tokens
            THEN COALESCE(s.due_us, {{now}}) ELSE s.due_us END
    WHERE s.id = {{session}} AND s.project_id = {{project}} AND s.status = 'active'
        AND s.version = COALESCE({{expected}}, s.version)
        AND CASE WHEN {{lease}} IS NULL THEN s.lease_until_us = 0
            ELSE s.lease_token = {{lease}} AND s.lease_until_us > {_NOW} END
        AND (s.active_tokens >= s.notice_tokens
            OR s.active_tokens + {{total}} < s.notice_tokens)
        AND (s.messages = 0 OR {{moment}} - s.last_activity_us < s.resume_us)
        {{unknown}}
    RETURNING s.number, s.version, s.messages, s.turns, s.turn_start, s.tokens,
        s.window_tokens, s.capacity, s.active_tokens, s.due_us = {{now}} AS due,
        CASE WHEN s.active_tokens >= s.notice_tokens
            THEN ROUND(s.active_tokens::numeric / s.capacity, 4)::float8 END AS level,
        s.tokens - {{total}} AS before
)"""
_PUT = """SELECT m.number, {seq}, {version}, {turn}, {turn_start}, {role}, {form}, {tokens},
    {tokens_total}, {estimated}, {batch_end}, {at}, {salt}, {digest}, COALESCE({stored}, {body}),
    {packed}
FROM moved m{said}"""
_UNKNOWN = """AND NOT EXISTS (
    SELECT 1 FROM holdfast_request_key k WHERE k.project_id = {project} AND k.key = {key}
)"""
_KEPT = """kept AS (
    INSERT INTO holdfast_request_key
        (project_id, key, fingerprint, session_number, status, answer, created_us)
    SELECT {project}, {key}, {fingerprint}, number, 201,
        {ahead} || version || ',' || (messages - {many} + 1) || {between} || window_tokens || ','
        || capacity || ',' || active_tokens || ','
        || CASE WHEN current_setting('fsync') = 'off' THEN 'false,"operating_system"'
            WHEN current_setting('synchronous_commit') = 'off' THEN 'false,"wal_writer"'
            ELSE 'true,null' END
        || CASE WHEN level IS NULL THEN '' ELSE ',null,[{{"code":"context_nearly_full","level":'
            || level || '}}' || CASE WHEN before < {far} * capacity THEN ''
                ELSE ',{{"code":"reset_advised","tokens":' || before || '}}' END || '],0' END
        || ']', {now}
    FROM moved
),"""
SET_ACTIVE_HOUR = "UPDATE holdfast_session SET active_hour = ? WHERE number = ?"
SET_DUE = """
    UPDATE holdfast_session SET due_us = COALESCE(due_us, ?), due_trigger = ?, due_seq = ?
    WHERE number = ?
"""
SET_DUE_AT = "UPDATE holdfast_session SET due_us = COALESCE(due_us, ?) WHERE number = ?"
_DUE_COLUMNS = """
    s.project_id, s.id, s.number, s.claim, s.due_us, s.due_trigger, s.due_seq, s.policy_name,
    s.policy_version
"""
_DUE_NOW = f"""
    SELECT {_DUE_COLUMNS} FROM holdfast_session s
    WHERE s.due_us <= ? AND s.claim_until_us <= ? AND s.status <> 'deleted'
"""
DUE_OLDEST = f"{_DUE_NOW} ORDER BY s.due_us, s.number LIMIT 1"
DUE_NEWEST = f"{_DUE_NOW} ORDER BY s.due_us DESC, s.number DESC LIMIT 1"
DUE_ONE = f"SELECT {_DUE_COLUMNS} FROM holdfast_session s WHERE s.id = ? AND s.project_id = ?"
DUE_COUNT = "SELECT COUNT(*), MIN(due_us) FROM holdfast_session WHERE due_us <= ?"
SKIP_LOCKED = " FOR NO KEY UPDATE OF s SKIP LOCKED"
DATABASE_TIME = f"SELECT {_NOW}"
CLAIM = """
    UPDATE holdfast_session SET claim = claim + 1, claim_until_us = ?
    WHERE number = ? AND claim = ? AND claim_until_us <= ?
"""
RENEW = "UPDATE holdfast_session SET claim_until_us = ? WHERE number = ? AND claim = ?"
RELEASE = """
    UPDATE holdfast_session SET due_us = ?, due_trigger = ?, due_seq = ?, due_tokens = ?,
        claim_until_us = 0
    WHERE number = ? AND claim = ?
"""
GIVE_BACK = """
    UPDATE holdfast_session SET claim = claim + 1, claim_until_us = 0 WHERE number = ? AND claim = ?
"""
# One that ran out keeps its holder; without a time, appends need not ask what time it is.
LEASE_OVER = "UPDATE holdfast_session SET lease_until_us = 0 WHERE number = ? AND lease_token = ?"
IDLE = """
    SELECT number, version, id FROM holdfast_session
    WHERE project_id = ? AND policy_name = ? AND policy_version = ? AND active_hour BETWEEN ? AND ?
        AND last_activity_us <= ? AND active_tokens >= ? AND due_us IS NULL AND status = 'active'
    ORDER BY number LIMIT ?
"""
MARK_IDLE = """
    UPDATE holdfast_session SET due_us = ?, due_trigger = 'idle', due_seq = 0
    WHERE number = ? AND version = ? AND due_us IS NULL
"""
HELD = """
    SELECT s.due_trigger, s.due_seq, s.policy_name, s.policy_version, s.active_tokens, s.due_tokens
    FROM holdfast_session s WHERE s.number = ? AND s.claim = ?
"""
SET_INDEX_DUE = "UPDATE holdfast_session SET index_due_us = ? WHERE number = ?"
SET_HEAD = "UPDATE holdfast_session SET head = ? WHERE number = ?"
SET_VERSION = "UPDATE holdfast_session SET version = ?, head = ? WHERE number = ?"
SET_COLUMNS = "UPDATE holdfast_session SET {names} WHERE number = ?"
LOCK_PROJECT = "UPDATE holdfast_project SET name = name WHERE id = ?"
LOCK = "SELECT s.number FROM holdfast_session s WHERE s.id = ? AND s.project_id = ?"
# What makes reading a session row lock it: on PostgreSQL a clause (entries need only its key, so
# not the strongest), on SQLite the database's one write lock, which every write takes.
LOCKING = " FOR NO KEY UPDATE OF s"
TAKE_WRITE_LOCK = "UPDATE holdfast_session SET version = version WHERE number = 0"
CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"

INSERT_MESSAGE = """
    INSERT INTO holdfast_message
        (session_id, seq, version, turn, turn_start, role, form, tokens, tokens_total,
         tokens_estimated, batch_end, created_us, salt, digest, body, packed)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
INSERT_EVENT = """
    INSERT INTO holdfast_event
        (session_id, version, kind, batch_end, created_us, salt, digest, data)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
INSERTED = (
    "id", "project_id", "end_user_id", "key", "title", "status", "version", "messages", "turns",
    "turn_start", "tokens", "active_tokens", "capacity", "window_tokens", "prompt_version",
    "overlay_version", "policy_name", "policy_version", "due_tokens", "notice_tokens", "resume_us",
    "head", "metadata", "tags", "created_us", "last_activity_us", "active_hour", "forked_from",
    "forked_at", "folded", "fold_version", "compressions", "facts",
)  # fmt: skip
INSERT_SESSION = f"""
    INSERT INTO holdfast_session ({", ".join(INSERTED)})
    VALUES ({", ".join("?" * len(INSERTED))})
    ON CONFLICT DO NOTHING
    RETURNING number
"""
INSERT_TAG = "INSERT INTO holdfast_session_tag (session_id, name) VALUES (?, ?)"
DELETE_TAGS = "DELETE FROM holdfast_session_tag WHERE session_id = ?"
INSERT_END_USER = """
    INSERT INTO holdfast_end_user (project_id, key, created_us) VALUES (?, ?, ?)
    ON CONFLICT DO NOTHING
"""
END_USER = "SELECT s.id FROM holdfast_end_user s WHERE s.project_id = ? AND s.key = ?"
NEWEST_POLICY = """
    SELECT name, version, window_tokens, capacity, due_tokens, notice_tokens, resume_us
    FROM holdfast_policy WHERE project_id = ? AND name = ? ORDER BY version DESC LIMIT 1
"""
POLICY_DATA = """
    SELECT version, data FROM holdfast_policy
    WHERE project_id = ? AND name = ? AND version = ?
"""
POLICY_AT = """
    SELECT version, data FROM holdfast_policy
    WHERE project_id = ? AND name = ? AND (created_us <= ? OR version = 1)
    ORDER BY version DESC LIMIT 1
"""
POLICY_NUMBERS = """
    SELECT name, version, window_tokens, capacity, due_tokens, notice_tokens, resume_us
    FROM holdfast_policy WHERE project_id = ? AND name = ? AND version = ?
"""
# Of the newest sessions alone: there is no index by policy, and a large project has many rows.
POLICIES_USED = """
    SELECT policy_name, policy_version, COUNT(*) FROM (
        SELECT policy_name, policy_version FROM holdfast_session
        WHERE project_id = ? AND purge_us IS NULL ORDER BY active_hour DESC LIMIT ?
    ) newest GROUP BY policy_name, policy_version
"""

LOCAL_PROJECT = "SELECT id FROM holdfast_project WHERE name = 'default'"
LOCAL_PROJECT_AND_EPOCH = f"SELECT id, ({EPOCH}) FROM holdfast_project WHERE name = 'default'"
# Counted in the rows of an index, up to a number: an exact count would read them all.
PROJECTS_LISTED = """
    SELECT p.id, p.name, p.created_us, (
        SELECT COUNT(*) FROM (
            SELECT 1 FROM holdfast_session s
            WHERE s.project_id = p.id AND s.purge_us IS NULL LIMIT ?
        ) counted
    )
    FROM holdfast_project p WHERE p.name > ? ORDER BY p.name LIMIT ?
"""
LIVE_KEY = """
    SELECT project_id, digest, scopes FROM holdfast_api_key
    WHERE prefix = ? AND revoked_us IS NULL
"""
LIVE_KEY_AND_EPOCH = f"""
    SELECT project_id, digest, scopes, ({EPOCH}) FROM holdfast_api_key
    WHERE prefix = ? AND revoked_us IS NULL
"""

REQUEST_KEY = """
    SELECT fingerprint, status, answer FROM holdfast_request_key WHERE project_id = ? AND key = ?
"""
INSERT_OUTAGE = """
    INSERT INTO holdfast_outage (part, cause, since_us, until_us, process) VALUES (?, ?, ?, ?, ?)
"""
DELETE_OLD_OUTAGES = "DELETE FROM holdfast_outage WHERE until_us < ?"
INSERT_REQUEST_KEY = """
    INSERT INTO holdfast_request_key
        (project_id, key, fingerprint, session_number, status, answer, created_us)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING
"""
DELETE_OLD_REQUEST_KEYS = "DELETE FROM holdfast_request_key WHERE created_us < ?"

MESSAGE_COLUMNS = """
    seq, version, turn, turn_start, role, form, tokens, tokens_total, tokens_estimated, created_us,
    body
"""
MESSAGES_FROM = f"""
    SELECT {MESSAGE_COLUMNS} FROM holdfast_message
    WHERE session_id = ? AND seq > ? AND seq < ? ORDER BY seq LIMIT ?
"""
MESSAGES_BACK = f"""
    SELECT {MESSAGE_COLUMNS} FROM holdfast_message
    WHERE session_id = ? AND seq > ? AND seq < ? ORDER BY seq DESC LIMIT ?
"""
_CONTAINING = f"""
    SELECT {MESSAGE_COLUMNS} FROM holdfast_message
    WHERE session_id = ? AND seq > ? AND seq < ?
        AND (SUBSTR(body, 1, 1) = '~' OR LOWER(body) LIKE LOWER(?) ESCAPE '\\')
"""
LINES_BACK = """
    SELECT seq, role, turn, turn_start, tokens, tokens_total, form, body FROM holdfast_message
    WHERE session_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?
"""
LINES_WITH_DIGEST = """
    SELECT seq, role, turn, turn_start, tokens, tokens_total, form, digest, body
    FROM holdfast_message WHERE session_id = ? AND seq >= ? AND seq < ? ORDER BY seq DESC LIMIT ?
"""
LINES_FROM = """
    SELECT seq, role, turn, turn_start, tokens, tokens_total, form, body FROM holdfast_message
    WHERE session_id = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?
"""
QUESTIONS_BACK = """
    SELECT seq, version FROM holdfast_message
    WHERE session_id = ? AND seq <= ? AND role = 'user' ORDER BY seq DESC LIMIT ?
"""
QUESTION_ON = """
    SELECT seq, version FROM holdfast_message
    WHERE session_id = ? AND seq > ? AND role = 'user' ORDER BY seq LIMIT 1
"""
LINES_IN = """
    SELECT seq, role, turn, turn_start, tokens, tokens_total, form, body FROM holdfast_message
    WHERE session_id = ? AND seq IN ({marks}) ORDER BY seq
"""
ESTIMATED = """
    SELECT seq, tokens FROM holdfast_message
    WHERE session_id = ? AND seq BETWEEN ? AND ? AND tokens_estimated ORDER BY seq
"""
SIZES_IN = """
    SELECT seq, tokens, tokens_total FROM holdfast_message
    WHERE session_id = ? AND seq {among} ORDER BY seq
"""
AMONG_SQLITE, AMONG_POSTGRES = "IN (SELECT value FROM json_each(?))", "= ANY(?)"
# Not further back than a seq: from the first of the run of assistant messages that is the newest.
_NEWEST_STEP = """
    SELECT seq, role, form, body FROM holdfast_message
    WHERE session_id = {number} AND seq <= {end} AND seq > COALESCE((
        SELECT MAX(seq) FROM holdfast_message
        WHERE session_id = {number} AND seq > {low} AND role <> 'assistant' AND seq < (
            SELECT MAX(seq) FROM holdfast_message
            WHERE session_id = {number} AND seq > {low} AND role = 'assistant'
        )
    ), {low})
    ORDER BY seq LIMIT ?
"""
NEWEST_STEP = _NEWEST_STEP.format(number="?", end="?", low="?")
TOOL_BETWEEN = """
    SELECT 1 FROM holdfast_message
    WHERE session_id = ? AND seq > ? AND seq < ? AND role = 'tool' LIMIT 1
"""
# What the marks of packed bodies stand for. A cross join for SQLite's sake, as in INDEX_SAID.
PACKED = """
    WITH wanted(number, place) AS (VALUES {marks})
    SELECT m.session_id, m.seq, m.body, m.packed
    FROM wanted CROSS JOIN holdfast_message m
    WHERE m.session_id = wanted.number AND m.seq = wanted.place
"""
MESSAGES_CONTAINING = f"{_CONTAINING} ORDER BY seq LIMIT ?"
MESSAGES_CONTAINING_BACK = f"{_CONTAINING} ORDER BY seq DESC LIMIT ?"
MESSAGES_IN = f"""
    SELECT {MESSAGE_COLUMNS} FROM holdfast_message WHERE session_id = ? AND seq IN ({{marks}})
    ORDER BY seq
"""
TOTALS_AT = """
    SELECT tokens_total, turn, turn_start FROM holdfast_message WHERE session_id = ? AND seq = ?
"""
TOTALS_IN = """
    SELECT seq, tokens_total FROM holdfast_message WHERE session_id = ? AND seq IN ({marks})
"""
# Turns found by their links, a few rows however long they are: the first message whose turn is ?
# or later by halving, and from a message back from turn to turn.
TURN_BEGINS = """
    WITH RECURSIVE halves(low, high) AS (
        SELECT CAST(1 AS BIGINT), CAST(? AS BIGINT)
        UNION ALL
        SELECT CASE WHEN m.turn < ? THEN m.seq + 1 ELSE h.low END,
            CASE WHEN m.turn < ? THEN h.high ELSE m.seq END
        FROM halves h JOIN holdfast_message m
            ON m.session_id = ? AND m.seq = (h.low + h.high) / 2
        WHERE h.low < h.high
    )
    SELECT MAX(low) FROM halves
"""
TURNS_BACK = """
    WITH RECURSIVE back(seq, steps) AS (
        SELECT turn_start, 1 FROM holdfast_message WHERE session_id = ? AND seq = ?
        UNION ALL
        SELECT m.turn_start, back.steps + 1 FROM back JOIN holdfast_message m
            ON m.session_id = ? AND m.seq = back.seq - 1
        WHERE back.steps < ?
    )
    SELECT m.seq, m.turn, SUBSTR(m.body, 1, ?) FROM back JOIN holdfast_message m
        ON m.session_id = ? AND m.seq = back.seq
    ORDER BY m.seq
"""
ACTS = """
    SELECT seq, turn_start, form, SUBSTR(body, 1, ?) FROM holdfast_message
    WHERE session_id = ? AND seq >= ? AND seq <= ? AND role = 'assistant' ORDER BY seq
"""
EVENTS = """
    SELECT version, kind, created_us, data FROM holdfast_event
    WHERE session_id = ? AND version > ? AND version < ? ORDER BY version LIMIT ?
"""
EVENTS_BACK = """
    SELECT version, kind, created_us, data FROM holdfast_event
    WHERE session_id = ? AND version > ? AND version < ? ORDER BY version DESC LIMIT ?
"""
OVERLAY_EVENTS = """
    SELECT version, kind, created_us, data FROM holdfast_event
    WHERE session_id = ? AND version <= ? AND kind IN (?, ?, ?) ORDER BY version
"""
EVENT = """
    SELECT version, kind, created_us, data FROM holdfast_event
    WHERE session_id = ? AND version = ?
"""
# What a session's row only points to, by one statement: the event of its prompt, that of its newest
# fold, and the rules of its policy, told as if that were an event too.
POINTED_TO = """
    SELECT version, kind, created_us, data FROM holdfast_event
    WHERE session_id = ? AND version IN (?, ?)
    UNION ALL
    SELECT -1, 'rules', 0, data FROM holdfast_policy
    WHERE project_id = ? AND name = ? AND version = ?
"""
EVENTS_UP_TO = "SELECT COUNT(*) FROM holdfast_event WHERE session_id = ? AND version <= ?"


@cache
def within(statement: str) -> str:
    """The first rows of a page by the text in its last column, as many bytes of it as asked for;
    for PostgreSQL, which knows how long a text is without reading it, and of a packed one reads
    the size in its mark. See Database.rows_within."""
    text = statement.partition("FROM")[0].split()[-1]
    octets = f"OCTET_LENGTH({text})"
    if text == "body":
        octets = f"""CASE WHEN SUBSTR(body, 1, 9) ~ '^~[0-9]{{8}}$'
            THEN CAST(SUBSTR(body, 2, 8) AS INTEGER) ELSE {octets} END"""
    order = statement.rpartition("ORDER BY")[2].partition("LIMIT")[0].strip()
    frame = f"ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING"
    return f"""
        SELECT * FROM (
            SELECT page.*, SUM({octets}) OVER ({frame}) AS octets_before
            FROM ({statement}) AS page
        ) AS counted
        WHERE COALESCE(octets_before, 0) < ? ORDER BY {order}
    """


# Where a session stands and its newest step, for PostgreSQL: how many messages the step may have
# comes first, then how far back it may begin, then how many bytes.
STANDING_AND_STEP = f"""
    SELECT s.number, s.version, s.messages, s.overlay_version, step.seq, step.role, step.form,
        step.body
    FROM holdfast_session s LEFT JOIN LATERAL (
        {within(_NEWEST_STEP.format(number="s.number", end="s.messages", low="s.messages - ?"))}
    ) step ON TRUE
    WHERE s.id = ? AND s.project_id = ?
    ORDER BY step.seq
"""

LOG_MESSAGES = """
    SELECT seq, version, role, form, tokens, tokens_estimated, batch_end, created_us, salt, digest,
         body
    FROM holdfast_message WHERE session_id = ? AND seq > ? AND version <= ? ORDER BY seq LIMIT ?
"""
LOG_EVENTS = """
    SELECT version, kind, batch_end, created_us, salt, digest, data FROM holdfast_event
    WHERE session_id = ? AND version > ? AND version <= ? ORDER BY version LIMIT ?
"""
SESSION_PROJECT = "SELECT project_id FROM holdfast_session WHERE id = ?"
SESSIONS_AFTER = f"""
    SELECT {SESSION_COLUMNS} {FROM_SESSION}
    WHERE s.project_id = ? AND s.number > ? AND s.status <> 'deleted' ORDER BY s.number LIMIT ?
"""
LINKS = """
    SELECT version, digest, batch_end FROM holdfast_message
    WHERE session_id = ? AND version <= ?
    UNION ALL
    SELECT version, digest, batch_end FROM holdfast_event
    WHERE session_id = ? AND version <= ?
    ORDER BY version
"""

COPY_MESSAGES = """
    INSERT INTO holdfast_message
        (session_id, seq, version, turn, turn_start, role, form, tokens, tokens_total,
         tokens_estimated, batch_end, created_us, salt, digest, body, packed)
    SELECT ?, seq, version, turn, turn_start, role, form, tokens, tokens_total, tokens_estimated,
         CASE WHEN version = ? THEN ? ELSE batch_end END, created_us, salt, digest, body,
         packed
    FROM holdfast_message WHERE session_id = ? AND seq <= ?
"""
COPY_EVENTS = """
    INSERT INTO holdfast_event
        (session_id, version, kind, batch_end, created_us, salt, digest, data)
    SELECT ?, version, kind, CASE WHEN version = ? THEN ? ELSE batch_end END, created_us, salt,
         digest, data
    FROM holdfast_event WHERE session_id = ? AND version <= ?
"""

PURGE = {
    "messages": "DELETE FROM holdfast_message WHERE session_id = ?",
    "events": "DELETE FROM holdfast_event WHERE session_id = ?",
    "tags": "DELETE FROM holdfast_session_tag WHERE session_id = ?",
    "reviews": "DELETE FROM holdfast_review WHERE session_id = ?",
    "request_keys": "DELETE FROM holdfast_request_key WHERE session_number = ?",
}
DELETE_SESSION = "DELETE FROM holdfast_session WHERE number = ?"
DUE = """
    SELECT project_id, id FROM holdfast_session
    WHERE status = 'deleted' AND purge_us <= ? ORDER BY purge_us LIMIT 1000
"""

# For `verify`: whole tables in the order of their keys, everything a digest or a counter stands on.
VERIFY_NEWEST = """
    SELECT (SELECT MAX(version) FROM holdfast_message WHERE session_id = ?),
        (SELECT MAX(version) FROM holdfast_event WHERE session_id = ?)
"""
VERIFY_SESSIONS = """
    SELECT number, id, project_id, version, head FROM holdfast_session
    WHERE number > ? AND (? = 0 OR project_id = ?) ORDER BY number LIMIT ?
"""
VERIFY_SESSION = """
    SELECT version, messages, turns, turn_start, tokens, active_tokens, status, title, policy_name,
        policy_version, prompt_version, overlay_version, folded, fold_version, compressions, facts,
        head, metadata, tags
    FROM holdfast_session WHERE number = ?
"""
VERIFY_MESSAGES = """
    SELECT seq, version, turn, turn_start, role, tokens, tokens_total, batch_end, created_us, salt,
        digest, body
    FROM holdfast_message WHERE session_id = ? AND seq > ? AND version <= ? ORDER BY seq LIMIT ?
"""
VERIFY_EVENTS = """
    SELECT version, kind, batch_end, created_us, salt, digest, data
    FROM holdfast_event WHERE session_id = ? AND version > ? AND version <= ?
    ORDER BY version LIMIT ?
"""
VERIFY_REQUEST_KEYS = """
    SELECT project_id, key, answer FROM holdfast_request_key
    WHERE (project_id > ? OR (project_id = ? AND key > ?)) AND (? = 0 OR project_id = ?)
    ORDER BY project_id, key LIMIT ?
"""
VERSION_OF = "SELECT version FROM holdfast_session WHERE id = ?"
TAGS = "SELECT name FROM holdfast_session_tag WHERE session_id = ?"

# For the full-text index, which `store/fulltext.py` keeps: what it has still to take in.
INDEX_DUE = f"""
    SELECT {INDEX_STATE_COLUMNS} {FROM_SESSION}
    WHERE s.index_due_us IS NOT NULL AND (s.index_due_us, s.number) < (?, ?)
    ORDER BY s.index_due_us DESC, s.number DESC LIMIT ?
"""
INDEX_STATE = f"SELECT {INDEX_STATE_COLUMNS} {FROM_SESSION} WHERE s.number = ?"
INDEX_BEHIND = "SELECT COUNT(*) FROM holdfast_session WHERE index_due_us IS NOT NULL"
# The plus keeps SQLite from looking through all of the project's sessions instead.
INDEX_BEHIND_OF = f"{INDEX_BEHIND} AND +project_id = ?"
INDEX_MISSED = """
    SELECT number FROM holdfast_session WHERE index_due_us IS NULL AND indexed_messages < messages
"""
# The row's lock and what the index had when its documents were made decide who stores them. The
# flag goes down only if the session stands where it was read; what came meanwhile leaves it up.
INDEX_MOVE = """
    UPDATE holdfast_session
    SET indexed_messages = ?, indexed_words = ?,
        index_due_us = CASE WHEN version = ? AND messages = ? THEN NULL ELSE index_due_us END
    WHERE number = ? AND indexed_messages = ? AND indexed_words = ?
"""
INDEX_BODIES = """
    SELECT seq, role, form, body FROM holdfast_message
    WHERE session_id = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?
"""
INDEX_BODIES_IN = """
    SELECT seq, role, form, body FROM holdfast_message WHERE session_id = ? AND seq IN ({marks})
"""
# Only its owner may sort an index; where that is another role, inserts do it when the list is full.
SORT_INDEX = """
    SELECT gin_clean_pending_list(c.oid) FROM pg_class c
    WHERE c.oid = to_regclass('holdfast_search_words') AND pg_has_role(c.relowner, 'USAGE')
"""
# A cross join, because SQLite keeps its order: else it reads the whole table.
INDEX_SAID = """
    WITH wanted(number, place) AS (VALUES {marks})
    SELECT m.session_id, m.seq, m.role, m.form, m.created_us, m.body
    FROM wanted CROSS JOIN holdfast_message m
    WHERE m.session_id = wanted.number AND m.seq = wanted.place
"""
INDEX_BY_NAME = """
    SELECT number FROM holdfast_session
    WHERE project_id = ? AND LOWER(key) LIKE LOWER(?) ESCAPE '\\'
"""
INDEX_BY_ID = "SELECT number FROM holdfast_session WHERE project_id = ? AND id BETWEEN ? AND ?"
