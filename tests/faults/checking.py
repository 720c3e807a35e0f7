"""The rules that tie a history together. Pure: a history in, every broken promise out, in words.

Each rule is one function of a `Case`, which is a history with what the rules look up in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from tests.faults.history import (
    GAVE_UP,
    OK,
    REFUSED,
    WRITES,
    Attempt,
    Fault,
    Happened,
    History,
    Log,
    Said,
)

GOOD = range(200, 300)
EXPECTED = (404, 409, 422)
"""What a caller may be told while nothing is wrong with the servers."""
EXCUSED = (0, 429, 503, 507)
"""And while something is; 0 is no answer. A 500 has no excuse."""
LOG_READS = ("last", "log", "follow")
STATE_READS = ("session", "context")
NO_LOG = Log(0, ())


@dataclass(frozen=True)
class Case:
    """A history, and what the rules look up in it."""

    history: History

    @cached_property
    def writes(self) -> Mapping[str, list[Attempt]]:
        """The attempts of each write, in the order in which they were made."""
        found: dict[str, list[Attempt]] = {}
        for attempt in sorted(self.history.attempts, key=lambda each: each.invoked):
            if attempt.kind in WRITES:
                found.setdefault(attempt.op, []).append(attempt)
        return found

    @cached_property
    def done(self) -> Mapping[str, Attempt]:
        """The first good answer to each write that got one."""
        answered = {
            op: [each for each in attempts if each.outcome == OK]
            for op, attempts in self.writes.items()
        }
        return {op: attempts[0] for op, attempts in answered.items() if attempts}

    @cached_property
    def places(self) -> Mapping[str, list[tuple[str, Said]]]:
        """Where each text stands."""
        found: dict[str, list[tuple[str, Said]]] = {}
        for session, log in self.history.logs.items():
            for said in log.messages:
                found.setdefault(said.text, []).append((session, said))
        return found

    @cached_property
    def happenings(self) -> Mapping[str, list[tuple[str, Happened]]]:
        """Where the events stand that an op asked for."""
        found: dict[str, list[tuple[str, Happened]]] = {}
        for session, log in self.history.logs.items():
            for event in log.events:
                if op := event.data.get("op"):
                    found.setdefault(op, []).append((session, event))
        return found

    @cached_property
    def acknowledged(self) -> Mapping[str, tuple[list[float], list[int]]]:
        """By session the times at which writes had been answered, and the highest version told
        until each of them."""
        told: dict[str, list[tuple[float, int]]] = {}
        for attempt in self.history.attempts:
            if attempt.kind in WRITES and attempt.outcome == OK:
                told.setdefault(attempt.session, []).append((attempt.completed, told_of(attempt)))
        return {session: _so_far(sorted(rows)) for session, rows in told.items()}

    def floor(self, attempt: Attempt) -> int:
        """The version up to which everything was acknowledged before this call was made; before
        the age at which its caller still takes an answer, where that is `max_stale` seconds."""
        times, versions = self.acknowledged.get(attempt.session, ((), ()))
        before = bisect_right(times, attempt.invoked - attempt.asked.get("max_stale", 0))
        return versions[before - 1] if before else 0

    def log(self, session: str) -> Log:
        return self.history.logs.get(session, NO_LOG)


def _so_far(rows: Sequence[tuple[float, int]]) -> tuple[list[float], list[int]]:
    return [when for when, _ in rows], list(accumulate((told for _, told in rows), max))


Rule = Callable[[Case], Iterable[str]]


def violations(history: History) -> list[str]:
    """Every broken promise, with the name of its rule."""
    case = Case(history)
    return [f"{name}: {text}" for name, rule in RULES.items() for text in rule(case)]


# -- what was written --------------------------------------------------------------------------


def acknowledged_messages_stand_where_they_were_told(case: Case) -> Iterator[str]:
    """An append that was answered is in the log exactly once, at its place, with its content."""
    for op, attempt in case.done.items():
        if attempt.kind != "append":
            continue
        for text, place in zip(attempt.asked["texts"], attempt.answer["rows"], strict=True):
            wanted = [(attempt.session, Said(place[0], place[1], text))]
            found = case.places.get(text, [])
            if found != wanted:
                yield f"{op}: {text} was acknowledged at {place}, is at {found}"


def acknowledged_events_stand_where_they_were_told(case: Case) -> Iterator[str]:
    """Any other change that was answered is one event at its version; where it changed nothing, it
    was so already."""
    for op, attempt in case.done.items():
        if attempt.kind not in ("edit", "retract", "pin", "lease"):
            continue
        found = case.happenings.get(op, [])
        told = attempt.answer["version"]
        places = [(session, event.version) for session, event in found]
        if found and places != [(attempt.session, told)]:
            yield f"{op}: {attempt.kind} was acknowledged at {told}, is at {places}"
        if not found and not _was_so(case.log(attempt.session), attempt):
            yield f"{op}: {attempt.kind} was acknowledged at {told} and is nowhere"


def _was_so(log: Log, attempt: Attempt) -> bool:
    """Whether a retraction or pin had nothing to do."""
    before = [event for event in log.events if event.version <= attempt.answer["version"]]
    if attempt.kind == "retract":
        spans = [event.data for event in before if event.kind == "retracted"]
        wanted = range(attempt.asked["from"], attempt.asked["to"] + 1)
        return all(any(span["from"] <= seq <= span["to"] for span in spans) for seq in wanted)
    pins = [event for event in before if event.data.get("seq") == attempt.asked.get("seq")]
    return attempt.kind == "pin" and any(event.kind == "pinned" for event in pins)


def what_was_acknowledged_is_durable(case: Case) -> Iterator[str]:
    for op, attempt in case.done.items():
        if attempt.answer.get("durable") is not True:
            yield f"{op}: acknowledged but not durable"


def nothing_is_stored_twice(case: Case) -> Iterator[str]:
    """What was sent is there once at most, whether its sender was ever answered or not."""
    facts = Counter(row.op for row in case.history.derived if row.op)
    counted = {text: len(found) for text, found in case.places.items()}
    counted |= {op: len(found) for op, found in case.happenings.items()} | facts
    for name, count in counted.items():
        if count > 1:
            yield f"{name}: stored {count} times"


def nothing_is_stored_that_nobody_sent(case: Case) -> Iterator[str]:
    sent = {
        (each.session, text)
        for each in case.history.attempts
        if each.kind == "append"
        for text in each.asked["texts"]
    }
    for session, log in case.history.logs.items():
        for said in log.messages:
            if (session, said.text) not in sent:
                yield f"{session} {said}: nobody sent this"


def what_was_refused_is_not_stored(case: Case) -> Iterator[str]:
    """A write whose every attempt was answered "not applied" left nothing behind."""
    facts = {row.op for row in case.history.derived}
    for op, attempts in case.writes.items():
        if any(each.outcome != REFUSED for each in attempts):
            continue
        texts = attempts[0].asked.get("texts", ())
        if op in case.happenings or op in facts or any(text in case.places for text in texts):
            yield f"{op}: refused with {attempts[-1].status} {attempts[-1].code}, and stored"


def numbers_have_no_gap(case: Case) -> Iterator[str]:
    """seq 1..m, and messages and events together 1..n in step with each other."""
    for session, log in case.history.logs.items():
        seqs = [said.seq for said in log.messages]
        if seqs != list(range(1, len(seqs) + 1)):
            yield f"{session}: seq has {_first_odd(seqs)}"
        versions = sorted(
            [said.version for said in log.messages] + [each.version for each in log.events]
        )
        if versions != list(range(1, log.version + 1)):
            yield f"{session}: the versions to {log.version} have {_first_odd(versions)}"
        if any(one.version >= other.version for one, other in pairwise(log.messages)):
            yield f"{session}: later messages have earlier versions"


def _first_odd(numbers: Sequence[int]) -> str:
    for wanted, number in enumerate(numbers, 1):
        if number != wanted:
            return f"{number} where {wanted} belongs"
    return f"{len(numbers)} of them"


def one_writer_wins_a_version(case: Case) -> Iterator[str]:
    """Of those who expected a session at one version at most one was let in, and right behind."""
    winners: dict[tuple[str, int], list[str]] = {}
    for op, attempt in case.done.items():
        if attempt.expected is None or not _changed_something(case, attempt):
            continue
        winners.setdefault((attempt.session, attempt.expected), []).append(op)
        if _first_version(attempt) != attempt.expected + 1:
            yield f"{op}: expected {attempt.expected}, was let in at {_first_version(attempt)}"
    for (session, expected), ops in winners.items():
        if len(ops) > 1:
            yield f"{session}: {', '.join(ops)} were all let in at version {expected}"


def _changed_something(case: Case, attempt: Attempt) -> bool:
    return attempt.kind == "append" or attempt.op in case.happenings


def _first_version(attempt: Attempt) -> int:
    rows = attempt.answer.get("rows")
    return int(rows[0][1] if rows else attempt.answer["version"])


def one_key_gets_one_answer(case: Case) -> Iterator[str]:
    """Whatever is sent again under its key gets the same status and bytes."""
    for op, attempts in case.writes.items():
        answers = {(each.status, each.body) for each in attempts if each.outcome == OK}
        if attempts[0].keyed and len(answers) > 1:
            yield f"{op}: {len(answers)} answers under one key: {sorted(answers)}"


def one_name_is_one_session(case: Case) -> Iterator[str]:
    """Who opens a session under a name gets the one there is; one of them made it."""
    told: dict[str, set[str]] = {}
    made: dict[str, set[str]] = {}
    for op, attempt in case.done.items():
        if attempt.kind == "open":
            told.setdefault(attempt.asked["key"], set()).add(attempt.answer["id"])
            made.setdefault(attempt.asked["key"], set()).update([op] * (attempt.status == 201))
    for key, found in told.items():
        if sorted(found) != sorted(case.history.opened.get(key, ())):
            yield f"{key}: {sorted(found)} were told, {case.history.opened.get(key)} are there"
        if len(made[key]) > 1:
            yield f"{key}: {', '.join(sorted(made[key]))} all made it"


def only_the_holder_writes(case: Case) -> Iterator[str]:
    """A lease's token is its number; what is written by it stands behind its grant, and before its
    release and the next grant."""
    for session, log in case.history.logs.items():
        writes = {version: (token, op) for version, token, op in _tokens(case, session, log)}
        grants, held = 0, False
        events = {event.version: event for event in log.events if "action" in event.data}
        for version in sorted({*writes, *events}):
            if version in events:
                held = events[version].data["action"] != "released"
                grants += held
                yield from _other_token(case, events[version], grants)
            elif writes[version][0] != grants or not held:
                token, op = writes[version]
                yield f"{session}: {op} wrote version {version} by token {token}; of {grants}"


def _other_token(case: Case, event: Happened, grants: int) -> Iterator[str]:
    told = case.done.get(event.data.get("op", ""))
    if told is not None and told.answer["token"] != grants:
        yield f"{told.op}: was told token {told.answer['token']} of the lease number {grants}"


def _tokens(case: Case, session: str, log: Log) -> Iterator[tuple[int, int, str]]:
    versions = {said.text: said.version for said in log.messages}
    versions |= {event.data["op"]: event.version for event in log.events if "op" in event.data}
    for op, attempts in case.writes.items():
        first = attempts[0]
        name = first.asked.get("texts", [op])[0]
        if first.session == session and "token" in first.asked and name in versions:
            yield versions[name], first.asked["token"], op


# -- what was read -----------------------------------------------------------------------------


def reads_tell_what_the_log_has(case: Case) -> Iterator[str]:
    """Every message that was read is the log's, and those of one read follow on one another."""
    for read in _good(case, *LOG_READS, "past"):
        log, rows = case.log(read.session), [Said(*row) for row in read.answer["rows"]]
        first = rows[0].seq if rows else 1
        if rows != list(log.messages[first - 1 : first - 1 + len(rows)]):
            yield f"{_name(read)}: told what the log has not: {_difference(log, rows)}"


