"""The WSGI application, for servers that speak only WSGI: HTTP, no sockets."""

from __future__ import annotations

import os

from holdfast import handler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "holdfast.settings")
application = handler.application()
