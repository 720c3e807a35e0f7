"""`manage.py holdfast <command>`: the same command line inside a host site."""

from __future__ import annotations

import sys
from argparse import REMAINDER
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from holdfast.cli import main


class Command(BaseCommand):
    """Hands everything after `holdfast` to the one command line."""

    help = "Holdfast: serve, import, export, adopt, key, verify, doctor, upkeep"
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django reads it as a class attribute

    def run_from_argv(self, argv: list[str]) -> None:
        """As it was typed, so that flags are ours and not Django's."""
        sys.exit(main(argv[2:]))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("arguments", nargs=REMAINDER)

    def handle(self, *args: Any, **options: Any) -> None:
        """For `call_command("holdfast", "verify")`."""
        code = main([str(argument) for argument in options["arguments"]])
        if code:
            raise CommandError(f"holdfast ended with {code}", returncode=code)
