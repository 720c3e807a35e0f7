from __future__ import annotations

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"
    label = "holdfast_monitoring"
    verbose_name = "Holdfast monitoring"
    default_auto_field = "django.db.models.BigAutoField"