def pages_begin_where_they_were_asked_to(case: Case) -> Iterator[str]:
    """Who follows a log misses nothing: a page begins right behind what was read before."""
    for read in _good(case, "log", "follow", "past"):
        rows, after = read.answer["rows"], read.asked.get("after", 0)
        if rows and rows[0][0] != after + 1:
            yield f"{_name(read)}: asked for what comes after {after}, begins at {rows[0][0]}"


def reads_have_all_that_was_acknowledged(case: Case) -> Iterator[str]:
    """Nothing is missing that was answered before the read began."""
    for read in _good(case, *LOG_READS, *STATE_READS):
        if behind := _behind(case, read, case.floor(read)):
            yield f"{_name(read)}: {behind} was acknowledged before"


def readers_never_go_back(case: Case) -> Iterator[str]:
    """Who has seen a session at one version never again sees it before, unless it asked for what
    may be old."""
    seen: dict[tuple[str, str], int] = {}
    reads = [each for each in _good(case, *LOG_READS, *STATE_READS) if not _may_be_old(each)]
    for read in sorted(reads, key=lambda each: each.completed):
        place = (read.who, read.session)
        if behind := _behind(case, read, seen.get(place, 0)):
            yield f"{_name(read)}: {behind} was seen by {read.who} before"
        seen[place] = max(seen.get(place, 0), told_of(read))


