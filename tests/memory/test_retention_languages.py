"""What is kept, superseded or may go in English is so in other languages; what no file of cues
covers never goes."""

# Signs that look alike are what other languages are written in.

from __future__ import annotations

import pytest

from memory_app.core.passages import Passage
from memory_app.core.retention import Verdict, judge
from memory_app.core.sentences import read


def last(*said: tuple[str, str]) -> Verdict:
    """The verdict on the last of these messages."""
    return judge([Passage(seq, role, text) for seq, (role, text) in enumerate(said, 1)])[-1]


STATED = {
    "en": {
        "preference": ["I prefer a seat at the window.", "I don't like coriander."],
        "constraint": ["The report must be ready before noon.", "I'm allergic to nuts."],
        "decision": ["We decided to take the train.", "Let's take the red one."],
        "commitment": ["I'll send you the contract.", "I promise to call back."],
        "correction": ["I was wrong, it is the blue door.", "Actually, the blue one."],
        "identifier": ["My order number is 4711."],
        "request": ["Can you book a table for us?", "I need a room with a view."],
    },
    "de": {
        "preference": ["Ich bevorzuge einen Platz am Fenster.", "Ich mag keinen Koriander."],
        "constraint": [
            "Der Bericht muss bis Mittag fertig sein.",
            "Ich bin allergisch gegen Nüsse.",
        ],
        "decision": ["Wir haben beschlossen, den Zug zu nehmen.", "Ich nehme den roten."],
        "commitment": ["Ich werde dir den Vertrag schicken.", "Ich verspreche, zurückzurufen."],
        "correction": ["Ich habe mich geirrt, es ist die blaue Tür.", "Ich meinte den blauen."],
        "identifier": ["Meine Bestellnummer lautet 4711."],
        "request": ["Kannst du uns einen Tisch buchen?", "Ich brauche ein Zimmer mit Aussicht."],
    },
    "es": {
        "preference": ["Prefiero un asiento junto a la ventana.", "No me gusta el cilantro."],
        "constraint": [
            "El informe debe estar listo antes del mediodía.",
            "Soy alérgica a las nueces.",
        ],
        "decision": ["Hemos decidido tomar el tren.", "Me quedo con el rojo."],
        "commitment": ["Te prometo que llamo luego.", "Mañana enviaré el contrato."],
        "correction": ["Me equivoqué, es la puerta azul.", "En realidad es el azul."],
        "identifier": ["Mi número de pedido es 4711."],
        "request": [
            "¿Puedes reservar una mesa para nosotros?",
            "Necesito una habitación con vistas.",
        ],
    },
    "fr": {
        "preference": ["Je préfère une place côté fenêtre.", "Je n'aime pas la coriandre."],
        "constraint": ["Le rapport doit être prêt avant midi.", "Je suis allergique aux noix."],
        "decision": ["Nous avons décidé de prendre le train.", "Je prends le rouge."],
        "commitment": ["Je vous enverrai le contrat.", "Je te promets de rappeler."],
        "correction": ["Je me suis trompé, c'est la porte bleue.", "En fait, le bleu."],
        "identifier": ["Mon numéro de commande est 4711."],
        "request": ["Pouvez-vous réserver une table ?", "J'ai besoin d'une chambre avec vue."],
    },
    "zh": {
        "preference": ["我更喜欢靠窗的座位。", "我不喜欢香菜。"],
        "constraint": ["报告必须在中午以前准备好。", "我对坚果过敏。"],
        "decision": ["我们决定坐火车。", "我选红色的。"],
        "commitment": ["我会把合同发给你。", "我保证给你回电话。"],
        "correction": ["我说错了，是蓝色的门。", "其实是蓝色的。"],
        "identifier": ["我的订单号是4711。"],
        "request": ["你能帮我们订一张桌子吗？", "我需要一个海景房。"],
    },
    "ja": {
        "preference": ["窓側の席の方が好きです。", "パクチーは苦手です。"],
        "constraint": [
            "報告書は正午までに用意しなければなりません。",
            "ナッツアレルギーがあります。",
        ],
        "decision": ["電車で行くことに決めました。", "赤い方にします。"],
        "commitment": ["契約書を送ります。", "後で電話すると約束します。"],
        "correction": ["間違えました、青いドアです。", "実は青い方です。"],
        "identifier": ["注文番号は4711です。"],
        "request": ["テーブルを予約してもらえますか？", "海の見える部屋が必要です。"],
    },
}


@pytest.mark.parametrize(
    ("spoken", "rule", "text"),
    [
        (spoken, rule, text)
        for spoken, rules in STATED.items()
        for rule, texts in rules.items()
        for text in texts
    ],
)
def test_what_a_person_states_is_kept_by_the_same_rule(spoken: str, rule: str, text: str) -> None:
    verdict = last(("user", text))
    assert read(text).language == spoken
    assert (verdict.klass, verdict.rule) == ("keep", rule)


@pytest.mark.parametrize(
    "text",
    [
        "I'll send it tomorrow.",
        "Ich werde es morgen schicken.",
        "Lo enviaré mañana.",
        "Je vais l'envoyer demain.",
        "我会明天发送。",
        "明日お送りします。",
    ],
)
def test_what_the_assistant_promises_is_kept(text: str) -> None:
    assert last(("assistant", text))[1:3] == ("keep", "commitment")


@pytest.mark.parametrize(
    "text",
    [
        "Your table has been booked.",
        "Ihr Tisch wurde reserviert.",
        "Su mesa ha sido reservada.",
        "Votre table a été réservée.",
        "您的桌子已经预订好了。",
        "ご予約が完了しました。",
        "Unfortunately that was not possible.",
        "Das war leider nicht möglich.",
        "Lamentablemente no fue posible.",
        "Malheureusement, c'est impossible.",
        "很抱歉，预订失败了。",
        "申し訳ありませんが、予約できませんでした。",
    ],
)
def test_what_the_assistant_says_of_the_outcome_is_kept(text: str) -> None:
    assert last(("assistant", text))[1:3] == ("keep", "outcome")


