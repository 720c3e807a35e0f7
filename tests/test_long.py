"""What the quick run leaves out has something of its kind in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.building import ROOT

TESTS = ROOT / "tests"
Test = ast.FunctionDef | ast.AsyncFunctionDef


def is_long(mark: ast.expr) -> bool:
    return ast.unparse(mark) == "pytest.mark.long"


def of_file(path: Path) -> Iterator[tuple[Test, bool]]:
    """Each test with whether it is long; one that is so for some parameters alone is not."""
    body = ast.parse(path.read_text()).body
    whole = any(
        isinstance(line, ast.Assign)
        and ast.unparse(line.targets[0]) == "pytestmark"
        and any(isinstance(mark, ast.expr) and is_long(mark) for mark in ast.walk(line.value))
        for line in body
    )
    for line in body:
        if isinstance(line, Test) and line.name.startswith("test_"):
            yield line, whole or any(map(is_long, line.decorator_list))


@cache
def found() -> list[tuple[Path, str, bool]]:
    return [
        (path, test.name, long)
        for path in sorted(TESTS.rglob("test_*.py"))
        for test, long in of_file(path)
    ]


def invariants(path: Path, name: str) -> set[str]:
    return set(re.findall(r"_i(\d\d)(?=_)", f"_{path.stem}_{name}_"))


def test_every_invariant_has_a_quick_test() -> None:
    quick = [invariants(path, name) for path, name, long in found() if not long]
    every = [invariants(path, name) for path, name, _ in found()]
    assert set().union(*quick) == set().union(*every)
    assert {"01", "02", "03", "04", "05", "06", "07", "08", "10", "11", "14"} <= set().union(*quick)


def test_every_folder_has_quick_tests() -> None:
    quick = {path.parent for path, _, long in found() if not long}
    assert quick == {path.parent for path, _, _ in found()}


def test_most_tests_are_quick() -> None:
    long = [name for _, name, long in found() if long]
    assert 0 < len(long) < len(found()) / 10


def test_the_pages_and_the_make_file_name_the_same_commands() -> None:
    offered = set(re.findall(r"^(test[a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert offered == {"test", "test-long", "test-all"}
    told = (ROOT / "CONTRIBUTING.md").read_text()
    assert set(re.findall(r"`make (test[a-z-]*)`", told)) == offered
