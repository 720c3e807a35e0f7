"""The hand-written SQL of memory: rows that a compression makes by the hundred, and what is asked
for every session that is due. `?` marks a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

SUMMARY = ("version", "first", "last", "style", "points", "tokens", "ordinal", "totals")
RUN = ("first", "last", "fate", "tokens", "rule", "score", "ordinal", "decided", "since")
FACT = (
    "text", "category", "status", "pinned", "score", "confidence", "trust", "sources", "seq",
    "tokens", "words", "since", "revision", "created_us",
)  # fmt: skip

# What a compression leaves at its defaults.
STATED = (
    "key", "subject", "relation", "object", "valid_us", "invalid_us", "superseded_by",
    "metadata", "confirmed_us",
)  # fmt: skip
WHOLE_FACT = (*FACT, *STATED)
REVISION = ("version", "revision", "editor", "reason", "changes", "created_us")
CONTEXT = (
    "id", "session_id", "kind", "version", "form", "policy_name", "policy_version", "query",
    "model", "room", "tokens", "account", "digest", "created_us", "choices",
)  # fmt: skip


def names(columns: Sequence[str]) -> str:
    """Columns, or marks, as they stand in a statement."""
    return ", ".join(columns)


def _insert(table: str, columns: Sequence[str]) -> str:
    marks = names("?" * len(columns))
    return f"INSERT INTO {table} ({names(columns)}) VALUES ({marks})"


INSERT_SUMMARY = _insert("holdfast_summary", ("session_id", *SUMMARY))
INSERT_RUN = _insert("holdfast_fate_run", ("session_id", *RUN, "until"))
_OWNED = ("id", "project_id", "end_user_id", "session_id")
INSERT_FACT = _insert("holdfast_fact", (*_OWNED, *FACT, "until"))
INSERT_STATED = _insert("holdfast_fact", (*_OWNED, *WHOLE_FACT, "until"))
INSERT_LEARNT = _insert(
    "holdfast_fact", (*_OWNED, *WHOLE_FACT, "until", "learnt_by", "learnt_in_id")
)
LOCK_END_USER = "UPDATE holdfast_end_user SET created_us = created_us WHERE id = ?"
DELETE_CONSOLIDATED = "DELETE FROM holdfast_consolidated WHERE end_user_id = ?"
SESSION_IDS_OF_USER = "SELECT id FROM holdfast_session WHERE end_user_id = ?"
DELETE_END_USER = "DELETE FROM holdfast_end_user WHERE id = ?"
_OF_FACTS = "fact_id IN (SELECT number FROM holdfast_fact WHERE end_user_id = ?)"
_ERASED = {
    "injections": ("DELETE FROM", "holdfast_injection", "", _OF_FACTS),
    "fact_revisions": ("DELETE FROM", "holdfast_fact_revision", "", _OF_FACTS),
    "facts": ("DELETE FROM", "holdfast_fact", "", "end_user_id = ?"),
    "episodes": (
        "UPDATE", "holdfast_episode", "SET text = '', words = '', outcome = ''",
        "end_user_id = ? AND text <> ''",
    ),
    "provided": (
        "UPDATE", "holdfast_context", "SET provided = '[]'",
        "provided <> '[]'"
        " AND session_id IN (SELECT number FROM holdfast_session WHERE end_user_id = ?)",
    ),
    "links": ("DELETE FROM", "holdfast_user_link", "", "? IN (reader_id, linked_id)"),
}  # fmt: skip
# What an erasure takes and what it says beforehand that it would take are the same rows.
ERASE = {
    name: f"{verb} {table} {change} WHERE {which}"
    for name, (verb, table, change, which) in _ERASED.items()
}
COUNT_ERASED = {
    name: f"SELECT COUNT(*) FROM {table} WHERE {which}"
    for name, (_, table, _, which) in _ERASED.items()
}
# Counts that end at a number: a page says "more than" beyond it. A fact of a deleted session, or
# known from one alone, is not shown.
_SHOWN = """
    NOT EXISTS (
        SELECT 1 FROM holdfast_session s
        WHERE s.number IN (f.session_id, f.learnt_in_id) AND s.status = 'deleted'
    )
