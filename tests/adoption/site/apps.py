"""The made-up site's one app."""

from __future__ import annotations

from django.apps import AppConfig


class ChatsConfig(AppConfig):
    name = "tests.adoption.site"
    label = "chats"
    default_auto_field = "django.db.models.BigAutoField"
