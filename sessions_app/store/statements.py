"""The store's SQL, each statement under a name. `?` marks a parameter on both databases."""

from __future__ import annotations

SESSION_COLUMNS = """
    s.number, s.id, s.project_id, u.key, s.key, s.title, s.status, s.version, s.messages, s.turns,
    s.tokens, s.active_tokens, s.capacity, s.window_tokens, s.prompt_version, s.overlay_version,
    s.policy_name, s.policy_version, s.head, s.metadata, s.tags, s.created_us, s.last_activity_us,
    s.purge_us, s.forked_from, s.forked_at
"""
_FROM_SESSION = "FROM holdfast_session s LEFT JOIN holdfast_end_user u ON u.id = s.end_user_id"

SESSION_BY_ID = f"SELECT {SESSION_COLUMNS} {_FROM_SESSION} WHERE s.id = ? AND s.project_id = ?"
SESSION_BY_KEY = f"SELECT {SESSION_COLUMNS} {_FROM_SESSION} WHERE s.project_id = ? AND s.key = ?"

SESSION_BY_NUMBER = (
    f"SELECT {SESSION_COLUMNS} {_FROM_SESSION} WHERE s.number = ? AND s.project_id = ?"
)

# The write that begins an append: it takes the row's lock, decides the place of the batch, and
# answers with what the rows are built from. `head` is still the old one; SET_HEAD follows when the
# digests, which cover that place, are known.
BUMP = """
    UPDATE holdfast_session
    SET version = version + ?, messages = messages + ?, turns = turns + ?, tokens = tokens + ?,
        turn_start = CASE WHEN ? > 0 THEN messages + ? ELSE turn_start END, active_tokens = active_tokens + ?,
        last_activity_us = CASE WHEN last_activity_us < ? THEN ? ELSE last_activity_us END
    WHERE id = ? AND project_id = ? AND status = 'active' AND (? < 0 OR version = ?)
    RETURNING number, version, messages, turns, tokens, active_tokens, capacity, window_tokens, head,
        turn_start
"""
SET_HEAD = "UPDATE holdfast_session SET head = ? WHERE number = ?"
SET_VERSION = "UPDATE holdfast_session SET version = ?, head = ? WHERE number = ?"
SET_COLUMNS = "UPDATE holdfast_session SET {names} WHERE number = ?"
LOCK_PROJECT = "UPDATE holdfast_project SET name = name WHERE id = ?"
LOCK = "UPDATE holdfast_session SET version = version WHERE id = ? AND project_id = ?"

INSERT_MESSAGE = """
    INSERT INTO holdfast_message
        (session_id, seq, version, turn, turn_start, role, form, tokens, tokens_total, tokens_estimated,
         batch_end, created_us, salt, digest, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
INSERT_EVENT = """
    INSERT INTO holdfast_event
        (session_id, version, kind, batch_end, created_us, salt, digest, data)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
INSERT_SESSION = """
    INSERT INTO holdfast_session
        (id, project_id, end_user_id, key, title, status, version, messages, turns, turn_start,
         tokens, active_tokens, capacity, window_tokens, prompt_version, overlay_version, policy_name,
         policy_version, head, metadata, tags, created_us, last_activity_us, purge_us,
         forked_from, forked_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING
    RETURNING number
"""
INSERT_TAG = "INSERT INTO holdfast_session_tag (session_id, name) VALUES (?, ?)"
DELETE_TAGS = "DELETE FROM holdfast_session_tag WHERE session_id = ?"
INSERT_END_USER = """
    INSERT INTO holdfast_end_user (project_id, key, created_us) VALUES (?, ?, ?)
    ON CONFLICT DO NOTHING
"""
END_USER = "SELECT id FROM holdfast_end_user WHERE project_id = ? AND key = ?"
NEWEST_POLICY = """
    SELECT version, window_tokens, capacity FROM holdfast_policy
    WHERE project_id = ? AND name = ? ORDER BY version DESC LIMIT 1
"""
POLICY_NUMBERS = """
    SELECT window_tokens, capacity FROM holdfast_policy
    WHERE project_id = ? AND name = ? AND version = ?
"""

REQUEST_KEY = """
    SELECT fingerprint, status, answer FROM holdfast_request_key WHERE project_id = ? AND key = ?
"""
INSERT_REQUEST_KEY = """
    INSERT INTO holdfast_request_key
        (project_id, key, fingerprint, session_number, status, answer, created_us)
    VALUES (?, ?, ?, ?, ?, ?, ?)
"""
DELETE_OLD_REQUEST_KEYS = "DELETE FROM holdfast_request_key WHERE created_us < ?"

MESSAGE_COLUMNS = """
    seq, version, turn, turn_start, role, form, tokens, tokens_total, tokens_estimated, created_us, body
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
    WHERE session_id = ? AND seq > ? AND seq < ? AND LOWER(body) LIKE LOWER(?) ESCAPE '\\'
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
EVENTS = """
    SELECT version, kind, created_us, data FROM holdfast_event
    WHERE session_id = ? AND version > ? AND version < ? ORDER BY version LIMIT ?
"""
EVENTS_BACK = """
    SELECT version, kind, created_us, data FROM holdfast_event
    WHERE session_id = ? AND version > ? AND version < ? ORDER BY version DESC LIMIT ?
"""
EVENT = """
    SELECT version, kind, created_us, data FROM holdfast_event
    WHERE session_id = ? AND version = ?
"""
EVENTS_UP_TO = "SELECT COUNT(*) FROM holdfast_event WHERE session_id = ? AND version <= ?"
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
        (session_id, seq, version, turn, turn_start, role, form, tokens, tokens_total, tokens_estimated,
         batch_end, created_us, salt, digest, body)
    SELECT ?, seq, version, turn, turn_start, role, form, tokens, tokens_total, tokens_estimated,
         CASE WHEN version = ? THEN ? ELSE batch_end END, created_us, salt, digest, body
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
    "request_keys": "DELETE FROM holdfast_request_key WHERE session_number = ?",
}
DELETE_SESSION = "DELETE FROM holdfast_session WHERE number = ?"
DUE = """
    SELECT project_id, id FROM holdfast_session
    WHERE status = 'deleted' AND purge_us <= ? ORDER BY purge_us LIMIT 1000
"""
