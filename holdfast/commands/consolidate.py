"""`holdfast consolidate`: prunes facts by rule, once for each user whose turn it is; a worker does
the same by itself."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from holdfast.commands import opening
from holdfast.commands.console import say
from holdfast.commands.outcomes import OK

HELP = "prune facts that say the same, ended or were never used; for cron, where no worker runs"
SHOWN = 80
"""Characters of a fact in a line."""


def options(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print what would be done")
    opening.database_option(parser)


def run(args: Namespace) -> int:
    """0, also when some facts were left because somebody edited them meanwhile."""
    store = opening.store_of(args)
    from memory_app import consolidating
    from sessions_app import clock

    now = clock.now_us()
    if args.dry_run:
        plans = (consolidating.plan(store, owner, now) for owner in consolidating.due(store, now))
        say(f"{_counted(sum(map(_tell, plans)))} would change.")
    else:
        done = (
            consolidating.prune_one(store, owner, now) for owner in consolidating.due(store, now)
        )
        say(f"{_counted(sum(done))} changed.")
    return OK


def _tell(plan: Any) -> int:
    """Prints a line for each change; returns how many."""
    for intent in plan.intents:
        fact = plan.facts[intent.fact]
        verb, into = "retire", ""
        if intent.into is not None:
            verb, into = "merge", f" into {plan.facts[intent.into].id}"
        owner, text = (" ".join(name.split())[:SHOWN] for name in (plan.owner.key, fact.text))
        say(f"{verb} {fact.id}{into} of {owner}: {intent.rule}: {text}")
    return len(plan.intents)


def _counted(count: int) -> str:
    return "1 fact" if count == 1 else f"{count} facts"