@pytest.mark.parametrize(
    "text",
    [
        "Thanks a lot!",
        "Ok, got it.",
        "Vielen Dank!",
        "Alles klar, danke.",
        "Danke für die schnelle Hilfe!",
        "¡Muchas gracias!",
        "Vale, entendido.",
        "Gracias por tu ayuda.",
        "Merci beaucoup !",
        "D'accord, merci.",
        "Merci pour votre aide.",
        "谢谢你！",
        "好的，知道了。",
        "ありがとうございます！",
        "了解しました。",
    ],
)
def test_thanks_may_go(text: str) -> None:
    spoken = read(text).language
    assert spoken
    assert last(("user", STATED[spoken]["preference"][0]), ("user", text)).klass == "discard"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Which day suits you?", "Friday"),
        ("Welcher Tag passt Ihnen?", "Freitag"),
        ("¿Qué día le conviene?", "El viernes"),
        ("Quel jour vous convient ?", "Vendredi"),
        ("您哪一天方便？", "星期五"),
        ("ご都合の良い日はいつですか？", "金曜日"),
        ("Shall I book it?", "Yes please"),
        ("Soll ich buchen?", "Ja, bitte"),
        ("¿Lo reservo?", "Sí, por favor"),
        ("Je réserve ?", "Oui"),
        ("要预订吗？", "好的"),
        ("予約しましょうか？", "はい"),
    ],
)
def test_an_answer_is_kept(question: str, answer: str) -> None:
    assert last(("assistant", question), ("user", answer)).klass == "keep"


@pytest.mark.parametrize(
    ("first", "correction"),
    [
        ("I need 2 tickets", "Actually, make it 3 tickets"),
        ("Ich brauche 2 Karten", "Ich meinte 3 Karten"),
        ("Necesito 2 entradas", "Me equivoqué, son 3 entradas"),
        ("Je voudrais 2 billets", "Je me suis trompé, 3 billets"),
        ("我要2张票", "我说错了，是3张票"),
        ("チケットを2枚お願いします", "間違えました、チケットを3枚お願いします"),
    ],
)
def test_a_correction_supersedes_what_it_corrects(first: str, correction: str) -> None:
    messages = [Passage(1, "user", first), Passage(2, "user", correction)]
    old, new = judge(messages)
    assert (new.klass, new.rule, new.corrects) == ("keep", "correction", 1)
    assert old.rule == "superseded"


@pytest.mark.parametrize(
    "text",
    [
        "Danke, 2",
        "Danke, aber nicht heute",
        "Gracias, pero no",
        "Gracias, Marisol",
        "Merci, mais pas ça",
        "Merci, à 18 h",
        "谢谢，不要",
        "谢谢，三个",
        "好的，星期五",
        "ありがとう、でも今日ではない",
        "了解、金曜日に東京で",
    ],
)
def test_thanks_that_hold_anything_else_never_go(text: str) -> None:
    assert last(("user", text)).klass != "discard"


UNKNOWN = [
    "Kiitos paljon avusta!",
    "Kiitos",
    "Joo, selvä homma",
    "Asante sana kwa msaada wako",
    "Sawa, nimeelewa",
    "დიდი მადლობა დახმარებისთვის",
    "კარგი",
    "Спасибо большое!",
    "Хорошо",
    "شكرا جزيلا",
    "תודה רבה",
    "धन्यवाद",
    "감사합니다",
    "ขอบคุณมาก",
    "Ευχαριστώ πολύ",
    "Tack så mycket",
    "Dank je wel",
    "Köszönöm szépen",
    "Teşekkür ederim",
    "Obrigado pela ajuda",
    "Dziękuję bardzo",
]


@pytest.mark.parametrize("text", UNKNOWN)
@pytest.mark.parametrize("role", ["user", "assistant"])
def test_what_no_cues_cover_never_goes(role: str, text: str) -> None:
    assert last((role, text)).klass != "discard"
    assert last(("user", text), ("assistant", "Ok!"), (role, text)).klass != "discard"


def test_short_words_do_not_go_where_the_talk_is_in_an_unknown_language() -> None:
    chat = [
        ("user", "Voisitko varata minulle pöydän ravintolasta huomenna?"),
        ("assistant", "Totta kai, kuinka monelle hengelle varaus tehdään?"),
        ("user", "Meitä tulee varmaan neljä henkeä paikalle illalla."),
    ]
    assert last(*chat, ("user", "Ok, super!")).klass != "discard"
    assert last(*chat, ("user", "😀")).klass != "discard"


def test_an_identifier_in_an_unknown_language_is_kept() -> None:
    assert last(("user", "Tilausnumeroni on QX7K2M")).rule == "identifier"


def test_an_answer_in_an_unknown_language_is_kept() -> None:
    assert last(("assistant", "Mihin kaupunkiin?"), ("user", "Rovaniemelle")).klass == "keep"


def test_a_question_of_a_word_is_one_where_the_talk_is_understood() -> None:
    chat = [
        ("user", "We should water the plants before we leave for the weekend."),
        ("assistant", "The plants were watered on Monday, so Friday would be the next time."),
        ("user", "Good, then I will do it on Friday morning."),
    ]
    assert last(*chat, ("user", "Bins?")).rule == "question"
    assert last(("user", "Voisitko varata minulle pöydän?"), ("user", "Milloin?")).rule == (
        "unknown_language"
    )
    assert last(*chat, ("user", "Notenallergie!")).rule == "unknown_language"
