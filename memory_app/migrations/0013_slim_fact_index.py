"""Facts of a session are found by what holds: most entries are alike, and PostgreSQL keeps these as
lists of rows. With the score behind, by which no query sorts alone, each stood for itself."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("holdfast_memory", "0012_slim_injections"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="fact", name="holdfast_fact_of_session"),
        migrations.AddIndex(
            model_name="fact",
            index=models.Index(fields=["session", "until"], name="holdfast_fact_of_session"),
        ),
    ]
