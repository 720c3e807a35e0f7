"""An injection is its context, its place there and the fact; session and version are the context's.

A row of five numbers with three indexes took about 150 bytes on PostgreSQL; one of three with two
takes 98.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import CASCADE, DO_NOTHING

NOW, BEFORE = "holdfast_injection", "holdfast_injection_before"
TAKE_OVER = """
    INSERT INTO holdfast_injection (context_id, place, fact_id)
    SELECT context_id, ROW_NUMBER() OVER (PARTITION BY context_id ORDER BY number) - 1, fact_id
    FROM holdfast_injection_before ORDER BY number
"""
GIVE_BACK = """
    INSERT INTO holdfast_injection_before (fact_id, context_id, session_id, version)
    SELECT i.fact_id, i.context_id, c.session_id, c.version
    FROM holdfast_injection i JOIN holdfast_context c ON c.number = i.context_id
    ORDER BY i.context_id, i.place
"""
FACT = models.ForeignKey(
    "holdfast_memory.fact", DO_NOTHING, related_name="+", db_index=False, db_constraint=False
)
CONTEXT = models.ForeignKey(
    "holdfast_memory.contextrecord", CASCADE, related_name="+", db_index=False
)
SESSION = models.ForeignKey("holdfast_sessions.session", CASCADE, related_name="+", db_index=False)


def set_aside(apps: Any, schema_editor: Any) -> None:
    model = apps.get_model("holdfast_memory", "ContextRecord")
    schema_editor.alter_db_table(model, NOW, BEFORE)


def put_back(apps: Any, schema_editor: Any) -> None:
    model = apps.get_model("holdfast_memory", "ContextRecord")
    schema_editor.alter_db_table(model, BEFORE, NOW)


class Migration(migrations.Migration):
    dependencies = [
        ("holdfast_memory", "0011_vector_stores"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="injection", name="holdfast_injection_context"),
        migrations.RemoveIndex(model_name="injection", name="holdfast_injection_fact"),
        # Not RenameModel: the content type of the new model would be in the way of the old one's.
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(set_aside, put_back)],
            state_operations=[
                migrations.DeleteModel(name="Injection"),
                migrations.CreateModel(
                    name="InjectionBefore",
                    fields=[
                        ("number", models.BigAutoField(primary_key=True, serialize=False)),
                        ("version", models.BigIntegerField()),
                        ("context", CONTEXT.clone()),
                        ("fact", FACT.clone()),
                        ("session", SESSION.clone()),
                    ],
                    options={"db_table": BEFORE},
                ),
            ],
        ),
        migrations.CreateModel(
            name="Injection",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "context_id",
                        "place",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("place", models.SmallIntegerField()),
                ("context", CONTEXT.clone()),
                ("fact", FACT.clone()),
            ],
            options={
                "db_table": NOW,
                "indexes": [models.Index(fields=["fact"], name="holdfast_injection_fact")],
            },
        ),
        migrations.RunSQL(TAKE_OVER, GIVE_BACK),
        migrations.DeleteModel(name="InjectionBefore"),
    ]
