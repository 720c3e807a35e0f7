"""The statements of the controls: one table of sessions, one of messages. `{0}` is a parameter."""

TABLES = (
    "CREATE TABLE IF NOT EXISTS raw_session (id INTEGER PRIMARY KEY, version BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS raw_message (session_id INTEGER NOT NULL, seq BIGINT NOT NULL,"
    " role TEXT, body TEXT NOT NULL, PRIMARY KEY (session_id, seq))",
)
BEGUN = "INSERT INTO raw_session VALUES ({0}, 0) ON CONFLICT DO NOTHING"
UPDATE = "UPDATE raw_session SET version = version + 1 WHERE id = {0}"
INSERT = "INSERT INTO raw_message VALUES ({0}, {0}, {0}, {0})"
LAST = """
    SELECT seq, role, body FROM raw_message WHERE session_id = {0} ORDER BY seq DESC LIMIT {0}
"""
# Both in one round trip, and one transaction without saying so.
BOTH = """
    WITH bump AS (UPDATE raw_session SET version = version + 1 WHERE id = {0} RETURNING id, version)
    INSERT INTO raw_message SELECT id, version, {0}, {0} FROM bump
"""
