from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("holdfast_memory", "0015_losing_sessions"),
        ("holdfast_sessions", "0011_beat"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="fact",
            index=models.Index(
                condition=models.Q(
                    ("status", "active"),
                    models.Q(
                        ("pinned__in", (True,)),
                        models.Q(
                            models.Q(
                                ("category", "correction"),
                                models.Q(("key", ""), _negated=True),
                                _connector="OR",
                            ),
                            ("trust__in", ("user", "editor")),
                        ),
                        models.Q(("session__isnull", True), ("learnt_by", "")),
                        _connector="OR",
                    ),
                ),
                fields=["end_user"],
                name="holdfast_fact_matters",
            ),
        ),
    ]
