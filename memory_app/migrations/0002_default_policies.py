"""The policies that projects made before have not got: new ones start with them. A policy that a team
gave one of these names stays the only one of that name."""

from __future__ import annotations

import time
from typing import Any

from django.db import migrations
from django.db.models import F

# As they were when this was written, because a migration must mean the same for ever.
NEVER = 2**62
RULES = (
    '{"window":128000,"reserve":8000,"strategy":"%s","turns":12,"marks":[0.6,0.8,0.9],'
    '"summary":250,"summary_share":0.03,"retained":%s,"facts":0.1,"recalled":0.6,"floor":0.9,'
    '"idle":3600,"resume":604800}'
)
FOLDING = {"due_tokens": 72_000, "notice_tokens": 108_000, "resume_us": 604_800 * 1_000_000}
PLAIN = {"due_tokens": NEVER, "notice_tokens": NEVER, "resume_us": NEVER}
POLICIES: dict[str, dict[str, Any]] = {
    "key_facts": {"data": RULES % ("key_facts", "0.15"), **FOLDING},
    "last_turns": {"data": RULES % ("last_turns", "0.15"), **PLAIN},
    "selective": {"data": RULES % ("selective", "0.4"), **FOLDING},
    "token_trim": {"data": RULES % ("token_trim", "0.15"), **PLAIN},
}


def add(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    projects = apps.get_model("holdfast_sessions", "Project").objects.using(alias)
    policies = apps.get_model("holdfast_sessions", "Policy")._default_manager.using(alias)
    now = time.time_ns() // 1_000
    for project in list(projects.values_list("pk", flat=True)):
        # The lock that storing a version of a policy takes: none comes in between.
        projects.filter(pk=project).update(name=F("name"))
        known = set(policies.filter(project_id=project).values_list("name", flat=True))
        policies.bulk_create(
            policies.model(
                project_id=project,
                name=name,
                version=1,
                window_tokens=128_000,
                capacity=120_000,
                created_us=now,
                **fields,
            )
            for name, fields in POLICIES.items()
            if name not in known
        )


class Migration(migrations.Migration):
    dependencies = [
        ("holdfast_memory", "0001_compression"),
    ]

    operations = [
        migrations.RunPython(add, migrations.RunPython.noop),
    ]
