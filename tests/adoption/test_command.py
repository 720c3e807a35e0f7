"""`manage.py holdfast adopt` in a host site: what it says, how it ends, and what kills do to it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.adoption.running import MAPPING, SECONDS, START, Site, told
from tests.cli.running import Shell

# Processes one after another, each of which dies at one statement of the store, whatever that is in
# the middle of; what they have imported they share, a connection they do not.
DYING = """
import os, signal
from holdfast.cli import main
from sessions_app.store.database import Database

for statement in sys.argv[2:]:
    child = os.fork()
    if not child:
        left = int(statement)
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()

def dying(method):
    def call(*args):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*args)
    return call

for name in ("run", "run_many", "row", "rows"):
    setattr(Database, name, dying(getattr(Database, name)))

os._exit(main(["adopt", sys.argv[1], "--batch", "4"]))
"""

FILL = "from tests.adoption.filling import *; "


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.long
def test_it_copies_what_is_there_and_says_so(own_site: Site) -> None:
    own_site.do(FILL + "filled(3, 4)")
    dry = own_site.adopt("--dry-run")
    assert (dry.returncode, dry.stdout) == (
        0,
        "Would copy 12 rows of 3 conversations; 0 were there, 0 are left out by the mapping.\n",
    )
    first = own_site.adopt("--limit", 5)
    assert first.stdout.splitlines()[1] == "Stopped at the limit; run it again to go on."
    rest = told(own_site.adopt("--json"))
    assert (rest["new"], rest["known"], rest["refused"], rest["finished"]) == (4, 8, [], True)
    same = own_site.adopt("--compare")
    assert (same.returncode, same.stderr) == (0, "")
    assert same.stdout.splitlines() == [
        "Compared 12 rows of 3 conversations with 12 messages.",
        "Nothing differs. You can cut over.",
    ]


@pytest.mark.long
def test_rows_that_cannot_be_copied_are_named_and_the_exit_code_is_4(own_site: Site) -> None:
    own_site.do(FILL + "one = chat(); say(one, 'fine'); say(one, '', 2); say(None, 'lost', 3)")
    done = own_site.adopt()
    assert done.returncode == 4
    assert done.stderr == "Refused chatmessage:2: `content` is empty\n"
    compared = own_site.adopt("--compare")
    assert compared.returncode == 1
    assert compared.stdout.splitlines()[0] == "chat:1: refused: chatmessage:2 (`content` is empty)"
    assert compared.stderr == (
        "1 rows belong to no conversation of the mapping.\n"
        "1 conversations differ. Do not cut over yet.\n"
    )
    answer = told(own_site.adopt("--compare", "--json"))
    assert (answer["same"], answer["rows"], answer["messages"], answer["outside"]) == (
        False,
        1,
        1,
        1,
    )
    assert answer["different"][0]["difference"]["refused"] == ["chatmessage:2 (`content` is empty)"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["tests.adoption.site.nowhere.Chats"], "Cannot import tests.adoption.site.nowhere.Chats"),
        (["tests.adoption.site.models.Chat"], "tests.adoption.site.models.Chat is no holdfast"),
        ([MAPPING, "--batch", "501"], "--batch"),
        ([MAPPING, "--limit", "0"], "--limit"),
        ([MAPPING, "--compare", "--dry-run"], "not allowed with"),
    ],
)
def test_wrong_usage_is_one_line(own_site: Site, arguments: list[str], reason: str) -> None:
    done = own_site.manage("holdfast", "adopt", *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert reason in done.stderr


def test_outside_a_site_it_says_where_to_run_it(shell: Shell) -> None:
    assert "manage.py holdfast adopt" in shell.refused(2, "adopt", "chats.adoption.Chats")


@pytest.mark.long
def test_the_program_works_in_a_site_too(own_site: Site) -> None:
    own_site.do(FILL + "filled(1, 2)")
    assert told(own_site.run("-m", "holdfast", "adopt", MAPPING, "--json"))["new"] == 2


@pytest.mark.long
def test_killed_anywhere_and_run_again_nothing_is_lost_or_doubled(own_site: Site) -> None:
    own_site.do(FILL + "filled(8, 50)")
    statements = (4, 8, 11, 12, 13, 14, 15, 16, 17, 18, 40, 71)
    killed = own_site.run("-c", START + DYING, MAPPING, *statements)
    codes = [int(line) for line in killed.stdout.splitlines()]
    assert codes == [-signal.SIGKILL] * len(statements), killed.stderr
    rest = told(own_site.adopt("--json"))
    assert 0 < rest["new"] < 400
    assert rest["new"] + rest["known"] == 400
    assert told(own_site.adopt("--compare", "--json"))["same"]
    assert own_site.manage("holdfast", "verify").returncode == 0


@pytest.mark.long
def test_two_runs_at_once_store_each_row_once(own_site: Site) -> None:
    own_site.do(FILL + "filled(8, 60)")
    command = ("-m", "django", "holdfast", "adopt", MAPPING, "--batch", 5, "--json")
    runs = [own_site.start(*command) for _ in range(2)]
    for run in runs:
        _, errors = run.communicate(timeout=SECONDS)
        assert run.returncode == 0, errors
    answer = told(own_site.adopt("--compare", "--json"))
    assert (answer["same"], answer["messages"]) == (True, 480)
