"""Django's WSGI handler for requests whose texts are UTF-8, whatever they say of themselves.

Django takes a query apart by the charset of the Content-Type while it makes the request, before any
view or middleware could answer for it. A charset that is no encoding of text (`hex`) would be an
error of the server then, as would a thousand parameters beside any charset; and one that can write
half a surrogate pair would put it into a form.
"""

from __future__ import annotations

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest


class Request(WSGIRequest):
    """A request that is read as UTF-8; the API refuses a body that says it is something else."""

    @property
    def encoding(self) -> str | None:
        """None, which stands for that of the settings: UTF-8."""
        return None

    @encoding.setter
    def encoding(self, said: str | None) -> None:
        """Django tells here what the Content-Type says."""


class Handler(WSGIHandler):
    """Makes such requests."""

    request_class = Request


def application() -> Handler:
    """The WSGI application of the product, with its apps loaded."""
    django.setup(set_prefix=False)
    return Handler()
