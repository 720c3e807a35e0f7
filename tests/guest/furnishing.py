"""Run by the guest's own Python: tables, people, two sessions and a key; says which, in JSON."""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stderr, redirect_stdout

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402 - needs the apps loaded
from django.core.management import call_command  # noqa: E402

import holdfast  # noqa: E402

for alias in settings.DATABASES:
    call_command("migrate", database=alias, verbosity=0)
said = io.StringIO()
with redirect_stdout(said), redirect_stderr(io.StringIO()):
    call_command("furnish")
    call_command("holdfast", "key", "create", "--scopes", "read,write")

long = holdfast.open("long", user="ana", title="A long talk", tags=["paid"])
for start in range(0, 1250, 500):
    turns = range(start, min(start + 500, 1250))
    long.append([{"role": "user", "content": f"Question {turn}"} for turn in turns])
short = holdfast.open("short", user="ben", system="Be brief.")
call = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
short.append(role="user", content="Find it")
short.append(role="assistant", content=None, tool_calls=[call], model="gpt-5-mini")
short.append(role="tool", tool_call_id="c1", content="found")
short.append(role="assistant", content="Here it is.", latency_ms=1812)

key = said.getvalue().strip().splitlines()[-1]
print(json.dumps({"key": key, "long": long.id, "short": short.id}))  # noqa: T201 - its answer
