"""Who holds a session, until when, and the token that fences out who held it before."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("holdfast_sessions", "0007_packed"),)

    operations = (
        migrations.AddField(
            "session", "lease_token", models.BigIntegerField(default=0, db_default=0)
        ),
        migrations.AddField(
            "session", "lease_until_us", models.BigIntegerField(default=0, db_default=0)
        ),
        migrations.AddField(
            "session",
            "lease_holder",
            models.CharField(max_length=255, default="", db_default="", blank=True),
        ),
    )