"""
IN_STATE = {
    "active": "f.status = 'active'",
    "pinned": "f.status = 'active' AND f.pinned",
    "superseded": "f.status = 'superseded'",
    "retired": "f.status = 'retired'",
    "quarantined": "f.status = 'quarantined'",
}


def _facts_of(user: str, state: str) -> str:
    return f"""
        (SELECT COUNT(*) FROM (
            SELECT 1 FROM holdfast_fact f
            WHERE f.end_user_id = {user} AND {IN_STATE[state]} AND {_SHOWN} LIMIT ?
        ) AS {state})
    """


STATES = f"SELECT {names([_facts_of('?', state) for state in IN_STATE])}"


def figures_of_users(many: int) -> str:
    """Of so many users: active facts, quarantined ones, sessions, the last activity."""
    return f"""
        SELECT u.id, {_facts_of("u.id", "active")}, {_facts_of("u.id", "quarantined")},
            (SELECT COUNT(*) FROM (
                SELECT 1 FROM holdfast_session s
                WHERE s.end_user_id = u.id AND s.status <> 'deleted' LIMIT ?
            ) AS sessions),
            (SELECT s.last_activity_us FROM holdfast_session s
                WHERE s.end_user_id = u.id AND s.status <> 'deleted'
                ORDER BY s.active_hour DESC, s.last_activity_us DESC LIMIT 1)
        FROM holdfast_end_user u WHERE u.id IN ({names("?" * many)})
    """


# Of a project's contexts by their numbers the first message of an assistant that followed each,
# looked for no further than a page: (context, session, seq). A version is so many messages and so
# many events.
FOLLOWED = """
    SELECT k.number, k.session_id, (
        SELECT m.seq FROM holdfast_message m
        WHERE m.session_id = k.session_id AND m.seq > k.said AND m.seq <= k.said + ?
            AND m.role = 'assistant'
        ORDER BY m.seq LIMIT 1
    )
    FROM (
        SELECT c.number, c.session_id, c.version - (
            SELECT COUNT(*) FROM holdfast_event e
            WHERE e.session_id = c.session_id AND e.version <= c.version
        ) AS said
        FROM holdfast_context c JOIN holdfast_session s ON s.number = c.session_id
        WHERE s.project_id = ? AND s.status <> 'deleted' AND c.number {among}
    ) k
"""
SAID_AT = """
    WITH wanted(number, place) AS (VALUES {marks})
    SELECT m.session_id, m.seq, m.role, m.form, m.created_us, m.body
    FROM wanted CROSS JOIN holdfast_message m
    WHERE m.session_id = wanted.number AND m.seq = wanted.place
"""
STANDS_AT = """
    WITH wanted(number, place) AS (VALUES {marks})
    SELECT m.session_id, m.seq, m.role, CASE WHEN m.body = '' THEN 1 ELSE 0 END
    FROM wanted CROSS JOIN holdfast_message m
    WHERE m.session_id = wanted.number AND m.seq = wanted.place
"""
RETRACTED_IN = """
    SELECT session_id, data FROM holdfast_event
    WHERE session_id IN ({marks}) AND kind = 'retracted' AND data <> ''
"""
TOTALS = "SELECT totals FROM holdfast_summary WHERE session_id = ? AND version = ?"
POINTS = "SELECT points FROM holdfast_summary WHERE session_id = ? AND version = ?"
RETAINED = """
    SELECT first, last, rule, score FROM holdfast_fate_run
    WHERE session_id = ? AND since <= ? AND until > ? AND fate = 1
"""
SESSIONS_OF_USER = """
    SELECT number, id, messages, overlay_version, head FROM holdfast_session
    WHERE end_user_id = ? AND status <> 'deleted' AND messages > 0
    ORDER BY active_hour DESC, number DESC LIMIT ?
"""
SAID = """
    SELECT seq, role, form, tokens, created_us, body FROM holdfast_message
    WHERE session_id = ? AND seq > ? AND seq <= ? AND role IN ('user', 'assistant') ORDER BY seq
