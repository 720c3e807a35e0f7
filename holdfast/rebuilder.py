"""The process that builds stored turns again, seen from both sides.

A test run may belong to any Django project or to none, with settings, routers, blocked databases
and event loops of its own. None of that reaches another process, whose database is in memory. One
is started for each encoder at the first turn and serves all others: a line of JSON in, one out.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO, Any, cast

import orjson

from memory_app.core.turnfile import UnusableTurn
from sessions_app.core import errors

PROJECT = "turns"
_HOME = Path(__file__).resolve().parents[1]
_CODE = """
import sys
if sys.argv[1] not in sys.path:
    sys.path.insert(0, sys.argv[1])
from holdfast import rebuilder
rebuilder.serve(sys.argv[2])
"""


# -- the side of the tests -----------------------------------------------------------------------


class _Process:
    """One that was started, and what it wrote to stderr."""

    def __init__(self, encoder: str) -> None:
        self.owner = os.getpid()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(  # noqa: S603 - this Python, and words of our own
            [sys.executable, "-P", "-c", _CODE, str(_HOME), encoder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=_environment(),
        )
        self._stdin = cast(IO[bytes], self._process.stdin)
        self._stdout = cast(IO[bytes], self._process.stdout)

    def ask(self, request: bytes) -> dict[str, Any]:
        """The answer to a request. Raises RuntimeError where the process ended instead."""
        try:
            self._stdin.write(request + b"\n")
            self._stdin.flush()
            line = self._stdout.readline()
        except OSError:
            line = b""
        if not line:
            raise RuntimeError(f"The process that builds turns ended: {self._last_words()}")
        found: dict[str, Any] = orjson.loads(line)
        return found

    def _last_words(self) -> str:
        self._process.wait()
        self._said.seek(0)
        return self._said.read().decode(errors="replace").strip() or "it said nothing."

    def end(self) -> None:
        """Ends the process, which goes once nobody can ask it any more."""
        with suppress(OSError):
            self._stdin.close()
        self._stdout.close()
        self._process.wait()
        self._said.close()


_running: dict[str, _Process] = {}
_guard = Lock()
NOT_OURS = "It holds what no Holdfast has written. Write it again from its page."
_STRANGE = (TypeError, ValueError, LookupError, AttributeError)
"""What building a context meets in a file that says the right things of the wrong kind."""


def rebuild(document: Mapping[str, Any], policy: Mapping[str, Any]) -> dict[str, Any]:
    """The context of a turn as the HTTP contract shows it. Raises the errors of building it."""
    request = orjson.dumps({"turn": document, "policy": policy})
    encoder = str(document["encoder"])
    with _guard:
        process = _process(encoder)
        try:
            answer = process.ask(request)
        except BaseException:  # also Ctrl-C: an answer that nobody read would be the next one's
            del _running[encoder]
            process.end()
            raise
    if "error" in answer:
        raise _error(answer["error"])
    found: dict[str, Any] = answer["context"]
    return found


def _process(encoder: str) -> _Process:
    """The process of an encoder; one that a fork has from its parent is the parent's."""
    found = _running.get(encoder)
    if found is None or found.owner != os.getpid():
        found = _running[encoder] = _Process(encoder)
    return found


def _error(told: Mapping[str, Any]) -> Exception:
    """What the process raised, by its code."""
    for leaf in errors.leaves():
        if leaf.__name__ == told["name"]:
            return leaf(told["message"], param=told["param"], **told["details"])
    return UnusableTurn(told["message"])


def _environment() -> dict[str, str]:
    """Ours without what says how this run, its Django or its Holdfast is set up."""
    ours = ("HOLDFAST_", "DJANGO_", "DATABASE_URL", "REDIS_URL", "COVERAGE_", "COV_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@atexit.register
def _end() -> None:
    for process in _running.values():
        if process.owner == os.getpid():
            process.end()
    _running.clear()


# -- the other side ------------------------------------------------------------------------------


def serve(encoder: str) -> None:
    """Answers requests until there are no more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not print into an answer
    _set_up(encoder)
    _answer_all(sys.stdin.buffer, answers)


def _answer_all(requests: IO[bytes], answers: IO[bytes]) -> None:
    for line in requests:
        request = orjson.loads(line)
        answers.write(orjson.dumps(_answer(request["turn"], request["policy"])) + b"\n")
        answers.flush()


def _set_up(encoder: str) -> None:
    """Django with the log and the memory alone, on an empty database in memory."""
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["sessions_app.apps.SessionsConfig", "memory_app.apps.MemoryConfig"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        HOLDFAST_ENCODER=encoder,
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False, skip_checks=True)


def _answer(turn: dict[str, Any], policy: dict[str, Any]) -> dict[str, Any]:
    """The context of one turn, or why there is none; the database is empty again afterwards."""
    from django.db import transaction

    from holdfast.projects import ensure_project
    from memory_app import rebuilding
    from sessions_app.core.logbook import Forged
    from sessions_app.store import get_store

    store = get_store("default")
    with transaction.atomic():
        try:
            project = ensure_project(PROJECT).pk
            context = rebuilding.rebuilt(store, project, turn, policy)
        except (errors.HoldfastError, Forged) as error:
            return {"error": _told(error)}
        except _STRANGE as error:
            return {"error": _told(UnusableTurn(f"{NOT_OURS} ({type(error).__name__}: {error})"))}
        finally:
            transaction.set_rollback(True)
        return {"context": context.as_json()}


def _told(error: Exception) -> dict[str, Any]:
    return {
        "name": type(error).__name__,
        "message": str(error),
        "param": getattr(error, "param", None),
        "details": getattr(error, "details", {}),
    }