def _may_be_old(read: Attempt) -> bool:
    return bool(read.asked.get("max_stale"))


def refusals_know_where_the_session_stands(case: Case) -> Iterator[str]:
    """No call is refused for what is not so any more: a version that was reached, a session that
    is there, a version that the session has left behind."""
    for attempt in case.history.attempts:
        floor, code = case.floor(attempt), attempt.code
        if attempt.status == 404 and attempt.session in case.history.logs:
            yield f"{_name(attempt)}: is told that the session is not there"
        if code == "version_not_found" and attempt.asked["at"] <= floor:
            yield f"{_name(attempt)}: version {attempt.asked['at']} was acknowledged before"
        if code == "stale_version" and attempt.answer["version"] < floor:
            told = attempt.answer["version"]
            yield f"{_name(attempt)}: refused at version {told}; {floor} was acknowledged before"


def the_past_is_what_it_was(case: Case) -> Iterator[str]:
    """The log at a version has the messages up to there, no more and no fewer."""
    for read in _good(case, "past"):
        count = messages_at(case.log(read.session), read.asked["at"])
        after = read.asked.get("after", 0)
        if len(read.answer["rows"]) != min(max(count - after, 0), read.asked["limit"]):
            yield f"{_name(read)}: {len(read.answer['rows'])} messages of {count}"


