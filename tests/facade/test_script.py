"""A bare script: nothing configured, nothing there, and it works."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

import psycopg
import pytest

from tests.facade.conftest import PATIENCE, Script, Start
from tests.servers import Server

# The example at the top of docs/design.md, to the letter; only `client` and MODEL are stand-ins.
STAND_IN = """
from types import SimpleNamespace
from openai.types.chat import ChatCompletion

MODEL = "gpt-4o"
asked = []

def create(model, messages):
    asked.append(messages)
    return ChatCompletion.model_validate({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_750_000_000, "model": model,
        "choices": [{"index": 0, "finish_reason": "stop",
                     "message": {"role": "assistant", "content": "Done: Friday, aisle seat."}}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 8, "total_tokens": 28},
    })

client = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))
"""
EXAMPLE = """
import holdfast

session = holdfast.open("support-42", user="alice")
session.append(role="user", content="Move my flight to Friday, and keep the aisle seat.")
context = session.context(tokens=8_000)                        # .messages goes to the model; .parts says why
reply = client.chat.completions.create(model=MODEL, messages=context.messages)
session.append(reply, context=context)                         # content, tool calls, usage and what it was answered from
"""  # noqa: E501 - to the letter

OPEN = """
import holdfast
session = holdfast.open("k")
print(session.append(role="user", content="hello").seq)
"""


def test_the_example_of_the_design_runs_to_the_letter(script: Script) -> None:
    checks = """
user, reply = session.messages()
assert asked == [[{"role": "user", "content": user["content"]}]], asked
assert reply["content"] == "Done: Friday, aisle seat."
assert reply["usage"]["total_tokens"] == 28 and reply["model"] == MODEL
assert reply["context"] == context.id and "context" not in user
print(session.user, session.version)
"""
    assert script(STAND_IN + EXAMPLE + checks) == "alice 3"


@pytest.mark.long
def test_what_one_script_said_the_next_one_finds(script: Script, tmp_path: Path) -> None:
    assert script(OPEN) == "1"
    assert script(OPEN) == "2"
    assert (tmp_path / "data" / "holdfast" / "holdfast.sqlite3").is_file()


def test_the_answer_of_a_bare_script_is_durable(script: Script) -> None:
    code = "import holdfast; print(holdfast.open('k').append(role='user', content='x').durable)"
    assert script(code) == "True"


@pytest.mark.long
def test_database_url_and_the_argument_choose_the_file(script: Script, tmp_path: Path) -> None:
    one, other = tmp_path / "one.sqlite3", tmp_path / "new" / "folder" / "other.sqlite3"
    script(OPEN, DATABASE_URL=f"sqlite:///{one}")
    code = f"import holdfast; holdfast.open('k', database={str(other)!r})"
    script(code, DATABASE_URL=f"sqlite:///{tmp_path / 'unused.sqlite3'}")
    assert one.is_file()
    assert other.is_file()
    assert not (tmp_path / "unused.sqlite3").exists()


@pytest.mark.long
def test_one_process_can_work_in_several_databases(script: Script) -> None:
    code = """
import holdfast
from pathlib import Path
first = holdfast.open("k", database=Path("first.sqlite3"))
second = holdfast.open("k", database="second.sqlite3")
first.append(role="user", content="into the first")
second.append(role="user", content="into the second")
again = holdfast.open("k", database="second.sqlite3")
default = holdfast.open("k")
assert again.id == second.id != first.id == default.id
print(again.messages()[0]["content"], "|", default.messages()[0]["content"])
print(len(second.context().messages))
"""
    assert script(code).splitlines() == ["into the second | into the first", "1"]


@pytest.mark.long
def test_scripts_that_start_at_once_on_a_fresh_database_do_not_collide(start: Start) -> None:
    running = [start(OPEN) for _ in range(8)]
    ended = [process.communicate(timeout=PATIENCE) for process in running]
    assert [complained for _, complained in ended] == [""] * 8
    assert sorted(int(printed) for printed, _ in ended) == list(range(1, 9))


def refusal(database: object) -> str:
    """A script that prints what it is told when its database cannot be used."""
    return f"""
import holdfast
try:
    holdfast.open("k", database={str(database)!r})
except (holdfast.HoldfastError, ValueError) as error:
    print(type(error).__name__, getattr(error, "retryable", None), error)
