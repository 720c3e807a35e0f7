"""The session page of a compressed session: where each message stands, and why."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from memory_app import fates
from memory_app.fates import Run
from memory_app.models import Compression, FateRun
from monitoring import fate, whereabouts
from monitoring.amounts import span_of
from monitoring.fate import Decision, Fold
from monitoring.strip import strip
from sessions_app.models import Project, Session
from sessions_app.store.base import Snapshot
from sessions_app.store.durable import DurableStore
from tests.pages.folded import begun, compress, folded, told
from tests.pages.markup import Markup
from tests.pages.samples import session, statements, talk

pytestmark = pytest.mark.usefixtures("local")

FATED = re.compile(r"\bis-(\w+)")


def page(client: Client, made: Snapshot, rest: str = "") -> Markup:
    response = client.get(f"/sessions/{made.id}/{rest}")
    assert response.status_code == 200
    return Markup(response)


def shown_fates(shown: Markup) -> dict[int, str]:
    """The fate of each row of the log by the seq of its message."""
    rows = [attrs for tag, attrs in shown.tags if tag == "article"]
    return {
        int(row["data-seq"] or 0): found[1]
        for row in rows
        if (found := FATED.search(row["class"] or ""))
    }


def stored_fates(store: DurableStore, made: Snapshot) -> dict[int, str]:
    _, runs = fates.at(store, made)
    return {seq: run.fate for run in runs for seq in range(run.first, run.last + 1)}


def test_every_message_shows_the_fate_it_has(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = folded(project)
    shown, stored = shown_fates(page(client, made)), stored_fates(store, made)
    assert shown == {seq: stored[seq] for seq in shown}
    assert {"verbatim", "discarded"} < set(shown.values())


def test_the_key_counts_every_message_once(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = folded(project, times=2)
    store.retract(project.pk, made.id, (3, 4), "wrong")
    text = page(client, store.get(project.pk, made.id)).text
    legend = text[text.index("Fates of") : text.index("Find in this session")]
    counted = {name: int(n) for name, n in re.findall(r"(\w+ed|verbatim) ([\d,]+)", legend)}
    stored = list(stored_fates(store, store.get(project.pk, made.id)).values())
    assert counted == {name: stored.count(name) for name in set(stored)} | {
        name: number for name, number in counted.items() if name == "pinned"
    }
    assert sum(counted.values()) == made.messages


def test_a_message_links_to_the_compression_that_decided_it(
    client: Client, project: Project
) -> None:
    made = folded(project)
    row = Compression.everything.get()
    shown = page(client, made)
    links = [link for link in shown.links if link.startswith(f"/compressions/{row.id}/?around=")]
    decided = [item[0] for item in json.loads(row.decisions)]
    assert {int(link.rpartition("=")[2]) for link in links} == set(decided)


def test_what_was_decided_is_told_with_rule_score_and_reason(
    client: Client, project: Project
) -> None:
    text = page(client, folded(project)).text
    for seq, name, _, rule, score, reason in json.loads(Compression.everything.get().decisions):
        if name == "retained" and rule not in ("pinned", "turn_start"):
            assert f"retained · {fate.plain(rule)}, score {score:.2f}" in text, seq
        if name in ("discarded", "extracted"):
            assert reason in text


def test_a_session_that_was_never_compressed_says_nothing_of_fates(
    client: Client, project: Project
) -> None:
    shown = page(client, session(project, talk(3)))
    assert shown_fates(shown) == {}
    assert "compressions" not in shown.text.replace("Go to compressions", "")  # a key's help


def test_a_pinned_message_of_the_folded_part_is_kept_by_its_pin(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = folded(project)
    gone = next(seq for seq, name in stored_fates(store, made).items() if name == "discarded")
    store.pin(project.pk, made.id, gone)
    shown = page(client, made)
    assert shown_fates(shown)[gone] == "retained"
    assert "retained · pinned" in shown.text


def test_the_line_of_a_compression_says_what_it_did(client: Client, project: Project) -> None:
    made = folded(project)
    row = Compression.everything.get()
    lost = len(json.loads(row.audit)["lost"])
    shown = page(client, made)
    assert (
        f"Compression 1 · by hand · folded {span_of(1, row.last)} · "
        f"{row.tokens_before:,} → {row.tokens_after:,} tokens · {fate.lost(lost)}" in shown.text
    )
    assert f"/compressions/{row.id}/" in shown.links


def test_the_header_counts_compressions_and_facts(client: Client, project: Project) -> None:
    made = folded(project, times=2)
    text = page(client, made).text
    assert "compressions 2" in text
    assert f"facts {made.facts}" in text


def test_the_twin_tells_fates_with_their_decisions(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = folded(project)
    told_ = client.get(f"/sessions/{made.id}.json").json()["fates"]
    assert {one["seq"]: one["fate"] for one in told_} == stored_fates(store, made)
    assert {one["compression"] for one in told_ if one["fate"] == "discarded"} == {
        str(Compression.everything.get().id)
    }


def test_ten_and_a_hundred_rows_take_as_many_statements(client: Client, project: Project) -> None:
    few, many = folded(project, turns=8), folded(project, turns=12, times=5)
    counts = []
    for made in (few, many):
        page(client, made, "?around=5")
        with statements() as ran:
            shown = page(client, made, "?around=5")
        counts.append(len(ran))
    assert len(shown_fates(shown)) > 80
    assert counts[0] == counts[1]


def test_only_the_compressions_of_the_window_are_read(client: Client, project: Project) -> None:
    """What an old window shows was decided by the first compressions; the others stay unread."""
    made = folded(project, turns=30, times=4)
    last = Compression.everything.order_by("-number").first()
    assert last is not None
    last.decisions = "not to be read"
    last.save(update_fields=["decisions"])
    FateRun.objects.filter(
        session_id=made.number, decided=last.version or 0, last__lte=100
    ).delete()
    assert page(client, made, "?after=0").count("article") > 80


def test_the_bar_of_thousands_of_runs_is_small(client: Client, project: Project) -> None:
    made = folded(project, turns=8)
    FateRun.objects.all().delete()
    FateRun.objects.bulk_create(
        FateRun(
            session_id=made.number,
            first=first,
            last=first + 2,
            fate=1 + first // 3 % 4,
            tokens=30,
            ordinal=1,
            decided=made.fold_version,
            since=made.fold_version,
        )
        for first in range(1, 9_001, 3)
    )
    Session.objects.of(project.pk).filter(number=made.number).update(messages=10_000)
    now = made._replace(messages=10_000)
    runs = whereabouts.runs(now, replace(whereabouts.state(now), folded=9_000, retained=()))
    assert len(runs) == 3_001
    found = strip(runs)
    assert sum(found.counts.values()) == 10_000
    assert sum(len(path) for _, path in found.shapes) < 30_000


def test_news_tell_that_rows_of_an_open_page_were_folded(
    client: Client, project: Project, store: DurableStore
) -> None:
    made = begun(project, told(12))
    known: dict[str, Any] = {
        "version": made.version,
        "status": "active",
        "messages": made.messages,
        "first": 1,
        "last": made.messages,
        "until": made.version,
    }
    compress(project, made)
    now = store.get(project.pk, made.id)
    shown = Markup(client.get(f"/sessions/{made.id}/news/", known))
    stored = stored_fates(store, now)
    assert "discarded" in stored.values()
    found = shown_fates(shown)
    assert found == {seq: stored[seq] for seq in found}
    assert set(found) >= {1, 2, 3}
    assert "Compression 1 · by hand" in shown.text
    assert "after" not in [name for tag, attrs in shown.tags if tag == "svg" for name in attrs]


def test_a_decision_that_no_longer_stands_is_not_told() -> None:
    """The row of a run names a rule of its own where a pin lies over what was decided."""
    fold = Fold("c", 2, 0, {1: Decision(1, "discarded", "discard", "thanks", 0.1, "only thanks")})
    found = fate.of_runs([Run(1, 1, "retained", 9, "pinned")], {9: fold})[1]
    assert (found.text, found.reason, found.score) == ("retained · pinned", "", None)


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (("retained", "keep", "preference", 0.936, "x"), "retained · preference, score 0.94"),
        (("summarised", "summarise", "none", 0.5, "x"), "in summary 2"),
        (("extracted", "keep", "commitment", 0.5, "x"), "in facts · commitment"),
        (("extracted", "summarise", "none", 0.5, "x"), "in facts"),
        (("discarded", "discard", "nothing_to_keep", 0.5, "x"), "discarded · nothing to keep"),
    ],
)
def test_a_fate_in_words(decision: tuple[str, str, str, float, str], words: str) -> None:
    fold = Fold("c", 2, 0, {1: Decision(1, *decision)})
    rule = decision[2] if decision[0] == "retained" else ""
    assert fate.of_runs([Run(1, 1, decision[0], 9, rule)], {9: fold})[1].text == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(None, "not audited"), (0, "nothing lost"), (1, "1 item lost"), (1_200, "1,200 items lost")],
)
def test_what_was_lost_in_words(number: int | None, words: str) -> None:
    assert fate.lost(number) == words