def contexts_of_a_version_are_the_same(case: Case) -> Iterator[str]:
    """Time travel: a context of a version is what it was, whatever happened since."""
    found: dict[tuple[str, int, int], dict[str, str]] = {}
    for read in _good(case, "context"):
        place = (read.session, read.answer["version"], read.asked["tokens"])
        found.setdefault(place, {}).setdefault(read.answer["digest"], _name(read))
    for (session, version, tokens), digests in found.items():
        if len(digests) > 1:
            told = ", ".join(digests.values())
            yield f"{session} at {version} in {tokens} tokens: {len(digests)} contexts: {told}"


def a_version_is_one_state(case: Case) -> Iterator[str]:
    """All who were told a session at a version were told the same head and counters, the log's."""
    told: dict[tuple[str, int], tuple[str, int]] = {}
    for read in _good(case, "session"):
        version, state = read.answer["version"], (read.answer["head"], read.answer["messages"])
        if told.setdefault((read.session, version), state) != state:
            yield f"{_name(read)}: another state at version {version} than somebody else was told"
        if state[1] != messages_at(case.log(read.session), version):
            yield f"{_name(read)}: {state[1]} messages at version {version}; the log has others"


def _good(case: Case, *kinds: str) -> Iterator[Attempt]:
    return (each for each in case.history.attempts if each.outcome == OK and each.kind in kinds)


def _behind(case: Case, read: Attempt, floor: int) -> str:
    """What a read lacks that tells how a session stands, if it should know it at `floor`."""
    if read.kind in STATE_READS:
        late = "at" not in read.asked and read.answer["version"] < floor
        return f"it is at version {read.answer['version']}; {floor}" if late else ""
    wanted = messages_at(case.log(read.session), floor)
    rows = read.answer["rows"]
    last = rows[-1][0] if rows else read.asked.get("after", 0)
    if last < wanted and not read.answer.get("more"):
        return f"it ends with message {last}; {wanted}"
    return ""