"""


def refused(script: Script, database: object) -> str:
    return script(refusal(database))


def test_a_file_that_is_no_database_is_named_and_left_as_it_is(
    script: Script, tmp_path: Path
) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Sir or Madam")
    assert refused(script, path).startswith(f"UnusableDatabase False {path} is not a database.")
    assert path.read_text() == "Dear Sir or Madam"
    assert list(tmp_path.glob("letter.txt?*")) == []


def test_a_damaged_database_is_named(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "torn.sqlite3"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    told, _ = start(refusal(path)).communicate(timeout=PATIENCE)
    assert told.startswith(f"UnusableDatabase False {path} is not a database")


@pytest.mark.long
def test_a_folder_and_a_file_that_cannot_be_made_are_refused(
    script: Script, tmp_path: Path
) -> None:
    assert refused(script, tmp_path).startswith("UnusableDatabase False")
    (tmp_path / "file").touch()
    assert refused(script, tmp_path / "file" / "x.sqlite3").startswith("UnusableDatabase False")


def test_a_database_in_memory_and_an_unknown_kind_are_refused(script: Script) -> None:
    assert refused(script, ":memory:").startswith("InvalidField")
    assert refused(script, "oracle://host/name").startswith("BadEnvironment")


@pytest.mark.long
def test_a_database_of_a_newer_version_is_refused_untouched(script: Script, tmp_path: Path) -> None:
    path = tmp_path / "newer.sqlite3"
    script(f"import holdfast; holdfast.open('k', database={str(path)!r})")
    with sqlite3.connect(path) as database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('holdfast_sessions', '9999_later', '2030-01-01')"
        )
    database.close()
    told = refused(script, path)
    assert "newer version" in told
    assert "holdfast_sessions.9999_later" in told


@pytest.mark.long
def test_tables_that_are_behind_are_brought_up_to_date(script: Script, tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite3"
    code = f"import holdfast; holdfast.open('k', database={str(path)!r})"
    script(code)
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
        database.execute("DROP TABLE django_session")
    database.close()
    script(code)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM django_session").fetchone() == (0,)
    database.close()


HOST = """
from holdfast import APPS
SECRET_KEY = "host"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", *APPS]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "host.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""


@pytest.mark.long
def test_a_sites_own_database_is_used_but_never_migrated(script: Script, tmp_path: Path) -> None:
    (tmp_path / "host_settings.py").write_text(HOST)
    told = script(
        """
import sys; sys.path.insert(0, "")
import holdfast
try:
    holdfast.open("k")
except holdfast.HoldfastError as error:
    print(error)
from django.core.management import call_command
call_command("migrate", verbosity=0)
print(holdfast.open("k").append(role="user", content="x").version)
own = holdfast.open("k", database="own.sqlite3")
print(own.append(role="user", content="x").version, own.version)
""",
        DJANGO_SETTINGS_MODULE="host_settings",
    )
    refusal, *versions = told.splitlines()
    assert "manage.py migrate" in refusal
    assert versions == ["2", "2 2"]


@pytest.mark.long
def test_settings_that_were_configured_in_code_are_used_as_they_are(script: Script) -> None:
    told = script("""
import os, holdfast
from django.conf import settings
settings.configure(
    SECRET_KEY="x", INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes",
    *holdfast.APPS], USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "here.sqlite3"}},
)
try:
    holdfast.open("k")
except holdfast.HoldfastError as error:
    print(error)
print("DJANGO_SETTINGS_MODULE" in os.environ)
""")
    assert "manage.py migrate" in told
    assert told.endswith("False")


@pytest.fixture
def fresh_postgres(postgres_server: Server) -> str:
    """The address of an empty database."""
    name = f"facade_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{postgres_server.url.rpartition('/')[0]}/{name}"


@pytest.mark.long
def test_scripts_that_start_at_once_on_a_fresh_postgres_do_not_collide(
    start: Start, fresh_postgres: str
) -> None:
    running = [start(OPEN, DATABASE_URL=fresh_postgres) for _ in range(4)]
    ended = [process.communicate(timeout=PATIENCE) for process in running]
    assert [complained for _, complained in ended] == [""] * 4
    assert sorted(int(printed) for printed, _ in ended) == [1, 2, 3, 4]


MANY = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
import holdfast
from django.db import connection, transaction

holdfast.open("first")
number, turns = 40, 12
together, kept, said, slowest = Barrier(number), [], [0] * number, []

