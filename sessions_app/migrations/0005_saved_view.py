"""Lists of sessions that members keep under a name."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("holdfast_sessions", "0004_listing"),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=64)),
                ("query", models.TextField()),
                ("member", models.CharField(max_length=255)),
                ("created_us", models.BigIntegerField()),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="holdfast_sessions.project",
                    ),
                ),
            ],
            options={
                "db_table": "holdfast_view",
                "base_manager_name": "everything",
                "default_manager_name": "everything",
                "constraints": [
                    models.UniqueConstraint(fields=("project", "name"), name="holdfast_view_name")
                ],
            },
            managers=[
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
    ]
