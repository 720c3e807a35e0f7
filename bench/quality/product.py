"""What survives in the product itself: sessions filled message by message, folded by the pipeline
when they are due, and contexts asked for as a caller would.

The other modules measure one rule each; here all of them meet: budgets, blocks, fates and facts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, groupby
from statistics import mean, stdev
from typing import Any
from uuid import UUID

import orjson
from django.test import override_settings

from bench.ground import SQLITE, Place, ground
from bench.quality import locomo, recall, tool_values
from bench.quality.rows import Row, load
from memory_app import embedders, fates, gathering, minilm, policies
from memory_app.core import audit
from memory_app.core.passages import Passage, passage
from memory_app.embedding import Embedding
from memory_app.models import Fact, FateRun, Summary
from memory_app.pipeline import Pipeline
from sessions_app.core import instants, tokens
from sessions_app.core.forms import FORMS
from sessions_app.store.base import Snapshot

HONEST, CACHED = 90.0, 85.0
TARGETS = {60: 82.0, 40: 62.0}
WINDOW = 4_000
TURNS = 400
WINDOWS = (4_000, 16_000)
_names = (f"session {number}" for number in count())


def measure() -> Iterator[Row]:
    """Rows of every gate that compression decides. Raises NoData."""
    with ground() as here:
        place = here.place(SQLITE)
        yield from evidence(place)
        yield from values(place)
        yield from query_free(place)
        yield from honesty(place)
        yield from prefix(place)


# -- what a question needs, in contexts of the default policy -------------------------------------


def evidence(place: Place) -> Iterator[Row]:
    """Of the turns that a question about many sessions of a user needs, how many stand word for
    word in a context of the last session; with the vectors of MiniLM too, where it is installed.
    The ranker's weights are fitted to these conversations, so `recall` says how it does on others.
    """
    yield from _evidence(place, "", recall.PLAIN)
    if minilm.available():
        with override_settings(HOLDFAST_EMBEDDER=embedders.MINILM):
            yield from _evidence(place, ", MiniLM", recall.VECTORS)


def _evidence(place: Place, named: str, targets: Mapping[int, float | None]) -> Iterator[Row]:
    found: dict[int, list[float]] = {budget: [] for budget in targets}
    embedder = embedders.embedder()
    for talk in locomo.conversations(assistant=False):
        session = _spoken(place, talk)
        while embedder is not None and Embedding(place.store, embedder).work():
            pass
        for budget, shares in found.items():
            shown = (
                (question, _text(session.context(tokens=budget, query=question.text).messages))
                for question in talk.questions
            )
            held = [
                mean(talk.passages[seq - 1].text in text for seq in question.evidence)
                for question, text in shown
            ]
            shares.append(100 * mean(held))
    for budget, shares in found.items():
        error = stdev(shares) / len(shares) ** 0.5
        name = f"evidence in a context of {budget:,} tokens{named}"
        yield Row("recall", name, mean(shares), error, targets[budget])


def _spoken(place: Place, talk: locomo.Conversation) -> Any:
    """The last of the sessions of one user that a conversation comes to."""
    import holdfast

    user = next(_names)
    session = None
    for number, said in groupby(talk.passages, key=lambda one: talk.sessions[one.seq - 1]):
        key = f"{user}, {number}"
        session = holdfast.open(key, database=place.address, user=user)
        session.append([_body(one, talk.passages[0].author) for one in said])
    return session


def _body(said: Passage, first: str) -> dict[str, Any]:
    return {
        "role": "user" if said.author == first else "assistant",
        "content": said.text,
        "author": said.author,
        "created_at": instants.render(said.at),
    }


# -- values of tool results in contexts of the default policy --------------------------------------


def values(place: Place) -> Iterator[Row]:
    """Of what a writing call needs, how much stands in the context before it."""
    runs = load("tau_airline_dev.json")
    found: dict[int, list[tuple[int, int]]] = {budget: [] for budget in tool_values.TARGETS}
    for run in runs:
        for budget, tally in _survived(place, run["traj"]).items():
            found[budget].append(tally)
    for budget, target in tool_values.TARGETS.items():
        kept = [some for some in found[budget] if some[1]]
        share = 100 * sum(here for here, _ in kept) / sum(all_ for _, all_ in kept)
        error = 100 * stdev([here / all_ for here, all_ in kept]) / len(kept) ** 0.5
        yield Row("value survival", f"context of {budget:,} tokens", share, error, target)


def _survived(place: Place, trajectory: Sequence[dict[str, Any]]) -> dict[int, tuple[int, int]]:
    session = _session(place)
    tally = dict.fromkeys(tool_values.TARGETS, (0, 0))
    before = ""
    for body in trajectory:
        if body["role"] == "system":
            continue
        message = {name: value for name, value in body.items() if value is not None}
        parts = FORMS["openai"].parts(body["role"], message)
        for part in parts:
            if part["type"] == "tool_call" and tool_values.WRITES.fullmatch(part["name"]):
                needed = list(tool_values.leaves(json.loads(part["arguments"])))
                needed = [value for value in needed if tool_values.stands(value, before)]
                for budget, (here, all_) in tally.items():
                    shown = _text(session.context(tokens=budget).messages)
                    more = sum(tool_values.stands(value, shown) for value in needed)
                    tally[budget] = (here + more, all_ + len(needed))
        before += "\n" + _text([message])
        session.append(message)
    return tally


def _text(messages: Iterable[dict[str, Any]]) -> str:
    pieces: list[str] = []
    for message in messages:
        pieces.append(str(message.get("content") or ""))
        calls = message.get("tool_calls") or ()
        pieces += [f"{one['function']['name']} {one['function']['arguments']}" for one in calls]
    return "\n".join(pieces)


# -- evidence that a fold keeps without knowing the question ---------------------------------------


def query_free(place: Place) -> Iterator[Row]:
    """A whole conversation folded by a `selective` policy whose retained share is the target."""
    talks = locomo.conversations()
    for percent, target in TARGETS.items():
        figures = [_kept(place, talk, percent) for talk in talks]
        error = stdev(figures) / len(figures) ** 0.5
        name = f"evidence retained in {percent} % of the tokens"
        yield Row("query-free", name, mean(figures), error, target)


def _kept(place: Place, talk: locomo.Conversation, percent: int) -> float:
    whole = sum(passage.tokens for passage in talk.passages)
    rules = {
        "window": whole + 1_000, "reserve": 1_000, "strategy": "selective", "turns": 1,
        "retained": percent / 100,
    }  # fmt: skip
    policies.put(place.store, place.project, "selective", rules)
    session = _session(place, "selective")
    said = [{"role": one.role, "content": one.text} for one in talk.passages]
    for begin in range(0, len(said), 500):
        session.append(said[begin : begin + 500])
    session.compress()
    snapshot = place.store.get(place.project, UUID(session.id))
    shown = {"verbatim", "retained"}
    runs = fates.at(place.store, snapshot)[1]
    seqs = {seq for run in runs if run.fate in shown for seq in range(run.first, run.last + 1)}
    found = sum(times for seq, times in talk.evidence.items() if seq in seqs)
    return 100.0 * found / talk.evidence.total()


# -- honesty of fates -----------------------------------------------------------------------------


def honesty(place: Place) -> Iterator[Row]:
    """Of what is audited in messages called summarised or extracted, how much stands in the summary
    they name or in facts; of each message, and the worst of all."""
    policies.put(place.store, place.project, "small", {"window": WINDOW, "reserve": 500})
    worker = Pipeline(place.store)
    for name, talks in (("chats", _chats()), ("agent runs", _runs())):
        shares = [share for talk in talks for share in _honest(place, worker, talk)]
        yield Row("fate honesty", f"{name}, mean of messages", 100 * mean(shares), None, HONEST)
        yield Row("fate honesty", f"{name}, worst message", 100 * min(shares), None, HONEST)


def _chats() -> Iterator[list[dict[str, Any]]]:
    for talk in locomo.conversations()[:2]:
        yield [{"role": one.role, "content": one.text} for one in talk.passages]


def _runs() -> Iterator[list[dict[str, Any]]]:
    for run in load("tau_airline_dev.json")[:20]:
        yield [
            {name: value for name, value in body.items() if value is not None}
            for body in run["traj"]
            if body["role"] != "system"
        ]


def _honest(place: Place, worker: Pipeline, talk: Sequence[dict[str, Any]]) -> Iterator[float]:
    session = _session(place, "small")
    for message in talk:
        session.append(message)
        while worker.work():
            pass
    snapshot = place.store.get(place.project, UUID(session.id))
    rows = FateRun.objects.using(place.alias).at(snapshot.number, snapshot.version)
    for run in rows.filter(fate__in=(FateRun.SUMMARISED, FateRun.EXTRACTED)):
        carriers = _carriers(place, snapshot, run)
        for seq in range(run.first, run.last + 1):
            share = _share(place, snapshot, seq, carriers)
            if share is not None:
                yield share


def _carriers(place: Place, snapshot: Snapshot, run: FateRun) -> list[str]:
    """The summary that a run names, and the facts of its messages."""
    summary = Summary.objects.using(place.alias).get(
        session_id=snapshot.number, version=run.decided
    )
    facts = Fact.everything.using(place.alias).filter(
        session_id=snapshot.number, seq__range=(run.first, run.last)
    )
    points = gathering.read_points(summary.points)
    return [*(point.text for point in points), *facts.values_list("text", flat=True)]


def _share(place: Place, snapshot: Snapshot, seq: int, carriers: Sequence[str]) -> float | None:
    (stored,) = place.store.picked(snapshot.number, (seq,))
    said = stored.message()
    items = audit.items(passage(stored.seq, said.role, said.form, said.body))
    return mean(audit.carried(items, carriers)) if items else None


# -- what a prompt cache finds ---------------------------------------------------------------------


def prefix(place: Place) -> Iterator[Row]:
    """A context for each of 400 turns: the share of its tokens in messages that the one before
    began with as well, and breaks of that beginning for each compression."""
    said = [one.text for talk in locomo.conversations() for one in talk.passages]
    worker = Pipeline(place.store)
    for window in WINDOWS:
        rules = {"window": window, "reserve": window // 8}
        name = f"window-{window}"
        policies.put(place.store, place.project, name, rules)
        share, breaks, folds = _replayed(_session(place, name), worker, said)
        lastn, _, _ = _replayed(_session(place, "last_turns"), worker, said)
        told = f"window of {window:,}: {folds} compressions, {breaks} breaks"
        yield Row("prompt cache", told, share, None, CACHED, (("last 12 turns", lastn),))


def _replayed(session: Any, worker: Pipeline, said: Sequence[str]) -> tuple[float, int, int]:
    before: list[bytes] = []
    all_ = same = breaks = 0
    for turn in range(TURNS):
        session.append(role="user", content=said[2 * turn])
        while worker.work():
            pass
        shown = session.context().messages
        now = [orjson.dumps(message) for message in shown]
        sizes = [tokens.FRAMING + _count(str(message["content"])) for message in shown]
        kept = _shared(before, now)
        breaks += bool(before) and kept < len(before)
        all_, same, before = all_ + sum(sizes), same + sum(sizes[:kept]), now
        session.append(role="assistant", content=said[2 * turn + 1])
    return 100 * same / all_, breaks, session.refresh().as_json()["compressions"]


def _shared(before: Sequence[bytes], now: Sequence[bytes]) -> int:
    pairs = zip(before, now, strict=False)
    return next(
        (at for at, (old, new) in enumerate(pairs) if old != new), min(len(before), len(now))
    )


def _count(text: str) -> int:
    return tokens.count_text(text, locomo.ENCODER)


def _session(place: Place, policy: str | None = None) -> Any:
    import holdfast

    return holdfast.open(next(_names), database=place.address, policy=policy)
