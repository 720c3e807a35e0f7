"""`holdfast link-user`: an operator lets a user read another one's facts, sees it, and ends it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Shell, copied

FILL = """
import sys, holdfast
holdfast.memory("alice", database=sys.argv[1]).store_fact("Sits by the aisle.")
from holdfast.projects import ensure_project
from sessions_app.store import get_store
store = get_store()
store.end_user(ensure_project("other").pk, "bob b")
"""
LINK = ("link-user", "bob b", "--project", "other", "--reads", "alice", "--of", "default")


@pytest.fixture
def database(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With alice in the default project, and bob in another one."""

    def fill(shell: Shell, database: Path) -> None:
        shell.python(FILL, database)

    return copied(tmp_path_factory, "users", fill, shell.home / "users.sqlite3")


def listed(shell: Shell, database: Path) -> list[dict[str, str]]:
    result = shell.run("link-user", "--list", "--json", "--database", database)
    found: list[dict[str, str]] = json.loads(result.stdout)
    return found


@pytest.mark.long
def test_a_link_is_made_listed_and_removed(shell: Shell, database: Path) -> None:
    assert listed(shell, database) == []
    for _ in range(2):
        result = shell.run(*LINK, "--database", database)
        assert result.stdout == "bob b of other reads the facts of alice of default.\n"
    (row,) = listed(shell, database)
    names = ("user", "project", "reads", "of")
    assert [row[name] for name in names] == ["bob b", "other", "alice", "default"]
    lines = shell.run("link-user", "--list", "--database", database).stdout.splitlines()
    assert lines == ["\t".join((*names, "created")), "\t".join(row.values())]
    result = shell.run(*LINK, "--remove", "--database", database)
    assert result.stdout == "bob b of other no longer reads the facts of alice of default.\n"
    assert listed(shell, database) == []
    assert "no link" in shell.refused(2, *LINK, "--remove", "--database", database)


REFUSED = (
    ((), "--reads USER --of B"),
    (("alice", "--reads", "x"), "--of B"),
    (("--list", "alice"), "--list"),
    (("--list", "--remove"), "--list"),
    ((*LINK[1:], "--json"), "--json"),
    (("nobody", "--reads", "alice", "--of", "default"), "'nobody' in the project 'default'"),
    (("alice", "--reads", "alice", "--of", "other"), "'alice' in the project 'other'"),
    (("alice", "--reads", "alice", "--of", "none"), "no project 'none'"),
)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("alice", "--reads", "alice", "--of", "default"), "without a link"),
        *(pytest.param(*case, marks=pytest.mark.long) for case in REFUSED),
    ],
)
def test_what_cannot_be_linked_is_refused_in_one_line(
    shell: Shell, database: Path, arguments: tuple[str, ...], told: str
) -> None:
    assert told in shell.refused(2, "link-user", *arguments, "--database", database)
    assert listed(shell, database) == []