def work(n):
    session = holdfast.open(f"k{n}")
    session.append(role="user", content="hello")
    kept.append(connection.connection is not None)
    together.wait(60)    # no thread ends: whoever holds a connection goes on holding it
    with transaction.atomic():
        session.append(role="user", content="in a transaction")
        assert connection.connection is not None
    for _ in range(turns):
        seq = session.append(role="user", content="again").seq
        said[n] += 1
    slowest.append(min(said))
    return seq

with ThreadPoolExecutor(number) as pool:
    print(set(pool.map(work, range(number))), 0 < sum(kept) <= 8, slowest[0] > 0)
"""


@pytest.mark.long
def test_more_threads_than_connections_do_not_starve_each_other(
    start: Start, fresh_postgres: str
) -> None:
    printed, complained = start(MANY, DATABASE_URL=fresh_postgres).communicate(timeout=PATIENCE)
    assert (printed.strip(), complained) == ("{14} True True", "")


def test_a_thread_that_ends_gives_back_what_it_kept(start: Start, fresh_postgres: str) -> None:
    code = """
import holdfast, threading
from django.db import connection
holdfast.open("first")
kept = []

def work(n):
    holdfast.open(f"k{n}").append(role="user", content="hello")
    kept.append(connection.connection is not None)

for n in range(20):
    thread = threading.Thread(target=work, args=(n,))
    thread.start()
    thread.join()
has = connection.pool.get_stats()
print(sum(kept), has["pool_size"] - has["pool_available"])
"""
    printed, complained = start(code, DATABASE_URL=fresh_postgres).communicate(timeout=PATIENCE)
    assert (printed.strip(), complained) == ("20 1", "")


def test_a_connection_that_the_server_ended_in_the_pool_is_not_used(
    start: Start, fresh_postgres: str
) -> None:
    code = f"""
import holdfast, psycopg
from django.db import connection
session = holdfast.open("k")
session.append(role="user", content="hello")
process = connection.connection.info.backend_pid
connection.close()
with psycopg.connect({fresh_postgres!r}) as other:
    assert other.execute("SELECT pg_terminate_backend(%s, 5000)", (process,)).fetchone() == (True,)
print(session.append(role="user", content="again").seq)
"""
    printed, complained = start(code, DATABASE_URL=fresh_postgres).communicate(timeout=PATIENCE)
    assert (printed.strip(), complained) == ("2", "")


@pytest.mark.long
def test_threads_of_a_script_keep_the_file_open(script: Script) -> None:
    code = """
import holdfast
from django.db import connection
holdfast.open("k").append(role="user", content="hello")
print(connection.connection is not None)
"""
    assert script(code) == "True"


@pytest.mark.long
def test_who_has_the_file_open_already_keeps_its_log(script: Script) -> None:
    """Another process that leaves the file last takes the log away, unless a lock says that one
    is here; to open and close the file by other means than SQLite's would end that lock."""
    code = """
import sqlite3, subprocess, sys, uuid
from pathlib import Path
import holdfast
path = Path(f"{uuid.uuid4().hex}.sqlite3").absolute()
here = sqlite3.connect(path)
here.execute("PRAGMA journal_mode = WAL")
here.execute("CREATE TABLE own (x)")
here.commit()
holdfast.open("k", database=path).append(role="user", content="hello")
look = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT * FROM own').fetchall()"
log = path.with_name(path.name + "-wal")
before = log.stat().st_ino
subprocess.run([sys.executable, "-W", "ignore", "-c", look, str(path)], check=True)
print(log.exists() and log.stat().st_ino == before)
here.close()
"""
    assert script(code) == "True"


@pytest.mark.parametrize("name", ["open", "connect", "Session", "errors", "__version__"])
def test_the_public_names_are_there_at_first_touch(script: Script, name: str) -> None:
    assert script(f"import holdfast; holdfast.{name}; print({name!r} in dir(holdfast))") == "True"


def test_talking_to_a_server_needs_no_django(script: Script) -> None:
    code = """
import sys, holdfast
holdfast.connect("http://127.0.0.1:1").aopen
print(*({"django", "pydantic", "openai", "anthropic", "redis"} & set(sys.modules)))
"""
    assert script(code) == ""


def test_a_name_that_is_not_ours_is_an_attribute_error() -> None:
    import holdfast

    with pytest.raises(AttributeError, match="no attribute 'close'"):
        holdfast.close  # noqa: B018