def told_of(attempt: Attempt) -> int:
    """The version that an answer is proof of; 0 for none."""
    if "at" in attempt.asked:
        return 0
    rows = attempt.answer.get("rows")
    return int(rows[-1][1] if rows else attempt.answer.get("version", 0))


def messages_at(log: Log, version: int) -> int:
    """How many messages a log had at a version."""
    return bisect_right(log.messages, version, key=lambda said: said.version)


def _difference(log: Log, rows: Sequence[Said]) -> str:
    for row in rows:
        stored = log.messages[row.seq - 1] if 0 < row.seq <= len(log.messages) else None
        if stored != row:
            return f"{row}, where the log has {stored}"
    return "the same messages in another order"


def _name(attempt: Attempt) -> str:
    who = f"{attempt.who} {attempt.op} {attempt.kind} of {attempt.session} by server {attempt.node}"
    return f"{who} at {attempt.invoked:.3f}"


# -- what was made of it, and how it went ------------------------------------------------------


def derived_rows_name_what_is_there(case: Case) -> Iterator[str]:
    """A source is a message of a log and holds its quote; a summary came with an event."""
    for row in case.history.derived:
        for source in row.sources:
            log = case.log(source.session)
            text = log.messages[source.seq - 1].text if 0 < source.seq <= len(log.messages) else ""
            if not text or (source.quote and source.quote != text):
                yield f"{row.kind} {row.id}: its source {source} is {text or 'not there'}"
        kinds = [event.kind for event in case.log(row.session).events if event[0] == row.version]
        if row.version and kinds != ["compressed"]:
            yield f"{row.kind} {row.id}: version {row.version} is no compression"


def acknowledged_facts_are_there(case: Case) -> Iterator[str]:
    stored = {row.op: row.id for row in case.history.derived if row.op}
    for op, attempt in case.done.items():
        if attempt.kind == "fact" and stored.get(op) != attempt.answer["id"]:
            yield f"{op}: acknowledged as {attempt.answer['id']}, is {stored.get(op)}"


def only_a_fault_is_an_excuse(case: Case) -> Iterator[str]:
    """Nobody gets an error, or no answer, from servers to which nothing was done."""
    harms = [fault for fault in case.history.faults if fault.harms]
    for each in case.history.attempts:
        fine = _is_fine(each) or each.code == GAVE_UP
        if not fine and not any(_overlap(each, fault) for fault in harms):
            yield f"{_name(each)}: {each.status or 'no answer'} {each.code} without a fault"


def a_fault_is_told_as_one(case: Case) -> Iterator[str]:
    """Whatever is done to the servers, an error says that it may be tried again, and why."""
    for each in case.history.attempts:
        if not _is_fine(each) and each.status not in EXCUSED:
            yield f"{_name(each)}: {each.status} {each.code}"


def _is_fine(attempt: Attempt) -> bool:
    return attempt.status in GOOD or attempt.status in EXPECTED


def _overlap(attempt: Attempt, fault: Fault) -> bool:
    return attempt.invoked <= fault.ended and attempt.completed >= fault.began


def verify_finds_nothing(case: Case) -> Iterable[str]:
    return case.history.problems


RULES: Mapping[str, Rule] = {
    rule.__name__: rule
    for rule in (
        acknowledged_messages_stand_where_they_were_told,
        acknowledged_events_stand_where_they_were_told,
        what_was_acknowledged_is_durable,
        nothing_is_stored_twice,
        nothing_is_stored_that_nobody_sent,
        what_was_refused_is_not_stored,
        numbers_have_no_gap,
        one_writer_wins_a_version,
        one_key_gets_one_answer,
        one_name_is_one_session,
        only_the_holder_writes,
        reads_tell_what_the_log_has,
        pages_begin_where_they_were_asked_to,
        reads_have_all_that_was_acknowledged,
        readers_never_go_back,
        refusals_know_where_the_session_stands,
        the_past_is_what_it_was,
        contexts_of_a_version_are_the_same,
        a_version_is_one_state,
        derived_rows_name_what_is_there,
        acknowledged_facts_are_there,
        only_a_fault_is_an_excuse,
        a_fault_is_told_as_one,
        verify_finds_nothing,
    )
}
