"""The addresses of the product. A host site includes this file under any prefix."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from holdfast import PAGES, api
from sessions_app.http import PREFIX

urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{PREFIX}/", api.urls()),
    path("health", api.guarded(api.health), name="holdfast-health"),
    api.catch_all(),
    path("", include(f"{PAGES}.urls")),
]

handler400 = f"{PAGES}.errorpages.bad_request"
handler403 = f"{PAGES}.errorpages.permission_denied"
handler404 = f"{PAGES}.errorpages.page_not_found"
handler500 = f"{PAGES}.errorpages.server_error"
