from __future__ import annotations

from django.apps import AppConfig


class MemoryConfig(AppConfig):
    name = "memory_app"
    label = "holdfast_memory"
    verbose_name = "Holdfast memory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from memory_app import beside  # the store needs Django ready

        beside.ready()
