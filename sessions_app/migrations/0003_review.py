"""What members think of messages; and the forks of a session found by an index."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("holdfast_sessions", "0002_search"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                condition=models.Q(("forked_from__isnull", False)),
                fields=["forked_from"],
                name="holdfast_session_forks",
            ),
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seq", models.BigIntegerField()),
                ("rating", models.CharField(blank=True, default="", max_length=4)),
                ("comment", models.TextField(blank=True, default="")),
                ("needs_review", models.BooleanField(default=False)),
                ("member", models.CharField(max_length=255)),
                ("created_us", models.BigIntegerField()),
                ("updated_us", models.BigIntegerField()),
                (
                    "session",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="holdfast_sessions.session",
                    ),
                ),
            ],
            options={
                "db_table": "holdfast_review",
                "indexes": [
                    models.Index(
                        condition=models.Q(("needs_review", True)),
                        fields=["session", "seq"],
                        name="holdfast_review_needed",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("session", "seq"), name="holdfast_review_message"
                    )
                ],
            },
        ),
    ]