"""
# -- facts as a context takes them -----------------------------------------------------------------

_KNOWN = """
    f.number, f.id, f.session_id, f.seq, f.text, f.category, f.pinned, f.score, f.trust, f.tokens,
    f.key, f.revision, f.created_us, f.valid_us, f.confirmed_us, f.learnt_by, f.learnt_in_id,
    CASE WHEN f.learnt_by = '' THEN '' ELSE f.sources END"""
_UNASKED = "'', '', '', ''"
_ASKED = "f.words, f.subject, f.relation, f.object"
# What must be there, as `contextfacts.must` has it.
_TOLD = "((f.category = 'correction' OR NOT (f.key = '')) AND f.trust IN ('user', 'editor'))"
_MUST = f"(f.pinned OR {_TOLD})"
# What matters whatever is asked, in the very words of the index `holdfast_fact_matters`, by which
# SQLite knows it again. {pinned} is how a database says that.
_MATTERS = f"({{pinned}} OR {_TOLD} OR (f.session_id IS NULL AND f.learnt_by = ''))"
_BEST_FIRST = f"ORDER BY CASE WHEN {_MUST} THEN 0 ELSE 1 END, f.score DESC, f.number LIMIT ?"
_OF_SESSION = """
    f.session_id = ? AND f.since <= ? AND f.until > ? AND f.status = 'active'"""


def _known(more: str, which: str) -> str:
    return f"SELECT {_KNOWN}, {more} FROM holdfast_fact f WHERE {which} {_BEST_FIRST}"


def _naming(words: int) -> str:
    return "".join(" OR f.words LIKE ?" for _ in range(words))


KNOWN_OF_SESSION = _known(_UNASKED, _OF_SESSION)


@cache
def known_of_session(words: int) -> str:
    """Those of a session for a question of so many words."""
    return _known(_ASKED, f"{_OF_SESSION} AND ({_MUST}{_naming(words)})")


@cache
def known_of_user(words: int, *, asked: bool, sqlite: bool) -> str:
    """Those of a user, but not of one session, for a question of so many words or for none."""
    matters = _MATTERS.format(pinned="f.pinned IN (1)" if sqlite else "f.pinned")
    return _known(
        _ASKED if asked else _UNASKED,
        f"""
            f.end_user_id = ? AND f.status = 'active'
            AND (f.valid_us IS NULL OR f.valid_us <= ?)
            AND (f.invalid_us IS NULL OR f.invalid_us > ?)
            AND (f.session_id IS NULL OR f.session_id <> ?) AND {_SHOWN}
            AND {f"({matters}{_naming(words)})" if words else matters}
        """,
    )


LINKED = """
    SELECT linked_id FROM holdfast_user_link
    WHERE reader_id = ? AND created_us < ? ORDER BY number
"""
READ_BY = """
    SELECT u.id, l.linked_id FROM holdfast_end_user u
    LEFT JOIN holdfast_user_link l ON l.reader_id = u.id AND l.created_us < ?
    WHERE u.project_id = ? AND u.key = ?
        AND (
            l.linked_id IS NOT NULL
            OR EXISTS (SELECT 1 FROM holdfast_fact f WHERE f.end_user_id = u.id)
        )
    ORDER BY l.number
"""
END_USER = "SELECT id FROM holdfast_end_user WHERE project_id = ? AND key = ?"
UNFINISHED = """
    SELECT 1 FROM holdfast_compression
    WHERE session_id = ? AND outcome IN ('queued', 'running') LIMIT 1
"""
INSERT_CONTEXT = f"{_insert('holdfast_context', CONTEXT)} RETURNING number"
KEEP_PROVIDED = "UPDATE holdfast_context SET provided = ? WHERE number = ?"
EPISODE = ("id", "first", "last", "begun_us", "ended_us", "outcome", "text", "words", "created_us")
# Of an erased one the row stays, so that it is not told again; one by hand goes.
DELETE_EPISODES = "DELETE FROM holdfast_episode WHERE end_user_id = ? AND session_id IS NULL"
UNTOLD = """
    SELECT s.number FROM holdfast_session s
    WHERE s.number > ? AND s.number <= ? AND s.messages > 0
        AND (s.status IN ('ended', 'archived') OR s.status = 'active' AND s.last_activity_us <= ?)
        AND NOT EXISTS (
            SELECT 1 FROM holdfast_episode e WHERE e.session_id = s.number AND e.last >= s.messages
        )
    ORDER BY s.number LIMIT ?
