"""The addresses of the pages. Nouns with a slash; each page has a twin that ends in .json."""

from __future__ import annotations

from django.urls import path

from .views import context, login, session, sessions, style

app_name = "holdfast_pages"

ONE = "sessions/<uuid:session>"
MESSAGE = f"{ONE}/m/<int:seq>"
CONTEXT = f"{ONE}/context"

urlpatterns = [
    path("", sessions.home, name="home"),
    path("sessions/", sessions.page, name="sessions"),
    path("sessions.json", sessions.twin),
    path(f"{ONE}/", session.page, name="session"),
    path(f"{ONE}.json", session.twin),
    path(f"{MESSAGE}/", session.message_page, name="message"),
    path(f"{MESSAGE}.json", session.message_twin),
    path(f"{CONTEXT}/", context.page, name="context"),
    path(f"{CONTEXT}.json", context.twin),
    path(f"{CONTEXT}/<int:version>/", context.page, name="context_at"),
    path(f"{CONTEXT}/<int:version>.json", context.twin),
    path("style/", style.page, name="style"),
    path("login/", login.login, name="login"),
    path("logout/", login.logout, name="logout"),
]
