"""Compressions with their summaries, fates and facts."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("holdfast_sessions", "0006_folding"),
    ]

    operations = [
        migrations.CreateModel(
            name="Summary",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "session_id",
                        "version",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("version", models.BigIntegerField()),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("style", models.CharField(max_length=16)),
                ("points", models.TextField()),
                ("tokens", models.BigIntegerField()),
                ("ordinal", models.BigIntegerField()),
                ("totals", models.TextField()),
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
                "db_table": "holdfast_summary",
            },
        ),
        migrations.CreateModel(
            name="Compression",
            fields=[
                ("number", models.BigAutoField(primary_key=True, serialize=False)),
                ("id", models.UUIDField(unique=True)),
                ("version", models.BigIntegerField(null=True)),
                ("ordinal", models.BigIntegerField(null=True)),
                ("trigger", models.CharField(max_length=32)),
                ("policy_name", models.CharField(max_length=64)),
                ("policy_version", models.PositiveIntegerField()),
                ("first", models.BigIntegerField(default=0)),
                ("last", models.BigIntegerField(default=0)),
                ("engine", models.CharField(default="", max_length=128)),
                ("instructions", models.TextField(default="")),
                ("tokens_before", models.BigIntegerField(default=0)),
                ("tokens_after", models.BigIntegerField(default=0)),
                ("decisions", models.TextField(default="[]")),
                ("audit", models.TextField(default="{}")),
                ("facts", models.BigIntegerField(default=0)),
                ("queued_us", models.BigIntegerField()),
                ("started_us", models.BigIntegerField(null=True)),
                ("finished_us", models.BigIntegerField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("tried", models.TextField(default="[]")),
                ("outcome", models.CharField(default="queued", max_length=8)),
                ("error", models.TextField(default="")),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="holdfast_sessions.project",
                    ),
                ),
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
                "db_table": "holdfast_compression",
                "base_manager_name": "everything",
                "default_manager_name": "everything",
                "indexes": [
                    models.Index(fields=["session", "number"], name="holdfast_compression_session"),
                    models.Index(fields=["project", "number"], name="holdfast_compression_project"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("session", "version"), name="holdfast_compression_version"
                    )
                ],
            },
            managers=[
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Fact",
            fields=[
                ("number", models.BigAutoField(primary_key=True, serialize=False)),
                ("id", models.UUIDField(unique=True)),
                ("text", models.TextField()),
                ("category", models.CharField(max_length=64)),
                ("status", models.CharField(default="active", max_length=12)),
                ("pinned", models.BooleanField(default=False)),
                ("score", models.FloatField(default=0)),
                ("confidence", models.FloatField(default=1)),
                ("trust", models.CharField(max_length=8)),
                ("sources", models.TextField(default="[]")),
                ("seq", models.BigIntegerField(default=0)),
                ("tokens", models.BigIntegerField(default=0)),
                ("words", models.TextField(default="")),
                ("since", models.BigIntegerField(default=0)),
                ("until", models.BigIntegerField(default=4611686018427387904)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("created_us", models.BigIntegerField()),
                (
                    "end_user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="holdfast_sessions.enduser",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="holdfast_sessions.project",
                    ),
                ),
                (
                    "session",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="holdfast_sessions.session",
                    ),
                ),
            ],
            options={
                "db_table": "holdfast_fact",
                "base_manager_name": "everything",
                "default_manager_name": "everything",
                "indexes": [
                    models.Index(
                        fields=["session", "until", "-score"], name="holdfast_fact_of_session"
                    ),
                    models.Index(fields=["session", "since"], name="holdfast_fact_by_compression"),
                    models.Index(
                        condition=models.Q(("end_user__isnull", False)),
                        fields=["end_user"],
                        name="holdfast_fact_of_user",
                    ),
                ],
            },
            managers=[
                ("everything", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="FateRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("fate", models.PositiveSmallIntegerField()),
                ("tokens", models.BigIntegerField()),
                ("ordinal", models.BigIntegerField()),
                ("decided", models.BigIntegerField()),
                ("rule", models.CharField(default="", max_length=32)),
                ("score", models.FloatField(default=0)),
                ("since", models.BigIntegerField()),
                ("until", models.BigIntegerField(default=4611686018427387904)),
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
                "db_table": "holdfast_fate_run",
                "indexes": [
                    models.Index(
                        fields=["session", "until", "first"], name="holdfast_fate_run_holding"
                    )
                ],
            },
        ),
    ]
