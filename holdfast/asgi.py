"""The ASGI application: HTTP through the threads, sockets and the server's life on the loop."""

from __future__ import annotations

import asyncio
import os

from django.conf import settings
from django.db import connections
from django.urls import get_resolver

from holdfast import handler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "holdfast.settings")
_handler = handler.application()

# A site that cannot be imported must not start, and the first caller must not wait for it.
_ = get_resolver().url_patterns

# What follows needs the apps loaded.
from holdfast.housekeeper import Housekeeper  # noqa: E402
from holdfast.threads import Bridge, Receive, Scope, Send  # noqa: E402
from holdfast.upkeep import make_ready  # noqa: E402

MAX_BODY = 4 * 1024 * 1024
NOT_FOUND = 4404


class Site:
    """One application per kind of scope."""

    def __init__(self) -> None:
        max_body = int(getattr(settings, "HOLDFAST_MAX_BODY", MAX_BODY))
        self._http = Bridge(_handler, max_body=max_body, at_once=True)
        self.database: str | None = None
        """What `holdfast serve` was told; a server of another's goes by the settings."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await refuse_socket(scope, receive, send)
        else:
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        make_ready()
        self._housekeeper = Housekeeper(self.database)
        self._housekeeper.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._http.leave()
        await asyncio.to_thread(self._stop)
        await send({"type": "lifespan.shutdown.complete"})

    def _stop(self) -> None:
        self._http.close()
        self._housekeeper.stop()
        for connection in connections.all(initialized_only=True):
            if hasattr(connection, "close_pool"):
                connection.close_pool()


async def refuse_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """404 before the handshake where the server can say so, else close code 4404."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": NOT_FOUND})
        return
    await send({"type": "websocket.http.response.start", "status": 404, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})


application = Site()
