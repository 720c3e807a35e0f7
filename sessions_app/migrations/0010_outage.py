"""Outages: what of an installation was broken, as one process found it, and for how long."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("holdfast_sessions", "0009_epoch"),)

    operations = (
        migrations.CreateModel(
            name="Outage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("part", models.CharField(max_length=32)),
                ("cause", models.CharField(max_length=255)),
                ("since_us", models.BigIntegerField()),
                ("until_us", models.BigIntegerField()),
                ("process", models.CharField(max_length=255)),
            ],
            options={"db_table": "holdfast_outage"},
        ),
    )
