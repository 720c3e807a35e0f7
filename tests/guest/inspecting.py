"""Run by the guest's own Python: what its commands say and which tables it has, in JSON."""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - needs the apps loaded
from django.db import connections  # noqa: E402

import holdfast  # noqa: E402


def said(*command: str) -> str:
    """All that a command says."""
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        call_command(*command)
    return output.getvalue()


found = {
    "tables": {name: connections[name].introspection.table_names() for name in connections},
    "check": said("check"),
    "deploy": said("check", "--deploy"),
    "migrations": said("makemigrations", "--check", "--dry-run"),
    "upkeep": said("holdfast", "upkeep"),
    "doctor": json.loads(said("holdfast", "doctor", "--json")),
}
elsewhere = holdfast.open("elsewhere", database="other.sqlite3")
found["elsewhere"] = elsewhere.append(role="user", content="x").version
json.dump(found, sys.stdout)
