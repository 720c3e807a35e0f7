"""The addresses of the product. A host site includes this file under any prefix."""

from __future__ import annotations

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from holdfast import api

urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{api.PREFIX}/", api.urls()),
    path("health", api.guarded(api.health), name="holdfast-health"),
    api.catch_all(),
]
if find_spec("monitoring.urls"):
    urlpatterns.append(path("", include("monitoring.urls")))

handler400 = "holdfast.errorpages.bad_request"
handler403 = "holdfast.errorpages.permission_denied"
handler404 = "holdfast.errorpages.page_not_found"
handler500 = "holdfast.errorpages.server_error"
