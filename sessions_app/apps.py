from __future__ import annotations

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions_app"
    label = "holdfast_sessions"
    verbose_name = "Holdfast sessions"
    default_auto_field = "django.db.models.BigAutoField"
