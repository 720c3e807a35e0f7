"""Gate 8: ids, numbers, dates, names and negations of other languages survive as in English."""

from __future__ import annotations

import pytest

from memory_app.core.audit import audit, items, quotes
from memory_app.core.passages import Passage
from memory_app.core.summarise import render, summarise

SAID = {
    "English": [
        "My order 8JX2WO has not arrived. It cost 1,250.50 euros and was due on 3 May.",
        "Please call Anna Schmidt at 17:40. I don't want a refund.",
        "The flight LH1234 to Berlin leaves on 2024-05-12, and it costs 300 euros.",
    ],
    "German": [
        "Meine Bestellung 8JX2WO ist nicht angekommen. Sie kostete 1.250,50 Euro und war am 3. Mai "
        "fällig.",
        "Bitte rufen Sie um 17:40 Uhr bei Anna Schmidt an. Ich möchte keine Erstattung.",
        "Der Flug LH1234 nach Berlin startet am 2024-05-12, und er kostet 300 Euro.",
    ],
    "Spanish": [
        "Mi pedido 8JX2WO no ha llegado. Costó 1.250,50 euros y debía llegar el 3 de mayo.",
        "Por favor llame a Anna Schmidt a las 17:40. No quiero un reembolso.",
        "El vuelo LH1234 a Berlin sale el 2024-05-12, y cuesta 300 euros.",
    ],
    "French": [
        "Ma commande 8JX2WO n'est pas arrivée. Elle a coûté 1250,50 euros, livraison le 3 mai.",
        "Merci d'appeler Anna Schmidt à 17h40. Je ne veux pas de remboursement.",
        "Le vol LH1234 pour Berlin part le 2024-05-12, et il coûte 300 euros.",
    ],
    "Chinese": [
        "我的订单8JX2WO没有送到。价格是1250.50元，应该在5月3日送达。",
        "请在17:40打电话给王小明先生。我不要退款。",
        "航班LH1234飞往Berlin，2024-05-12起飞，票价300元。",
    ],
    "Japanese": [
        "注文番号8JX2WOはまだ届いていません。代金は1250.50円で、5月3日に届く予定でした。",
        "17:40に田中さんへ電話してください。返金は必要ありません。",
        "LH1234便はBerlin行きで、2024-05-12に出発します。料金は300円です。",
    ],
}
KINDS = {
    "English": {"id": 2, "number": 2, "date": 3, "name": 2, "negation": 2},
    "German": {"id": 2, "number": 2, "date": 3, "name": 2, "negation": 2},
    "Spanish": {"id": 2, "number": 2, "date": 3, "name": 2, "negation": 2},
    "French": {"id": 2, "number": 2, "date": 3, "name": 2, "negation": 2},
    "Chinese": {"id": 2, "number": 2, "date": 3, "name": 2, "negation": 2},
    "Japanese": {"id": 2, "number": 2, "date": 3, "name": 2, "negation": 2},
}
LANGUAGES = list(SAID)


def passages(language: str) -> list[Passage]:
    return [Passage(seq, "user", text) for seq, text in enumerate(SAID[language], 1)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_gate_8_the_same_is_found_in_every_language(language: str) -> None:
    found: dict[str, int] = {}
    for passage in passages(language):
        for item in items(passage):
            found[item.kind] = found.get(item.kind, 0) + 1
    assert found == KINDS[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_gate_8_every_item_has_a_subject(language: str) -> None:
    assert [item for one in passages(language) for item in items(one) if not item.subject] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_gate_8_quotes_carry_all(language: str) -> None:
    said = passages(language)
    texts = [text for one in said for text, _ in quotes(one)]
    assert audit(said, texts).lost == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_gate_8_a_summary_of_all_carries_all(language: str) -> None:
    said = passages(language)
    points = summarise([], said, scores={}, size=1_000, count=len)
    assert audit(said, [render(points)]).lost == ()


DROPPED = {
    "English": ("I don't want a refund.", "I want a refund."),
    "German": ("Ich möchte keine Erstattung.", "Ich möchte eine Erstattung."),
    "Spanish": ("No quiero un reembolso.", "Quiero un reembolso."),
    "French": ("Je ne veux pas de remboursement.", "Je veux un remboursement."),
    "Chinese": ("我不要退款。", "我要退款。"),
    "Japanese": ("返金は必要ありません。", "返金は必要です。"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_gate_8_a_dropped_negation_is_lost(language: str) -> None:
    said, told = DROPPED[language]
    passage = Passage(1, "user", said)
    assert [item.kind for item in audit([passage], [told]).lost] == ["negation"]
    assert audit([passage], [said]).lost == ()


SWAPPED = {
    "English": ("The rent is 700, the deposit is 900.", "The rent is 900, the deposit is 700."),
    "German": (
        "Die Miete ist 700, die Kaution ist 900.",
        "Die Miete ist 900, die Kaution ist 700.",
    ),
    "Spanish": ("El alquiler es 700, la fianza es 900.", "El alquiler es 900, la fianza es 700."),
    "French": ("Le loyer est 700, la caution est 900.", "Le loyer est 900, la caution est 700."),
    "Chinese": ("房租700元，押金900元。", "房租900元，押金700元。"),
    "Japanese": ("家賃は700円、敷金は900円です。", "家賃は900円、敷金は700円です。"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_gate_8_swapped_numbers_are_lost(language: str) -> None:
    said, told = SWAPPED[language]
    passage = Passage(1, "user", said)
    assert {item.text for item in audit([passage], [told]).lost} == {"700", "900"}
    assert audit([passage], [said]).lost == ()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("The report is due on May 3rd.", "report due 2024-05-03"),
        ("Der Bericht ist am 3. Mai fällig.", "Bericht fällig 2024-05-03"),
        ("El informe es para el 3 de mayo.", "informe 2024-05-03"),
        ("Le rapport est pour le 3 mai.", "rapport 2024-05-03"),
        ("报告截止日期5月3日。", "报告截止日期2024-05-03"),
        ("報告書の締切は5月3日です。", "報告書の締切は2024-05-03"),
    ],
)
def test_gate_8_a_date_is_the_same_however_written(said: str, told: str) -> None:
    passage = Passage(1, "user", said)
    assert [item.kind for item in items(passage)] == ["date"]
    assert audit([passage], [told]).lost == ()


@pytest.mark.parametrize(
    "text",
    [
        "我会发送发票。",
        "請求書を送ることを約束します。",
        "Ich werde die Rechnung schicken.",
        "Enviaré la factura.",
        "Je vais envoyer la facture.",
        "J'enverrai la facture.",
    ],
)
def test_gate_8_promises_are_found(text: str) -> None:
    assert [item.kind for item in items(Passage(1, "user", text))] == ["promise"]


@pytest.mark.parametrize(
    "text",
    [
        "Das Wetter ist heute schön und die Suppe schmeckt.",
        "对不起，这个不错。",
        "Der Hund schläft auf dem Sofa neben der Katze.",
    ],
)
def test_gate_8_common_words_are_no_names_and_deny_nothing(text: str) -> None:
    kinds = {item.kind for item in items(Passage(1, "user", text))}
    assert kinds.isdisjoint({"name", "negation"})
