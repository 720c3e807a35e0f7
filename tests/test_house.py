"""What the files around the code promise: one version, locks without addresses, closed ports."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from holdfast.version import VERSION
from tests.building import APPS, ROOT
from tests.servers import Server, ServerMissing, missing, running_redis, started

LOCKS = {"py313-django61": "6.1.", "py311-django52": "5.2."}
ALL_LOCKS = (*LOCKS, "peers")
PAGES = {"monitoring/templates/": "templates", "monitoring/static/": "static"}


def files_below(folder: Path) -> set[str]:
    """Relative names of the files that belong to the project, not to a run of it."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def carried(wheel: Path) -> set[str]:
    """The names inside the wheel."""
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    found: dict[str, Any] = loaded["services"]
    return found


def test_the_changelog_and_the_package_name_the_same_version() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == VERSION


@pytest.mark.parametrize(("folder", "source"), PAGES.items())
def test_the_wheel_carries_every_page_file(carried: set[str], folder: str, source: str) -> None:
    names = {name.removeprefix(folder) for name in carried if name.startswith(folder)}
    assert names == files_below(ROOT / source)


@pytest.mark.parametrize("app", APPS)
def test_the_wheel_carries_every_file_of_an_app(carried: set[str], app: str) -> None:
    inside = {name for name in carried if not name.startswith(tuple(PAGES))}
    names = {name.removeprefix(f"{app}/") for name in inside if name.startswith(f"{app}/")}
    assert names == files_below(ROOT / app)


def test_the_wheel_leaves_tests_bench_and_docs_out(carried: set[str]) -> None:
    top = {name.split("/")[0] for name in carried}
    assert top == {*APPS, f"holdfast-{VERSION}.dist-info"}


@pytest.mark.parametrize("name", ALL_LOCKS)
def test_a_lock_names_no_address(name: str) -> None:
    lock = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert not re.search(r"://|--index-url|--extra-index-url|--find-links|--trusted-host", lock)


@pytest.mark.parametrize("name", ALL_LOCKS)
def test_every_line_of_a_lock_is_pinned_and_hashed(name: str) -> None:
    lock = (ROOT / "requirements" / f"{name}.txt").read_text()
    entries = re.sub(r"#.*", "", lock).replace("\\\n", " ").splitlines()
    for entry in filter(None, (line.strip() for line in entries)):
        assert re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", entry)


@pytest.mark.parametrize(("name", "series"), LOCKS.items())
def test_a_lock_pins_the_django_it_is_named_after(name: str, series: str) -> None:
    lock = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert re.search(rf"^django=={re.escape(series)}", lock, re.MULTILINE)


def test_the_database_of_the_compose_file_is_not_published(services: dict[str, Any]) -> None:
    postgres = services["postgres"]
    assert "ports" not in postgres
    assert "healthcheck" in postgres


def test_the_redis_of_the_compose_file_evicts_and_keeps_nothing(services: dict[str, Any]) -> None:
    redis = services["redis"]
    assert "ports" not in redis
    assert "volumes" not in redis
    words = redis["command"]
    given = {name: words[words.index(name) + 1] for name in words if name.startswith("--")}
    assert given["--maxmemory-policy"] == "allkeys-lru"
    assert given["--maxmemory"]
    assert (given["--save"], given["--appendonly"]) == ("", "no")


@pytest.mark.parametrize("service", ["web", "worker"])
def test_the_compose_file_names_the_redis_and_waits_for_no_one_of_it(
    services: dict[str, Any], service: str
) -> None:
    assert services[service]["environment"]["REDIS_URL"] == "redis://redis:6379/0"
    assert "redis" not in services[service]["depends_on"]


@pytest.mark.parametrize("variable", ["DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS"])
def test_the_compose_file_refuses_to_start_without(services: dict[str, Any], variable: str) -> None:
    assert re.search(r"\$\{[A-Z_]+:\?", services["web"]["environment"][variable])


def test_a_killed_server_leaves_its_folder_to_nobody() -> None:
    try:
        with running_redis() as server:
            server.kill()
    except ServerMissing as error:
        missing(str(error))
    assert not server.folder.exists()


def test_a_server_that_never_answers_is_reported_with_its_own_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no room for a database')"]
    with (
        pytest.raises(RuntimeError, match="no room for a database"),
        started(command, "nowhere://", tmp_path, answers=lambda: False),
    ):
        pytest.fail("it cannot have started")


def test_the_databases_of_the_suite_keep_what_they_acknowledge(postgres_server: Server) -> None:
    with psycopg.connect(postgres_server.url) as connection:
        shown = [
            connection.execute(f"SHOW {name}").fetchone()
            for name in ("fsync", "synchronous_commit", "full_page_writes")
        ]
    assert shown == [("on",)] * 3


def test_the_make_file_says_what_to_do_when_no_python_runs(tmp_path: Path) -> None:
    command = ["make", "test", "PYTHON=/nowhere/python3", f"VENV={tmp_path / 'venv'}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "No Python >= 3.11" in result.stderr
    assert "Install one" in result.stderr
