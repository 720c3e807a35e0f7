"""What a session row knows of compressions: how far it is folded, when the next one is due, who works
on it. Sessions made before have policies that never compress."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("holdfast_sessions", "0005_saved_view"),
    ]

    operations = [
        migrations.AddField(
            model_name="policy",
            name="due_tokens",
            field=models.BigIntegerField(
                db_default=4611686018427387904, default=4611686018427387904
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="notice_tokens",
            field=models.BigIntegerField(
                db_default=4611686018427387904, default=4611686018427387904
            ),
        ),
        migrations.AddField(
            model_name="policy",
            name="resume_us",
            field=models.BigIntegerField(
                db_default=4611686018427387904, default=4611686018427387904
            ),
        ),
        migrations.AddField(
            model_name="session",
            name="claim",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="claim_until_us",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="compressions",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="due_seq",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="due_tokens",
            field=models.BigIntegerField(
                db_default=4611686018427387904, default=4611686018427387904
            ),
        ),
        migrations.AddField(
            model_name="session",
            name="due_trigger",
            field=models.CharField(db_default="", default="", max_length=8),
        ),
        migrations.AddField(
            model_name="session",
            name="due_us",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="session",
            name="facts",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="fold_version",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="folded",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="notice_tokens",
            field=models.BigIntegerField(
                db_default=4611686018427387904, default=4611686018427387904
            ),
        ),
        migrations.AddField(
            model_name="session",
            name="resume_us",
            field=models.BigIntegerField(
                db_default=4611686018427387904, default=4611686018427387904
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                condition=models.Q(("due_us__isnull", False)),
                fields=["due_us", "number"],
                name="holdfast_session_due",
            ),
        ),
    ]
