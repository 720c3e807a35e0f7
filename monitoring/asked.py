"""The query of a page, read by an allow-list. A form sends empty fields; they ask for nothing.

The project of a list is in each of its addresses and no view's concern: it is taken out of what is
read, and put into what is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict

from sessions_app import http
from sessions_app.calls import Parameter
from sessions_app.core.strict import Reader

from . import scope


def asked(request: HttpRequest, parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """The parameters that say something. Raises the errors of `http.read_query`."""
    known = parameters if scope.current().owned else {**parameters, **scope.PROJECT}
    readers = {name: _or_empty(parameter.reader) for name, parameter in known.items()}
    return {
        name: value
        for name, value in http.read_query(request, readers).items()
        if value not in (None, []) and name in parameters
    }


def asking(text: str) -> HttpRequest:
    """A request with this query, for one that comes from elsewhere to be read as strictly."""
    request = HttpRequest()
    text = text.removeprefix("?")
    request.META["QUERY_STRING"], request.GET = text, QueryDict(text)
    return request


def _or_empty(reader: Reader) -> Reader:
    def read(text: str) -> Any:
        return reader.read(text) if text else None

    return replace(reader, read=read)


def query(values: Mapping[str, Any], **changes: Any) -> str:
    """A query with some values changed, None taking one away; `?` of nothing is the bare page."""
    all_ = {**scope.kept(), **values, **changes}
    wanted = {name: value for name, value in all_.items() if value is not None}
    return f"?{urlencode(wanted, doseq=True)}"
