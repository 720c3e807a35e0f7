"""The urls of a host site that has the pages below a prefix."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("memory/", include("monitoring.urls"))]
