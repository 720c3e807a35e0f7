"""Beats: by the newest one that a replica has, it is known how far it is behind."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("holdfast_sessions", "0010_outage"),)

    operations = (
        migrations.CreateModel(
            name="Beat",
            fields=[
                ("process", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("token", models.CharField(max_length=32)),
                ("at_us", models.BigIntegerField()),
            ],
            options={"db_table": "holdfast_beat"},
        ),
    )
