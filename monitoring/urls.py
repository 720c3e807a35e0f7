"""The addresses of the pages. Nouns with a slash; each page has a twin that ends in .json."""

from __future__ import annotations

from django.apps import apps
from django.urls import path

from . import access
from .access import page_with_form
from .views import (
    accounts,
    again,
    bulk,
    compression,
    compressions,
    context,
    erasing,
    fact,
    factbulk,
    factchanges,
    forgot,
    inbox,
    keys,
    members,
    message,
    news,
    pins,
    policies,
    projects,
    record,
    reviews,
    savedviews,
    session,
    sessions,
    settings,
    style,
    turntest,
    users,
)

app_name = "holdfast_pages"

ONE = "sessions/<uuid:session>"
MESSAGE = f"{ONE}/m/<int:seq>"
CONTEXT = f"{ONE}/context"

urlpatterns = [
    path("", sessions.home, name="home"),
    path("sessions/", sessions.page, name="sessions"),
    path("sessions.json", sessions.twin),
    path("sessions/bulk/", bulk.act, name="bulk"),
    path("sessions/undo/", bulk.undo, name="undo"),
    path("sessions/export.jsonl", bulk.export, name="bulk_export"),
    path("views/", savedviews.save, name="save_view"),
    path("views/<int:view>/", savedviews.page, name="view"),
    path("views/<int:view>.json", savedviews.twin),
    path("views/<int:view>/delete/", savedviews.delete, name="delete_view"),
    path(f"{ONE}/", session.page, name="session"),
    path(f"{ONE}.json", session.twin),
    path(f"{ONE}/export.jsonl", session.export, name="session_export"),
    path(f"{ONE}/news/", news.page, name="news"),
    path(f"{MESSAGE}/", message.page, name="message"),
    path(f"{MESSAGE}.json", message.twin),
    path(f"{MESSAGE}.txt", message.text),
    path(f"{MESSAGE}/review/", reviews.save),
    path(f"{MESSAGE}/pin/", pins.save, name="pin"),
    path(f"{ONE}/compressions/", compressions.page, name="compressions"),
    path(f"{ONE}/compressions.json", compressions.twin),
    path(f"{ONE}/compress/", compressions.ask, name="compress"),
    path(f"{ONE}/forgot/", forgot.page, name="forgot"),
    path(f"{ONE}/forgot.json", forgot.twin),
    path(f"{ONE}/forgot/fact/", forgot.remember, name="remember"),
    path("compressions/", accounts.page, name="accounts"),
    path("compressions.json", accounts.twin),
    path("compressions/<uuid:compression>/again/", again.run, name="again"),
    path("compressions/<uuid:compression>/", compression.page, name="compression"),
    path("compressions/<uuid:compression>.json", compression.twin),
    path(f"{CONTEXT}/", context.page, name="context"),
    path(f"{CONTEXT}.json", context.twin),
    path(f"{CONTEXT}/<int:version>/", context.page, name="context_at"),
    path(f"{CONTEXT}/<int:version>.json", context.twin),
    path(f"{CONTEXT}/payload.json", context.payload),
    path(f"{CONTEXT}/<int:version>/payload.json", context.payload),
    path("contexts/<uuid:record>/payload.json", record.payload),
    path(f"{CONTEXT}/<int:version>/test/", turntest.page, name="turn_test"),
    path(f"{CONTEXT}/<int:version>/test.json", turntest.twin),
    path(f"{CONTEXT}/<int:version>/test/test.py", turntest.file, {"ending": "py"}),
    path(f"{CONTEXT}/<int:version>/test/turn.json", turntest.file, {"ending": "json"}),
    path("contexts/<uuid:record>/test/", turntest.record_page, name="record_test"),
    path("contexts/<uuid:record>/test.json", turntest.record_twin),
    path("contexts/<uuid:record>/test/test.py", turntest.record_file, {"ending": "py"}),
    path("contexts/<uuid:record>/test/turn.json", turntest.record_file, {"ending": "json"}),
    path("contexts/<uuid:record>/", record.page, name="record"),
    path("contexts/<uuid:record>.json", record.twin),
    path("users/", users.page, name="users"),
    path("users.json", users.twin),
    path("users/<path:user>.json", users.one_twin),
    path("user/", users.by_key, name="user_by_key"),
    path("user.json", users.by_key_twin),
    path("user/export/", users.export, name="user_export"),
    path("inbox/", inbox.page, name="inbox"),
    path("inbox.json", inbox.twin),
    path("inbox/decide/", inbox.decide, name="decide"),
    path("erase/", erasing.page, name="erase"),
    path("erase.json", erasing.twin),
    path("erase/sure/", erasing.erase, name="erase_sure"),
    path("erase/receipt/", erasing.receipt, name="receipt"),
    path("erase/receipt.json", erasing.receipt_twin, name="receipt_json"),
    path("facts/new/", users.add, name="add_fact"),
    path("facts/bulk/", factbulk.act, name="facts_bulk"),
    path("facts/undo/", factbulk.undo, name="facts_undo"),
    path("users/<path:user>/", users.one, name="user"),
    path("facts/<uuid:fact>/", fact.page, name="fact"),
    path("facts/<uuid:fact>.json", fact.twin),
    path("facts/<uuid:fact>/edit/", factchanges.edit, name="edit_fact"),
    path("facts/<uuid:fact>/mark/", factchanges.mark, name="mark_answers"),
    path("facts/<uuid:fact>/unmark/", factchanges.unmark, name="unmark_answers"),
    path("facts/<uuid:fact>/<slug:verb>/", factchanges.act, name="change_fact"),
    path(
        "settings/projects/", page_with_form(get=projects.page, post=projects.make), name="projects"
    ),
    path("settings/", settings.page, name="settings"),
    path("settings.json", settings.twin),
    path("settings/retention/", settings.retention, name="retention"),
    path("settings/retention.json", settings.retention_twin),
    path("settings/projects.json", projects.twin),
    path("settings/keys/", page_with_form(get=keys.page, post=keys.create), name="keys"),
    path("settings/keys.json", keys.twin),
    path("settings/keys/<slug:key>/", page_with_form(get=keys.one, post=keys.revoke), name="key"),
    path("settings/keys/<slug:key>.json", keys.one_twin),
    path("settings/members/", page_with_form(get=members.page, post=members.add), name="members"),
    path("settings/members.json", members.twin),
    path(
        "settings/members/<int:member>/",
        page_with_form(get=members.one, post=members.change),
        name="member",
    ),
    path("settings/members/<int:member>.json", members.one_twin),
    path(
        "settings/policies/", page_with_form(get=policies.page, post=policies.add), name="policies"
    ),
    path("settings/policies.json", policies.twin),
    path("settings/policies/<path:name>.json", policies.one_twin),
    path(
        "settings/policies/<path:name>/",
        page_with_form(get=policies.one, post=policies.save),
        name="policy",
    ),
    path("style/", style.page, name="style"),
]

# A site without accounts has nobody to log in, and Django's forms for it could not be imported.
if apps.is_installed("django.contrib.auth"):
    from .views import login

    urlpatterns += [
        path("login/", access.our_login(login.login), name="login"),
        path("logout/", login.logout, name="logout"),
    ]
