"""Earlier turns are ranked by a question, in any language, and what was never said is not found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.quality import confusable, recall
from bench.quality.rows import NoData
from memory_app.core import rank_weights
from memory_app.core.index import Index, Near, Turn
from memory_app.core.rank import rank, traits

DAY = 86_400_000_000
MAY_8 = 1_683_504_000_000_000
"""2023-05-08."""


def turn(text: str, *, seq: int = 1, author: str = "", role: str = "user", day: int = 0) -> Turn:
    return Turn(day, seq, author, role, text, MAY_8 + day * DAY)


def history(*texts: str) -> list[Turn]:
    return [turn(text, seq=seq) for seq, text in enumerate(texts, 1)]


def best(turns: Sequence[Turn], question: str, *, now: int = MAY_8 + 400 * DAY) -> str | None:
    found = rank(Index(turns), question, now=now).best(1)
    return found[0].turn.text if found else None


PRODUCT = history(
    "The budget deadline is 12 May.",
    "The project deadline is 3 June.",
    "Priya leads the checkout team.",
    "We decided to use PostgreSQL for billing.",
    "The backups are kept in Frankfurt.",
)


def test_of_near_equal_turns_the_one_asked_for_comes_first() -> None:
    assert best(PRODUCT, "When is the budget deadline?") == PRODUCT[0].text
    assert best(PRODUCT, "When is the project deadline?") == PRODUCT[1].text


def test_what_was_never_said_brings_nothing_back() -> None:
    assert best(PRODUCT, "What is the name of my hamster?") is None
    assert best(PRODUCT, "Who leads the Cassiopeia squad?") is None


def test_an_empty_index_brings_nothing_back() -> None:
    found = rank(Index(), "What was the deadline?", now=MAY_8)
    assert found.best(3) == []
    assert found.support == 0.0


@pytest.mark.parametrize("question", ["", "?", "the of and", "\u00a7\u00a7"])
def test_a_question_without_words_is_no_error(question: str) -> None:
    assert len(rank(Index(PRODUCT), question, now=MAY_8).scores) == len(PRODUCT)


@pytest.mark.parametrize(
    ("turns", "question", "place"),
    [
        (("会议室在五楼", "打印机放在三楼走廊", "午餐十二点"), "打印机在哪里", 1),
        (("会議室は五階です", "倉庫の鍵は総務にあります", "昼食は十二時です"), "倉庫の鍵は?", 1),
        (("회의실은 5층입니다", "보고서 마감일은 금요일입니다"), "보고서 마감일", 1),
        (("Das Lager ist in Ulm.", "Das Büro ist in Köln."), "Wo ist das Buro?", 1),
        (("Договор истекает в марте.", "Счёт оплачен."), "Когда истекает договор?", 0),
    ],
)
def test_a_turn_is_found_in_its_own_language(
    turns: tuple[str, ...], question: str, place: int
) -> None:
    assert best(history(*turns), question) == turns[place]


def test_two_characters_of_chinese_are_a_question() -> None:
    turns = history("明天去北京开会", "午餐吃面条", "打印机坏了")
    assert best(turns, "面条") == "午餐吃面条"


def test_a_verb_is_found_in_another_tense() -> None:
    turns = history("I went to the dentist.", "I like apples.", "It rained.")
    assert best(turns, "When did I go to the dentist?") == turns[0].text


def test_who_is_asked_about_is_preferred() -> None:
    turns = [
        turn("I adopted a cat.", author="Ann"),
        turn("I adopted a dog.", seq=2, author="Bob", role="assistant"),
    ]
    assert best(turns, "What did Bob adopt?") == "I adopted a dog."
    assert best(turns, "What did Ann adopt?") == "I adopted a cat."


def test_a_speaker_is_known_by_a_label_that_comes_again() -> None:
    said = [("Ann", "I adopted a cat."), ("Bob", "I adopted a dog.")] * 3
    turns = history(*[f"{name}: {text}" for name, text in said])
    index = Index(turns)
    assert {name for names in index.names for name in names} == {"ann", "bob"}
    assert index.before.tolist()[1:] == index.answered.tolist()[1:]
    assert "adopted a dog" in (best(turns, "What did Bob adopt?") or "")


def test_a_label_that_comes_once_is_no_speaker() -> None:
    index = Index(history("Note: the door is open.", "Note: the key is lost.", "It rains."))
    assert index.speakers == frozenset()
    assert index.answered.tolist() == [3, 3, 3]


def test_who_is_called_by_name_is_who_is_spoken_to() -> None:
    turns = [
        turn("I adopted a cat.", seq=1),
        turn("Great, and I adopted a dog.", seq=2, role="assistant"),
    ]
    for seq in range(3, 9, 2):
        turns.append(turn(f"Thanks, Bob! It is day {seq}.", seq=seq))
        turns.append(turn("You are welcome, Ann!", seq=seq + 1, role="assistant"))
    assert Index(turns).names == [frozenset({"ann"}), frozenset({"bob"})]
    assert best(turns, "What did Bob adopt?") == turns[1].text
    assert best(turns, "What did Ann adopt?") == turns[0].text


@pytest.mark.parametrize(
    ("question", "day"),
    [
        ("What did I cook in June 2023?", 40),
        ("What did I cook on 8 May 2023?", 0),
        ("What did I cook on 2023-06-17?", 40),
        ("What did I cook 11 days ago?", 89),
        ("What did I cook yesterday?", 99),
        ("我 cook 昨天", 99),
    ],
)
def test_the_days_of_a_question_are_looked_for(question: str, day: int) -> None:
    turns = [turn("I cook a meal.", seq=1, day=one) for one in (0, 40, 89, 99)]
    found = rank(Index(turns), question, now=MAY_8 + 100 * DAY).best(1)
    assert found[0].turn.session == day


def test_an_answer_is_found_by_the_question_before_it() -> None:
    turns = [
        turn("Which pottery class do you take?", author="Ann"),
        turn("Mondays at six.", seq=2, author="Bob", role="assistant"),
        turn("The bus was late.", seq=3, author="Ann"),
        turn("Oh no, again.", seq=4, author="Bob", role="assistant"),
    ]
    found = rank(Index(turns), "When is the pottery class?", now=MAY_8)
    places = found.order().tolist()
    assert places.index(1) < places.index(2) < len(places)


def test_vectors_find_what_shares_no_word() -> None:
    near = np.array([1.0, 0.0], np.float32)
    far = np.array([0.0, 1.0], np.float32)
    turns = [
        turn("My kitten is ill.")._replace(vector=far),
        turn("The automobile is broken.", seq=2)._replace(vector=near),
    ]
    found = rank(Index(turns), "How is the car?", now=MAY_8, vector=near).best(1)
    assert found[0].turn.text == "The automobile is broken."
    assert found[0].parts["cosine"] > 0


def test_what_another_keeper_says_of_vectors_counts_as_if_they_were_here() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(len(PRODUCT), 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    turns = [one._replace(vector=row) for one, row in zip(PRODUCT, rows, strict=True)]
    here = rank(Index(turns), "Who leads the team?", now=MAY_8, vector=rows[2])
    places = np.array([4, 2, 0, 3, 1])
    near = Near(places, (rows @ rows[2])[places], len(PRODUCT))
    there = rank(Index(PRODUCT), "Who leads the team?", now=MAY_8, near=near)
    assert there.scores == pytest.approx(here.scores)


def test_turns_beyond_the_nearest_are_as_far_as_the_farthest_of_these() -> None:
    near = Near(np.array([3, 1]), np.array([0.9, 0.3], np.float32), len(PRODUCT), whole=False)
    rows = traits(Index(PRODUCT), "Who leads the team?", now=MAY_8, near=near).rows
    assert rows["cosine"].tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1, 1 / 3])
    few = near._replace(embedded=2)
    assert "cosine" not in traits(Index(PRODUCT), "Who leads?", now=MAY_8, near=few).rows


def test_turns_with_and_without_vectors_may_stand_together() -> None:
    near = np.array([1.0, 0.0], np.float32)
    index = Index([turn("One."), turn("Two.", seq=2)._replace(vector=near)])
    index.add([turn("Three.", seq=3)])
    assert index.vectors is not None
    assert index.vectors.tolist() == [[0, 0], [1, 0], [0, 0]]


# -- what holds for every history ------------------------------------------------------------------

TEXTS = st.lists(
    st.text("abcdefgh ?.北京开会 ÄöЖ123", min_size=1, max_size=40), min_size=1, max_size=12
)


@given(TEXTS, st.text("abcdefgh ?北京开 123", max_size=30))
def test_the_parts_of_a_score_sum_up_to_it(texts: list[str], question: str) -> None:
    ranking = rank(Index(history(*texts)), question, now=MAY_8)
    for place in range(len(texts)):
        scored = ranking.scored(place)
        assert sum(scored.parts.values()) == pytest.approx(ranking.scores[place], abs=1e-4)
        assert scored.score == sum(scored.parts.values())


@given(TEXTS, st.text("abcdefgh ?北京开 123", max_size=30))
def test_every_trait_is_between_nothing_and_about_one(texts: list[str], question: str) -> None:
    found = traits(Index(history(*texts)), question, now=MAY_8)
    assert set(rank_weights.PLAIN) <= set(found.rows)
    assert 0.0 <= found.support <= 1.0 + 1e-6
    for name, row in found.rows.items():
        assert float(row.min()) >= -1e-6, name
        assert float(row.max()) <= 1.0 + 1e-6, name


@given(TEXTS, st.text("abcdefgh ?北京开 123", max_size=30), st.integers(0, 12))
def test_an_index_that_grew_is_one_made_at_once(texts: list[str], question: str, at: int) -> None:
    turns = history(*texts)
    grown = Index(turns[:at])
    rank(grown, question, now=MAY_8)
    grown.add(turns[at:])
    whole = rank(Index(turns), question, now=MAY_8)
    again = rank(grown, question, now=MAY_8)
    assert again.scores.tolist() == whole.scores.tolist()
    assert again.support == whole.support


@given(st.lists(st.text("xyz .", min_size=1, max_size=30), max_size=8))
def test_an_unrelated_session_leaves_the_answer_first(others: list[str]) -> None:
    more = [turn(text, seq=seq, day=9) for seq, text in enumerate(others, 1)]
    assert best([*PRODUCT, *more], "Where are the backups kept?") == PRODUCT[4].text


def test_sessions_that_are_written_in_turns_do_not_mix() -> None:
    one = [turn("Which dish do you want?"), turn("The fish.", seq=2, author="b", role="assistant")]
    two = [turn("It is cold.", day=1), turn("Yes.", seq=2, day=1, author="b", role="assistant")]
    index = Index([one[0], two[0], one[1], two[1]])
    none = len(index)
    assert index.before.tolist() == [none, none, 0, 1]
    assert index.behind.tolist() == [2, 3, none, none]


# -- the gates -------------------------------------------------------------------------------------


def test_gate_9_near_equal_turns_are_told_apart_and_inventions_bring_nothing() -> None:
    written = confusable.read()
    assert sum(map(len, written.sessions.values())) >= 60
    assert len(written.never) >= 30
    first, _, nothing = confusable.outcomes(written, confusable.without)
    assert sum(first) / len(first) >= 0.9
    assert all(nothing)


@pytest.mark.long
def test_gate_1_the_evidence_of_questions_survives_in_small_contexts() -> None:
    try:
        rows = list(recall.plain())
    except NoData as error:
        pytest.skip(str(error))
    assert [row.name for row in rows if row.target is not None]
    for row in rows:
        if row.target is not None:
            assert row.figure + (row.error or 0.0) >= row.target, row
            assert all(
                row.figure > other for name, other in row.beside if name in ("BM25", "last-N")
            ), row
