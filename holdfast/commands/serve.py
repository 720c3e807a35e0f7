"""`holdfast serve`: the pages and the API, in one process."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, NoReturn

from holdfast import environ
from holdfast.commands import opening
from holdfast.commands.console import note, say
from holdfast.commands.outcomes import OK, UNUSABLE, Refusal

if TYPE_CHECKING:
    import uvicorn

    from sessions_app.store.durable import DurableStore

HELP = "start the server"
HOST, PORT = "127.0.0.1", 8000
BACKLOG = 2048
DRAIN_SECONDS = 10
LEVELS = ("critical", "error", "warning", "info", "debug")


def options(parser: ArgumentParser) -> None:
    parser.add_argument("--host", default=HOST, help="address (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=PORT, help="port (default: %(default)s)")
    parser.add_argument("--demo", action="store_true", help="load sample sessions once")
    parser.add_argument(
        "--log-level", choices=LEVELS, default="warning", help="default: %(default)s"
    )
    parser.add_argument("--access-log", action="store_true", help="log every request")
    opening.database_option(parser)
    parser.add_argument("path", nargs="?", metavar="DATABASE", help="the same as --database")


def run(args: Namespace) -> int:
    """Serve until SIGTERM (exit 0) or Ctrl-C."""
    _settle_database(args)
    address = _address(args.host, args.port)
    local = ipaddress.ip_address(address[1][0].partition("%")[0]).is_loopback
    _check_environment(local=local)
    listening = _listen(*address)
    with listening:
        store = opening.store_of(args, make=True)
        if not local and not opening.is_own_site():
            _check_host_site()
        project = opening.project_of(args, store, make=True)
        if args.demo:
            _load_samples(store, project.pk)
        server = _server(args)
        say(f"Holdfast is at {_url(listening)}")
        say(f"The data is in {opening.shown_database(store.db.alias)}")
        _mention_keys(args)
        return _run(server, listening)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def _settle_database(args: Namespace) -> None:
    if args.path is not None and args.database is not None:
        raise Refusal("Name the database once, as DATABASE or as --database.")
    args.database = args.database or args.path
    args.project = "default"


# -- where ------------------------------------------------------------------------------------


def _address(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise Refusal(f"{host!r} is no address of this machine. Try --host 127.0.0.1.") from None
    family, _, _, _, place = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, (str(place[0]), int(place[1]))


def _listen(family: socket.AddressFamily, place: tuple[str, int]) -> socket.socket:
    """Taken before anything else is touched, so that a second start changes nothing."""
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        raise Refusal(
            f"Cannot listen on {place[0]} port {place[1]}: {reason}. Stop what uses it, or choose "
            f"another with --port."
        ) from None
    return listening


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


# -- for whom ---------------------------------------------------------------------------------


def _check_environment(*, local: bool) -> None:
    """Local mode for a loopback address; for any other, what keeps strangers out."""
    asked = environ.flag("HOLDFAST_LOCAL", default=local)
    if not local and asked:
        raise environ.BadEnvironment(
            "HOLDFAST_LOCAL", "must not be 1 with a public address: anybody could read everything."
        )
    if not local and opening.is_own_site():
        _check_public()
    os.environ["HOLDFAST_LOCAL"] = "1" if asked else "0"


def _check_public() -> None:
    if environ.flag("DEBUG"):
        raise environ.BadEnvironment("DEBUG", "must not be on with a public address. Unset it.")
    if environ.text("SECRET_KEY") is None:
        raise environ.BadEnvironment(
            "SECRET_KEY", "is needed for a public address: 50 or more random characters."
        )
    if not environ.names("ALLOWED_HOSTS"):
        raise environ.BadEnvironment(
            "ALLOWED_HOSTS",
            "is needed for a public address: the host names it answers to, with commas.",
        )


def _check_host_site() -> None:
    from django.conf import settings

    if settings.DEBUG:
        raise Refusal("DEBUG must not be on with a public address. Turn it off in the settings.")


def _mention_keys(args: Namespace) -> None:
    from django.conf import settings

    from sessions_app.models import ApiKey

    if getattr(settings, "HOLDFAST_LOCAL", False):
        return
    if not ApiKey.objects.using(settings.HOLDFAST_DATABASE).live().exists():
        where = f" --database {args.database}" if args.database and "@" not in args.database else ""
        say(f"There is no key yet. Make one: holdfast key create --scopes write{where}")


# -- serving ----------------------------------------------------------------------------------


def _load_samples(store: DurableStore, project: int) -> None:
    from holdfast import demo
    from sessions_app import clock

    loaded = demo.load(store, project, clock.now_us())
    if loaded:
        note(f"Loaded {len(loaded)} sample sessions.")


def _server(args: Namespace) -> uvicorn.Server:
    """Everything is imported here, so a site that is broken says so before it is announced."""
    import logging

    import uvicorn

    from holdfast.asgi import application

    logging.getLogger("holdfast").setLevel(args.log_level.upper())
    application.database = args.database
    config = uvicorn.Config(
        application,
        log_config=None,
        log_level="info" if args.access_log else args.log_level,
        access_log=args.access_log,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        lifespan="on",
        server_header=False,
    )
    return uvicorn.Server(config)


def _run(server: uvicorn.Server, listening: socket.socket) -> int:
    # uvicorn raises the signal again once it has drained: for SIGTERM that is a good end.
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        server.run(sockets=[listening])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else OK
    finally:
        signal.signal(signal.SIGTERM, before)
    return OK if server.started else UNUSABLE


def _leave(*_: object) -> NoReturn:
    raise SystemExit(OK)