"""
NAMED = "SELECT id, project_id FROM holdfast_session WHERE number = ?"
NEWEST_SESSION = "SELECT MAX(number) FROM holdfast_session"
TOLD_UNTIL = "SELECT MAX(last) FROM holdfast_episode WHERE session_id = ?"
STAND_AT = """
    SELECT created_us FROM holdfast_message WHERE session_id = ? AND seq IN (?, ?) ORDER BY seq
"""
TELL = f"""
    INSERT INTO holdfast_episode (project_id, end_user_id, session_id, {names(EPISODE)})
    SELECT project_id, end_user_id, number, {names("?" * len(EPISODE))}
    FROM holdfast_session WHERE number = ? AND status <> 'deleted'
    ON CONFLICT (session_id, last) DO NOTHING
"""
NEWEST_END_USER = "SELECT MAX(id) FROM holdfast_end_user"
TO_CONSOLIDATE = """
    SELECT u.id, u.project_id, u.key FROM holdfast_end_user u
    WHERE u.id > ? AND u.id <= ?
        AND EXISTS (
            SELECT 1 FROM holdfast_fact f WHERE f.end_user_id = u.id AND f.status = 'active'
        )
        AND NOT EXISTS (
            SELECT 1 FROM holdfast_consolidated c WHERE c.end_user_id = u.id AND c.at_us > ?
        )
    ORDER BY u.id LIMIT ?
"""
CLAIM_CONSOLIDATED = """
    INSERT INTO holdfast_consolidated (end_user_id, at_us) VALUES (?, ?)
    ON CONFLICT (end_user_id) DO UPDATE SET at_us = excluded.at_us
    WHERE holdfast_consolidated.at_us <= ?
"""
INSERT_INJECTION = """
    INSERT INTO holdfast_injection (context_id, place, fact_id)
    SELECT ?, ?, number FROM holdfast_fact WHERE id = ?
"""

# -- what is learnt --------------------------------------------------------------------------------

# Only what a user said can be a user's fact.
_UNLEARNT = """
    LEFT JOIN holdfast_learnt l ON l.session_id = s.number
    WHERE s.end_user_id IS NOT NULL AND s.status <> 'deleted'
        AND (s.messages > COALESCE(l.messages, 0) OR l.overlay < s.overlay_version)
        AND COALESCE(l.held_until_us, 0) <= ?
"""
UNLEARNT_LATELY = f"""
    SELECT s.number FROM holdfast_project p CROSS JOIN holdfast_session s
    {_UNLEARNT} AND s.project_id = p.id AND s.active_hour >= ?
    ORDER BY s.last_activity_us DESC LIMIT ?
"""
UNLEARNT_AFTER = f"""
    SELECT s.number FROM holdfast_session s {_UNLEARNT} AND s.number > ? ORDER BY s.number LIMIT ?
"""
SAID_BY_OTHERS = """
    SELECT seq, role, form, tokens, created_us, body FROM holdfast_message
    WHERE session_id = ? AND seq >= ? AND seq < ? AND role <> 'user' ORDER BY seq DESC
"""
COPY_LEARNT = """
    INSERT INTO holdfast_learnt
        (session_id, messages, found, injected, imported, shared, held_until_us)
    SELECT s.number, s.messages, 0, 0, 0, COALESCE(l.shared, ?), 0
    FROM holdfast_session s LEFT JOIN holdfast_learnt l ON l.session_id = ?
    WHERE s.number = ?
"""
IMPORTED = """
    INSERT INTO holdfast_learnt
        (session_id, messages, found, injected, imported, shared, held_until_us)
    VALUES (?, 0, 0, 0, ?, ?, 0)
    ON CONFLICT (session_id) DO UPDATE SET imported = excluded.imported
