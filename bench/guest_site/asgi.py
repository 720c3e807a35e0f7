"""The site for uvicorn: `python -m bench.guest_site.asgi` says where it is, and serves.

uvicorn's `--fd` takes a socket for one of the file system, and then leaves Nagle's algorithm on,
which costs 40 ms an answer.
"""

import os
import socket

import uvicorn
from django.core.asgi import get_asgi_application

ANNOUNCED = "The site is at "


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.guest_site.settings")
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        get_asgi_application(), log_level="warning", access_log=False, lifespan="off"
    )
    print(f"{ANNOUNCED}http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
