"""Run by the guest's own Python: requests in, as JSON, and what the site answers out."""

from __future__ import annotations

import json
import sys

import django

django.setup()

from django.apps import apps  # noqa: E402 - needs the apps loaded
from django.test import Client  # noqa: E402

answers = []
for asked in json.load(sys.stdin):
    client = Client(SERVER_NAME="localhost", headers={"Accept": "text/html"})
    if asked["email"] and apps.is_installed("accounts"):
        from accounts.models import User  # type: ignore[import-not-found]

        client.force_login(User.objects.get(email=asked["email"]))
    answer = client.get(asked["path"], headers=asked["headers"])
    text = answer.content.decode()
    answers.append({"status": answer.status_code, "headers": dict(answer.headers), "text": text})
json.dump(answers, sys.stdout)
