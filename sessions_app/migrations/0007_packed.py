"""Large bodies are packed from here on; rows that are there stay as they are, in both databases
without a look at any of them."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models


def keep_as_given(_: Any, editor: Any) -> None:
    """PostgreSQL would try in vain to compress what is compressed."""
    if editor.connection.vendor == "postgresql":
        editor.execute("ALTER TABLE holdfast_message ALTER COLUMN packed SET STORAGE EXTERNAL")


class Migration(migrations.Migration):
    dependencies = (("holdfast_sessions", "0006_folding"),)

    operations = (
        migrations.AddField("message", "packed", models.BinaryField(null=True)),
        migrations.RunPython(keep_as_given, migrations.RunPython.noop),
    )
