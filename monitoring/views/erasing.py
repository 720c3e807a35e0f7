"""The erasure of what is remembered of a user: what it would take, the deed, and its receipt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from memory_app import endusers
from sessions_app import auth, parameters
from sessions_app.calls import Parameter
from sessions_app.core import instants
from sessions_app.core.errors import NotFound
from sessions_app.http import json_response
from sessions_app.store import get_store

from .. import access, signed, useraddress
from ..asked import asked, query
from ..rendering import show, twin_address

ASKED: Mapping[str, Parameter] = {"user": parameters.text(255, "The user, by their key.")}
RECEIPT: Mapping[str, Parameter] = {"receipt": parameters.text(8_192, "The receipt, signed.")}
WRONG_KEY = "This is not the key of the user. Type it as it stands above; nothing was erased."
_SAID = {
    "facts": ("Facts", "in every state"),
    "fact_revisions": ("Edits of these facts", "with what they said before"),
    "injections": ("Notes of which context had which fact", ""),
    "episodes": ("Episodes", "their texts, and those stored by hand"),
    "provided": ("Texts of the application", "in kept contexts"),
    "links": ("Links to and from other users", ""),
    "users": ("The user's own row", ""),
    "sessions": ("Sessions", "deleted ones included"),
    "messages": ("Messages", "in these sessions"),
    "summaries": ("Summaries", "that compressions wrote of them"),
}


@access.page
def page(request: HttpRequest) -> HttpResponse:
    """What would go and what stays, and the form that asks for the user's key."""
    return _asking(request, asked(request, ASKED).get("user", ""))


@access.twin
def twin(request: HttpRequest) -> HttpResponse:
    """The same counts, as the receipt has them."""
    store = get_store(auth.alias())
    user = endusers.one(store, access.project(), asked(request, ASKED).get("user", ""))
    return json_response(200, endusers.erasable(store, user))


@access.admin_change
def erase(request: HttpRequest) -> HttpResponse:
    """Erases, where the key was typed; leads to the receipt."""
    key, project = useraddress.read(request.POST.get("user", "")), access.project()
    if request.POST.get("typed", "") not in (key, useraddress.name(key)):
        response = _asking(request, key, WRONG_KEY)
        response.status_code = 422
        return response
    told = endusers.erase(get_store(auth.alias()), project, key)
    text = signed.write("erased", project, told)
    return redirect(f"{reverse('holdfast_pages:receipt')}{query({'receipt': text})}")


@access.page
def receipt(request: HttpRequest) -> HttpResponse:
    """What went. It stands in its address, signed: nothing of it is kept here."""
    told = _receipt(request)
    context = {
        "section": "users",
        "receipt": told,
        "name": useraddress.name(told["user"]),
        "at_us": instants.parse(told["at"]),
        "gone": _lines(told["counts"]),
        "kept": _lines(told["kept"]),
        "download": f"{reverse('holdfast_pages:receipt_json')}{query(asked(request, RECEIPT))}",
        "twin": twin_address(request),
    }
    return show(request, "erased", context)


@access.twin
def receipt_twin(request: HttpRequest) -> HttpResponse:
    """The receipt to take away, as the API answers it."""
    response = json_response(200, _receipt(request))
    response.headers["Content-Disposition"] = 'attachment; filename="receipt.json"'
    return response


def _asking(request: HttpRequest, key: str, wrong: str = "") -> HttpResponse:
    store, project = get_store(auth.alias()), access.project()
    told = endusers.erasable(store, endusers.one(store, project, key))
    context = {
        "section": "users",
        "told": told,
        "key": key,
        "name": useraddress.name(key),
        "at_us": instants.parse(told["at"]),
        "gone": _lines(told["counts"]),
        "kept": _lines(told["kept"]),
        "wrong": wrong,
        "typed": request.POST.get("typed", ""),
        "admin": access.may(request, access.ADMIN),
        "twin": "" if wrong else twin_address(request),
    }
    return show(request, "erase", context)


def _receipt(request: HttpRequest) -> dict[str, Any]:
    """Raises NotFound for what this installation has not signed for this project."""
    text = asked(request, RECEIPT).get("receipt", "")
    told: dict[str, Any] | None = signed.read("erased", access.project(), text, kept_seconds=None)
    if told is None:
        raise NotFound("This is no receipt of an erasure in this project.")
    return told


def _lines(counts: Mapping[str, int]) -> list[tuple[str, str, int]]:
    """Each count with the words for it, in their order."""
    return [(*said, counts[name]) for name, said in _SAID.items() if name in counts]
