"""An injection is its context, its place there and the fact; session and version are the context's.

A row of five numbers with three indexes took about 150 bytes on PostgreSQL; one of three with two
takes 98.
"""

import django.db.models.deletion
from django.db import migrations, models

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


class Migration(migrations.Migration):
    dependencies = [
        ("holdfast_memory", "0008_episodes"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="injection", name="holdfast_injection_context"),
        migrations.RemoveIndex(model_name="injection", name="holdfast_injection_fact"),
        migrations.AlterModelTable(name="injection", table="holdfast_injection_before"),
        migrations.RenameModel(old_name="Injection", new_name="InjectionBefore"),
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
                (
                    "context",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="holdfast_memory.contextrecord",
                    ),
                ),
                (
                    "fact",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="holdfast_memory.fact",
                    ),
                ),
            ],
            options={
                "db_table": "holdfast_injection",
                "indexes": [models.Index(fields=["fact"], name="holdfast_injection_fact")],
            },
        ),
        migrations.RunSQL(TAKE_OVER, GIVE_BACK),
        migrations.DeleteModel(name="InjectionBefore"),
    ]
