"""Qdrant as far as its local mode shows it: a folder, a server that is not there, the how-to."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pytest_django import Settings

from holdfast import checks
from memory_app import vector_stores
from memory_app.core.work import EngineFailed
from memory_app.qdrant_store import QdrantVectors
from memory_app.vector_stores import Home, Model, Owner
from tests.building import ROOT
from tests.cli.running import Shell
from tests.vectors.test_commands import SAID, vectors

pytest.importorskip("qdrant_client", reason="qdrant-client is not installed")

PAGE = ROOT / "docs" / "how-to" / "keep-vectors-outside.md"
MODEL = Model("letters", 2, "qdrant:holdfast")
ALICE = Home(project=1, user=7, session=3, place="a" * 32)
EAST = np.array([1.0, 0.0], np.float32)


# In processes of their own: the local mode leaves files open.
BEGIN = """
import sys
import numpy as np
from memory_app.core.work import EngineFailed
from memory_app.qdrant_store import QdrantVectors
from memory_app.vector_stores import Home, Model, Owner
kept, model = QdrantVectors.named(sys.argv[1]), Model("letters", 2, "qdrant:holdfast")
"""
FIRST = """
assert QdrantVectors.named(sys.argv[1]) is kept
kept.put(Home(1, 7, 3, "a" * 32), model, {1: np.array([1.0, 0.0])}, seconds=5)
try:
    QdrantVectors.named(sys.argv[1], prefix="another client of the folder")
except EngineFailed as failed:
    print(failed.reason)
"""
SECOND = "print(kept.nearest(Owner(1, 7, True), model, np.array([1.0, 0.0]), 5, seconds=5))"


def said(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code, folder],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_folder_has_one_client_and_keeps_what_it_holds_for_the_next(tmp_path: Path) -> None:
    assert said(FIRST, tmp_path / "vectors") == "misconfigured\n"
    assert "session=3, place='aaaa" in said(SECOND, tmp_path / "vectors")


def test_a_server_that_is_not_there_is_a_failure_that_may_pass() -> None:
    kept = QdrantVectors.named("http://127.0.0.1:9")
    for call in (
        lambda: kept.put(ALICE, MODEL, {1: EAST}, seconds=1),
        lambda: kept.nearest(Owner(1, 7, is_user=True), MODEL, EAST, 5, seconds=1),
        lambda: kept.forget(MODEL, ALICE.place, seconds=1),
    ):
        with pytest.raises(EngineFailed) as caught:
            call()
        assert caught.value.retryable


def test_a_collection_that_is_dropped_is_made_again() -> None:
    kept = QdrantVectors.named(":memory:", prefix="dropped")
    kept.put(ALICE, MODEL, {1: EAST}, seconds=5)
    (found,) = kept._client.get_collections().collections
    kept._client.delete_collection(found.name)
    with pytest.raises(EngineFailed):
        kept.put(ALICE, MODEL, {1: EAST}, seconds=5)
    kept.put(ALICE, MODEL, {1: EAST}, seconds=5)
    assert len(kept.nearest(Owner(1, 7, is_user=True), MODEL, EAST, 5, seconds=5)) == 1


def test_the_check_asks_for_what_is_missing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HOLDFAST_VECTOR_STORE = vector_stores.QDRANT
    assert [message.id for message in checks.check_settings()] == ["holdfast.E017"]
    settings.HOLDFAST_QDRANT = "somewhere"
    assert checks.check_settings() == []
    monkeypatch.setattr(checks, "find_spec", lambda _: None)
    assert [message.id for message in checks.check_settings()] == ["holdfast.E018"]


@pytest.mark.long
def test_the_how_to_moves_vectors_to_qdrant_and_a_purge_takes_them_out(tmp_path: Path) -> None:
    said = dict(re.findall(r"export (HOLDFAST_\w+)=(\S+)", PAGE.read_text(encoding="utf-8")))
    assert set(said) == {"HOLDFAST_VECTOR_STORE", "HOLDFAST_QDRANT", "HOLDFAST_QDRANT_KEY"}
    said["HOLDFAST_QDRANT"] = str(tmp_path / "vectors")  # there is no server here
    said["HOLDFAST_EMBEDDER"] = "tests.vectors.keeping.Numbers"
    shell = Shell(tmp_path, {"DATABASE_URL": str(tmp_path / "here.sqlite3"), **said})
    (tmp_path / "log.jsonl").write_text(SAID)
    assert shell.run("import", "openai-chat", tmp_path / "log.jsonl").returncode == 0
    assert "1 sessions behind by 2 messages, in qdrant:holdfast" in vectors(shell, {})[0]
    done = shell.run("worker", "--once")
    assert "Made vectors in 1 batch." in done.stdout, done.stderr
    assert "0 sessions behind" in vectors(shell, {})[0]
    again = shell.run("worker", "--once", "--anew").stdout
    assert "Removed the vectors of 1 sessions from qdrant:holdfast." in again
    assert "Made vectors in 1 batch." in again
