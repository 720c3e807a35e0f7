"""Files that are not what they should be: the line, the reason, and the good part all the same."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from pathlib import Path

import pytest

from sessions_app import importers, preparing
from sessions_app.core import errors
from sessions_app.core.messages import Limits
from sessions_app.importers import base, files
from tests.importers.importing import Importing
from tests.importers.test_claude_code import KEY, SESSION, spoken, talk, user

FORM = "claude-code"


def bad(importing: Importing, content: bytes, name: str = "talk.jsonl") -> Path:
    path = importing.folder / name
    path.write_bytes(content)
    return path


def lines(turns: int) -> list[bytes]:
    return [json.dumps(line).encode() + b"\n" for line in talk(turns)]


def test_a_truncated_last_line_is_named_and_read_when_it_is_whole(importing: Importing) -> None:
    whole = lines(2)
    path = bad(importing, b"".join(whole)[:-40])
    report = importing.run(FORM, path)
    assert report.new == 3
    assert report.errors == [(str(path), 4, "is cut off: the last line is not complete")]
    bad(importing, b"".join(whole))
    assert str(importing.run(FORM, path)) == "1 new, 3 skipped"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"type": "user", "message": "\xff"}\n', "is not valid UTF-8 at byte 30"),
        (b"{'type': 'user'}\n", "is not valid JSON at column 2"),
        (b"[1, 2]\n", "is not a JSON object"),
        (b'{"a": NaN}\n', "NaN and Infinity are not JSON"),
        (b'{"a": 1e999}\n', "NaN and Infinity are not JSON"),
        (b'{"a": 1, "a": 2}\n', "names the key a twice"),
        (b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}\n", "nested deeper"),
        (b'{"a": ' + b"[" * 50_000 + b"\n", "is not valid JSON"),
    ],
)
def test_a_bad_line_costs_no_good_one(importing: Importing, line: bytes, reason: str) -> None:
    whole = lines(2)
    path = bad(importing, b"".join([whole[0], line, *whole[1:]]))
    report = importing.run(FORM, path)
    assert (report.new, len(report.errors)) == (4, 1)
    assert report.errors[0][:2] == (str(path), 2)
    assert reason in report.errors[0][2]


@pytest.mark.parametrize("form", ["claude-code", "openai-chat", "holdfast"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_refused_by_name(importing: Importing, form: str, encoding: str) -> None:
    path = bad(importing, '{"a": 1}\n'.encode(encoding))
    assert importing.run(form, path).errors == [(str(path), 1, "is UTF-16; save it as UTF-8")]


@pytest.mark.parametrize("form", ["claude-code", "openai-chat", "holdfast"])
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x89PNG\r\n\x1a\n\x00", b"PK\x03\x04 nothing"])
def test_what_is_no_log_stores_nothing(importing: Importing, form: str, content: bytes) -> None:
    report = importing.run(form, bad(importing, content))
    assert (report.sessions, report.new) == (0, 0)
    assert importing.keys() == []


def test_a_file_of_nothing_but_bad_lines_is_given_up(importing: Importing) -> None:
    report = importing.run(FORM, bad(importing, b"no\n" * 5000))
    assert len(report.errors) == 101
    assert "too many" in report.errors[-1][2]


def test_a_huge_line_is_refused_in_bounded_memory(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_LINE", 256 * 1024)
    whole = lines(2)
    path = bad(importing, b"".join([whole[0], b"x" * 30_000_000 + b"\n", *whole[1:]]))
    preparing.prompt("The tables of the encoder are no memory of the import.", [])
    tracemalloc.start()
    report = importing.run(FORM, path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.new == 4
    assert report.errors == [(str(path), 2, "is longer than 262144 bytes")]
    assert peak < 12_000_000


def test_memory_does_not_grow_with_the_file(importing: Importing) -> None:
    big = [user(f"u{n}", f"u{n - 1}" if n else None, f"{n} " + "w" * 50_000) for n in range(600)]
    path = importing.write("talk.jsonl", big)
    del big
    tracemalloc.start()
    report = importing.run(FORM, path, dry_run=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.new == 600
    assert path.stat().st_size > 30_000_000
    assert peak < 6_000_000


def test_a_packed_file_is_read(importing: Importing) -> None:
    path = bad(importing, gzip.compress(b"".join(lines(2))), "talk.jsonl.gz")
    assert str(importing.run(FORM, path)) == "4 new, 0 skipped"
    assert str(importing.run(FORM, importing.folder)) == "0 new, 4 skipped"


def test_a_packed_file_that_is_cut_off_gives_its_good_part(importing: Importing) -> None:
    packed = gzip.compress(b"".join(lines(2)) + os.urandom(5000).hex().encode())
    report = importing.run(FORM, bad(importing, packed[:-2000], "talk.jsonl.gz"))
    assert report.new == 4
    assert "cut off" in report.errors[-1][2]


def test_a_packed_bomb_is_refused(importing: Importing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FREE_UNPACKED", 2 * 1024 * 1024)
    bomb = gzip.compress(b"".join(lines(1)) + b" " * 40_000_000)
    path = bad(importing, bomb, "talk.jsonl.gz")
    report = importing.run(FORM, path)
    assert report.new == 0
    ((named, line, reason),) = report.errors
    assert (named, line) == (str(path), 3)
    assert "unpacks to far more" in reason


def test_a_path_that_leads_upwards_is_refused(importing: Importing) -> None:
    bad(importing, b"".join(lines(1)))
    (importing.folder / "inner").mkdir()
    path = importing.folder / "inner" / ".." / "talk.jsonl"
    report = importing.run(FORM, path)
    assert report.new == 0
    assert "`..`" in report.errors[0][2]


def test_a_link_out_of_the_folder_is_refused(importing: Importing, tmp_path: Path) -> None:
    outside = tmp_path / "outside.jsonl"
    outside.write_bytes(b"".join(lines(1)))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.jsonl").symlink_to(outside)
    report = importing.run(FORM, folder)
    assert report.new == 0
    assert report.errors == [
        (str(folder / "link.jsonl"), 0, "is a link that leads out of the folder")
    ]


def test_a_pipe_and_a_missing_file_are_refused(importing: Importing) -> None:
    pipe = importing.folder / "pipe.jsonl"
    os.mkfifo(pipe)
    missing = importing.folder / "missing.jsonl"
    report = importing.run(FORM, pipe, missing)
    assert [error[2] for error in report.errors] == [
        "is not a regular file",
        "cannot be read: No such file or directory",
    ]


def test_nul_and_lone_surrogates_are_replaced_counted_and_marked(importing: Importing) -> None:
    odd = [user("u3", "a2", "a\0b\ud800c"), user("u4", "u3", "clean")]
    report = importing.run(FORM, importing.write("talk.jsonl", [*talk(2), *odd]))
    assert (report.new, report.repaired) == (6, 1)
    assert spoken(importing, KEY)[4:] == ["a\ufffdb\ufffdc", "clean"]
    marks = [stored.message().body["metadata"].get("repaired") for stored in importing.said(KEY)]
    assert marks == [None, None, None, None, True, None]
    assert str(importing.run(FORM, importing.folder / "talk.jsonl")) == "0 new, 6 skipped"


def test_repaired_messages_without_ids_are_recognised(importing: Importing) -> None:
    path = importing.write("talk.jsonl", [[{"role": "user", "content": "\ud83d", "n": 2**70}]])
    report = importing.run("openai-chat", path)
    assert (report.new, report.repaired) == (1, 1)
    assert str(importing.run("openai-chat", path)) == "0 new, 1 skipped"


def test_one_bad_file_of_a_folder_costs_no_good_one(importing: Importing) -> None:
    bad(importing, b"\xff\xfe", "a.jsonl")
    bad(importing, b"".join(lines(1)), f"{SESSION}.jsonl")
    bad(importing, b"not a log", "notes.txt")
    report = importing.run(FORM, importing.folder)
    assert (report.new, len(report.errors)) == (2, 1)


def test_a_message_over_the_limit_is_kept_as_a_record(
    importing: Importing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "LIMITS", Limits(text_bytes=1000))
    report = importing.run(
        FORM, importing.write("talk.jsonl", [*talk(1), user("u9", "a1", "x" * 2000)])
    )
    assert (report.new, report.unknown, len(report.warnings)) == (2, 1, 1)


def test_an_unknown_format_is_refused(importing: Importing) -> None:
    with pytest.raises(errors.InvalidField, match="claude-code, openai-chat, holdfast"):
        importers.run(importing.store, importing.project, "zip", [])
