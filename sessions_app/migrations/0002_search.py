"""The full-text index: its table, which no model describes, and how far it has come."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

# No text, no positions and no sizes are kept: only which document has which word. The tokenizer
# leaves our words as they are: it cuts at ASCII separators, and they have none.
SQLITE = """
    CREATE VIRTUAL TABLE holdfast_search USING fts5(
        words, content='', detail='none', columnsize=0, tokenize='ascii'
    )
"""
POSTGRES = (
    "CREATE TABLE holdfast_search (id bigint PRIMARY KEY, words tsvector NOT NULL)",
    # New words wait in a list, which the indexer sorts in before it is full (in kB).
    "CREATE INDEX holdfast_search_words ON holdfast_search USING gin (words)"
    " WITH (gin_pending_list_limit = 16384)",
)


def create(apps: Any, schema_editor: Any) -> None:
    sqlite = schema_editor.connection.vendor == "sqlite"
    for statement in (SQLITE,) if sqlite else POSTGRES:
        schema_editor.execute(statement)


def drop(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("DROP TABLE holdfast_search")


class Migration(migrations.Migration):
    dependencies = [
        ("holdfast_sessions", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="session",
            name="index_due_us",
            field=models.BigIntegerField(db_default=0, default=0, null=True),
        ),
        migrations.AddField(
            model_name="session",
            name="indexed_messages",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="indexed_words",
            field=models.TextField(db_default="", default=""),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                condition=models.Q(("index_due_us__isnull", False)),
                fields=["index_due_us", "number"],
                name="holdfast_session_index_due",
            ),
        ),
        migrations.RunPython(create, drop),
    ]
