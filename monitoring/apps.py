from __future__ import annotations

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    # Whichever of its two names this process knows it by; the label and the tables are one.
    name = __package__ or "monitoring"
    label = "holdfast_monitoring"
    verbose_name = "Holdfast monitoring"
    default_auto_field = "django.db.models.BigAutoField"
