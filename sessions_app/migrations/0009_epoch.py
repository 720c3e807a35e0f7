"""The epoch: what Redis keeps carries it, and a purge or an erasure begins another."""

from __future__ import annotations

import os
from typing import Any

from django.db import migrations, models


def begin(apps: Any, editor: Any) -> None:
    epochs = apps.get_model("holdfast_sessions", "Epoch").objects.using(editor.connection.alias)
    epochs.get_or_create(pk=1, defaults={"token": os.urandom(16).hex()})


class Migration(migrations.Migration):
    dependencies = (("holdfast_sessions", "0008_lease"),)

    operations = (
        migrations.CreateModel(
            name="Epoch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("token", models.CharField(max_length=32)),
            ],
            options={"db_table": "holdfast_epoch"},
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
    )
