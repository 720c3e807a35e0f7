"""`holdfast turn-test`: a stored turn as a pytest file and the JSON that it is built again from."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.commands import opening
from holdfast.commands.console import note, say
from holdfast.commands.outcomes import OK, Refusal

if TYPE_CHECKING:
    from memory_app.core.expecting import Expectation
    from memory_app.turns import Turn
    from sessions_app.store.base import Snapshot
    from sessions_app.store.durable import DurableStore

HELP = "write a stored turn as a test"
FORMS = ("openai", "anthropic", "responses")


def options(parser: ArgumentParser) -> None:
    parser.add_argument("session", metavar="SESSION", help="key or id")
    parser.add_argument("--at", type=int, metavar="VERSION", help="as of this version (now)")
    parser.add_argument("--contains", action="append", metavar="TEXT", help="expect this text")
    parser.add_argument("--lacks", action="append", metavar="TEXT", help="expect no such text")
    parser.add_argument(
        "--keeps", action="append", type=int, metavar="SEQ", help="expect message SEQ word for word"
    )
    parser.add_argument(
        "--most", action="append", type=int, metavar="TOKENS", help="expect at most so many tokens"
    )
    parser.add_argument("--tokens", type=int, help="the context's budget (the policy's)")
    parser.add_argument("--query", metavar="TEXT", help="what the context should help to answer")
    parser.add_argument("--format", default="openai", choices=FORMS, help="the provider's form")
    parser.add_argument("--policy", metavar="NAME", help="another policy than the session's own")
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="write there (the current folder)"
    )
    opening.database_option(parser)
    opening.project_option(parser)


def run(args: Namespace) -> int:
    """0 once both files are there. Raises Refusal where one of them is already."""
    store = opening.store_of(args)
    from memory_app import turns
    from memory_app.core import expecting

    project = opening.project_of(args, store).pk
    session = opening.session_of(store, project, args.session)
    turn = _turn(args, store, session)
    expected = _expected(args)
    name = expecting.file_name(session.key, str(session.id), turn.built.version)
    test = expecting.pytest_file(
        expected,
        session=session.key or str(session.id),
        version=turn.built.version,
        turn=f"{name}.json",
    )
    _write(args.out / f"{name}.json", turns.file(store, turn))
    _write(args.out / f"test_{name}.py", test.encode())
    _tell(turn, expected)
    return OK


def _turn(args: Namespace, store: DurableStore, session: Snapshot) -> Turn:
    from memory_app import context
    from memory_app.context import Ask
    from memory_app.turns import Turn

    at = session.version if args.at is None else args.at
    ask = Ask(args.tokens, args.query, args.format, at, args.policy)
    return Turn(session, ask, context.build(store, session.project, session, ask))


def _expected(args: Namespace) -> list[Expectation]:
    """What was named, or that the context stays what it is."""
    from memory_app.core import expecting
    from memory_app.core.expecting import Expectation

    found = [
        *(Expectation(expecting.CONTAINS, text) for text in args.contains or ()),
        *(Expectation(expecting.LACKS, text) for text in args.lacks or ()),
        *(Expectation(expecting.KEEPS, number=seq) for seq in args.keeps or ()),
        *(Expectation(expecting.MOST, number=tokens) for tokens in args.most or ()),
    ]
    return found or [Expectation(expecting.SAME)]


def _write(path: Path, content: bytes) -> None:
    """A new file; one that is there may hold work of the caller's."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise Refusal(f"{path} is there already. Remove it, or name another --out.") from None
    say(str(path))


def _tell(turn: Turn, expected: list[Expectation]) -> None:
    """How each test stands today, so that nobody takes a red one for a broken file."""
    from memory_app.core import expecting

    seen = expecting.view(turn.built.as_json(), turn.built.digest)
    for one in expected:
        state = "green" if expecting.holds(one, seen) else "red"
        note(f"{expecting.sentence(one)} is {state} today.")
