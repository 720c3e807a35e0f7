"""The list of sessions by user and by creation, found by an index. Appends do not notice: no time
of creation ever changes, and the hour of the last activity does once an hour."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("holdfast_sessions", "0003_review"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["end_user", "active_hour"], name="holdfast_session_of_user"),
        ),
        migrations.AlterField(
            model_name="session",
            name="end_user",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="holdfast_sessions.enduser",
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                fields=["project", "created_us", "number"], name="holdfast_session_created"
            ),
        ),
    ]
