"""The command line: reads the arguments, runs one command, turns every end into an exit code.

Nothing here imports Django, so `holdfast --help` answers at once; a command imports what it needs
when it runs.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NoReturn

from holdfast.commands import (
    adopt,
    consolidate,
    doctor,
    export_log,
    import_log,
    key,
    lease,
    link_user,
    outcomes,
    serve,
    turn_test,
    upkeep,
    verify,
    worker,
)
from holdfast.commands.console import note
from holdfast.commands.outcomes import Refusal
from holdfast.environ import BadEnvironment
from holdfast.version import VERSION

COMMANDS: Mapping[str, ModuleType] = {
    "serve": serve,
    "import": import_log,
    "export": export_log,
    "adopt": adopt,
    "key": key,
    "lease": lease,
    "verify": verify,
    "doctor": doctor,
    "upkeep": upkeep,
    "consolidate": consolidate,
    "link-user": link_user,
    "turn-test": turn_test,
    "worker": worker,
}
CODES = "exit codes:\n" + "\n".join(f"  {code:3}  {text}" for code, text in outcomes.MEANINGS)
BROKEN_STORE = ("store_busy", "store_unavailable", "storage_full")


class Parser(ArgumentParser):
    """Says what is wrong in one line, and where to read more."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})
        self._mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Flags may stand before, between and behind a command's words: left to itself, argparse
        takes the words before the first flag for all there are."""
        if self._mixing or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}. See `{self.prog} --help`.\n")
        raise SystemExit(outcomes.USAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (see `outcomes`)."""
    try:
        args = parser().parse_args(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else outcomes.OK
    _be_lenient_about_letters()
    try:
        code = _run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return outcomes.CLOSED_PIPE
    except KeyboardInterrupt:
        return outcomes.INTERRUPTED
    return code


def parser() -> ArgumentParser:
    """The whole grammar of the command line."""
    root = Parser(
        prog="holdfast",
        description="Keeps the state of LLM conversations.",
        epilog=CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"Holdfast {VERSION}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        child = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        module.options(child)
    return root


def _run(args: Namespace) -> int:
    """The command, with every error that is not a bug as one line."""
    try:
        return int(COMMANDS[args.command].run(args))
    except Refusal as refusal:
        return _tell(str(refusal), refusal.code)
    except BadEnvironment as error:
        return _tell(str(error), outcomes.USAGE)
    except BrokenPipeError:
        raise
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _tell(f"{place}{error.strerror or error}.", outcomes.UNUSABLE)
    except _of_the_store() as error:
        return _tell(*_store_trouble(error))


def _of_the_store() -> tuple[type[Exception], ...]:
    """Looked up when something was raised: only then must its modules be there."""
    from sessions_app.core.errors import HoldfastError

    database = sys.modules.get("django.db")
    return (HoldfastError, database.Error) if database else (HoldfastError,)


def _store_trouble(error: Exception) -> tuple[str, int]:
    code = getattr(error, "code", None)
    message = getattr(error, "message", None)
    if message is None:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        return f"The database cannot be used: {reason}.", outcomes.UNUSABLE
    return str(message), outcomes.UNUSABLE if code in BROKEN_STORE else outcomes.USAGE


def _tell(message: str, code: int) -> int:
    note(f"holdfast: {' '.join(message.split())}")
    return code


def _be_lenient_about_letters() -> None:
    """A terminal that cannot show a letter gets its number, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
