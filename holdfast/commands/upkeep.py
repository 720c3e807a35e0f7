"""`holdfast upkeep`: once what a server of ours does by itself, for sites that run none."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from holdfast.commands import opening
from holdfast.commands.console import say
from holdfast.commands.outcomes import OK

HELP = "purge and index what is due; for cron, where `serve` does not run"
# Under a minute, which is how often cron may call.
SECONDS = 50.0


def options(parser: ArgumentParser) -> None:
    opening.database_option(parser)


def run(args: Namespace) -> int:
    """0, also when some indexing is left for the next time."""
    alias = opening.store_of(args).db.alias
    from holdfast import upkeep
    from sessions_app import search

    say(f"Purged {upkeep.tidy(alias)} deleted sessions.")
    if search.bring_up_to_date(alias, seconds=SECONDS):
        say("The search index is up to date.")
    else:
        say(f"The search index is {search.behind(alias)} sessions behind. Call again.")
    return OK