"""
UNLEARNT = f"""
    SELECT COUNT(*), COALESCE(SUM(s.messages - COALESCE(l.messages, 0)), 0)
    FROM holdfast_session s {_UNLEARNT}
"""
OPEN_LEARNT = """
    INSERT INTO holdfast_learnt
        (session_id, messages, found, injected, imported, shared, held_until_us)
    SELECT number, ?, 0, 0, ?, ?, 0 FROM holdfast_session WHERE number = ?
    ON CONFLICT (session_id) DO NOTHING
"""
LEARNT = """
    SELECT messages, imported, shared, overlay, held_until_us FROM holdfast_learnt
    WHERE session_id = ?
"""
HOLD_LEARNT = """
    UPDATE holdfast_learnt SET held_until_us = ? WHERE session_id = ? AND held_until_us <= ?
    RETURNING messages, imported, shared, overlay
"""
SET_LEARNT = """
    UPDATE holdfast_learnt
    SET messages = ?, found = found + ?, injected = injected + ?, shared = ?, overlay = ?,
        held_until_us = 0
    WHERE session_id = ? AND messages = ? AND held_until_us = ?
"""
POSTPONE_LEARNT = """
    UPDATE holdfast_learnt SET held_until_us = ? WHERE session_id = ? AND held_until_us = ?
"""
STATUS = "SELECT status FROM holdfast_session WHERE number = ?"
LEARNT_OF_USER = """
    SELECT COALESCE(SUM(l.messages), 0), COALESCE(SUM(l.found), 0), COALESCE(SUM(l.injected), 0)
    FROM holdfast_learnt l JOIN holdfast_session s ON s.number = l.session_id
    WHERE s.end_user_id = ? AND s.status <> 'deleted'
"""

# -- vectors ---------------------------------------------------------------------------------------

# A session is behind where messages have not been looked at, or where another model's vectors are.
_BEHIND = """
    LEFT JOIN holdfast_embedded e ON e.session_id = s.number
    WHERE s.messages > 0 AND s.status <> 'deleted'
        AND (e.session_id IS NULL OR e.messages < s.messages
            OR e.model <> ? OR e.dimensions <> ? OR e.store <> ?)
"""
_FREE = "AND COALESCE(e.claim_until_us, 0) <= ?"
# By the index of each project's latest sessions: a cross join keeps SQLite to that order.
BEHIND_LATELY = f"""
    SELECT s.number FROM holdfast_project p CROSS JOIN holdfast_session s
    {_BEHIND} {_FREE} AND s.project_id = p.id AND s.active_hour >= ?
    ORDER BY s.last_activity_us DESC LIMIT ?
"""
BEHIND_AFTER = f"""
    SELECT s.number FROM holdfast_session s {_BEHIND} {_FREE}
        AND s.number > ? ORDER BY s.number LIMIT ?
"""
BEHIND = f"""
    SELECT COUNT(*),
        COALESCE(SUM(s.messages - CASE WHEN e.model = ? AND e.dimensions = ? AND e.store = ?
            THEN e.messages ELSE 0 END), 0)
    FROM holdfast_session s {_BEHIND}
"""
TO_EMBED = """
    SELECT s.messages, s.project_id, s.end_user_id FROM holdfast_session s
    WHERE s.number = ? AND s.status <> 'deleted'
"""
EMBEDDED = """
    SELECT model, dimensions, store, messages, claim, claim_until_us, place FROM holdfast_embedded
    WHERE session_id = ?
"""
INSERT_EMBEDDED = """
    INSERT INTO holdfast_embedded
        (session_id, model, dimensions, store, place, messages, outside, claim, claim_until_us)
    VALUES (?, ?, ?, ?, ?, 0, 0, 1, ?)
"""
CLAIM_EMBEDDED = """
    UPDATE holdfast_embedded SET claim = claim + 1, claim_until_us = ?
    WHERE session_id = ? AND claim = ? AND claim_until_us <= ?
"""
BEGIN_EMBEDDED = """
    UPDATE holdfast_embedded
    SET model = ?, dimensions = ?, store = ?, place = ?, messages = 0, outside = 0
    WHERE session_id = ?
"""
SET_EMBEDDED = """
    UPDATE holdfast_embedded
    SET messages = ?, outside = outside + ?, claim = claim + 1, claim_until_us = 0
    WHERE session_id = ? AND claim = ?
"""
POSTPONE_EMBEDDED = """
    UPDATE holdfast_embedded SET claim_until_us = ? WHERE session_id = ? AND claim = ?
"""
DELETE_VECTORS = "DELETE FROM holdfast_vector WHERE session_id = ?"
INSERT_VECTOR = """
    INSERT INTO holdfast_vector (session_id, seq, vector) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
"""
# Whose vectors stands in the question itself: {whose} is a user of the project, or a session of it.
_EMBEDDED_SESSION = """
    FROM holdfast_session s
    JOIN holdfast_embedded e ON e.session_id = s.number
        AND e.model = ? AND e.dimensions = ? AND e.store = ?
"""
_OF_AN_OWNER = "WHERE s.project_id = ? AND {whose} AND s.status <> 'deleted'"
OF_USER, OF_SESSION = "s.end_user_id = ?", "s.number = ?"
EMBEDDED_OF = f"SELECT e.session_id, e.messages, e.place {_EMBEDDED_SESSION} {_OF_AN_OWNER}"
VECTORS_OF = f"""
    SELECT v.seq, v.vector {_EMBEDDED_SESSION}
    JOIN holdfast_vector v ON v.session_id = s.number
    {_OF_AN_OWNER} AND v.session_id = ? AND v.seq > ? AND v.seq <= ?
"""
ALL_VECTORS_OF = f"""
    SELECT s.number, e.place, v.seq, v.vector {_EMBEDDED_SESSION}
    JOIN holdfast_vector v ON v.session_id = s.number
    {_OF_AN_OWNER}
"""
# What is kept outside is not copied: the fork's own are made of its messages.
COPY_EMBEDDED = """
    INSERT INTO holdfast_embedded
        (session_id, model, dimensions, store, place, messages, outside, claim, claim_until_us)
    SELECT s.number, e.model, e.dimensions, '', '',
        CASE WHEN e.messages < s.messages THEN e.messages ELSE s.messages END, 0, 0, 0
    FROM holdfast_embedded e, holdfast_session s
    WHERE e.session_id = ? AND s.number = ? AND e.store = ''
"""
COPY_VECTORS = """
    INSERT INTO holdfast_vector (session_id, seq, vector)
    SELECT s.number, v.seq, v.vector FROM holdfast_vector v, holdfast_session s
    WHERE v.session_id = ? AND s.number = ? AND v.seq <= s.messages
"""

# -- vectors that are to go from where they are kept outside -----------------------------------

# Who may still be sending some has until `claim_until_us`; before, they are not looked for.
REMOVE_ALL_OUTSIDE = """
    INSERT INTO holdfast_vector_removal
        (store, model, dimensions, place, vectors, due_us, attempts)
    SELECT store, model, dimensions, place, outside, claim_until_us, 0
    FROM holdfast_embedded WHERE store <> ''
"""
REMOVE_OUTSIDE = f"{REMOVE_ALL_OUTSIDE} AND session_id = ?"
END_ALL_CLAIMS = "UPDATE holdfast_embedded SET claim = claim + 1"
DELETE_ALL_EMBEDDED = "DELETE FROM holdfast_embedded"
DELETE_ALL_VECTORS = "DELETE FROM holdfast_vector"
OUTSIDE_OF = "SELECT outside FROM holdfast_embedded WHERE session_id = ?"
REMOVALS = """
    SELECT number, attempts, model, dimensions, place FROM holdfast_vector_removal
    WHERE store = ? AND due_us <= ? ORDER BY due_us LIMIT ?
"""
TRY_REMOVAL = """
    UPDATE holdfast_vector_removal SET attempts = attempts + 1, due_us = ?
    WHERE number = ? AND attempts = ?
"""
END_REMOVAL = "DELETE FROM holdfast_vector_removal WHERE number = ?"
REMOVALS_LEFT = """
    SELECT store, COUNT(*), SUM(vectors), MAX(attempts) FROM holdfast_vector_removal
    GROUP BY store ORDER BY store
"""
