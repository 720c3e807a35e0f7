"""Cue words of the languages that the audit reads: English, German, Spanish, French, Chinese and
Japanese.

Words are in lower case. Languages share one table each where a word means the same in all that have
it, so a text need not be told its language; only German, which writes every noun with a capital,
must be known as German. The dates and the negations of another language are not seen; its numbers,
ids, paths and code are.
"""

from __future__ import annotations

import re

_STOP = """
a an the and or but if then so than that this these those there here it its it's i i'm i've i'd me
my mine we we're we've our ours us you you're you've your yours he he's she she's him his her hers
they they're them their is are was were be been being am do does did done doing have has had having
will would shall should can could may might must of in on at by to from for with about into over
under up down out off as per via just very really also too only even still already again please
thanks thank ok okay yes yeah yep well oh wow hey hi hello hmm let let's get got go going gonna make
made take want wants wanted need needs like know think say said says see what what's when where
where's which who who's whom whose why how how's some any all each both more most much many such
other another same own now yet because since while during until before after between through
against around sure great good nice dear would'd won't thing things something anything everything
one two lot lots bit id ids around maybe perhaps currently following regarding including however
der die das den dem des ein eine einen einem einer eines und oder aber wenn dann als dass ist sind
war waren sein bin bist wird werden wurde hat haben hatte habe ich mich mir mein meine meinen meinem
meiner du dich dir dein deine er sie es wir uns unser unsere ihr ihre ihnen ihm ihn in im am an auf
bei mit nach von vom zu zum zur für um über unter aus durch bis seit vor auch nur noch schon sehr so
wie was wer wo wann warum welche bitte danke ja hallo guten man kann können muss soll möchte will
el la los las lo un una unos unas y o pero si que es son era fue ser estar está están estoy he ha
han hay yo me mi mis tú tu tus te se su sus nos nuestro nuestra le les de del al a en con por para
como más muy ya también cuando donde quien cual este esta esto ese esa eso gracias hola sí favor
puede puedo quiero
le la les un une des du de et ou mais si que qui est sont était être ai as a avons avez ont je j' me
m' mon ma mes tu te t' ton ta tes il elle on nous notre nos vous votre vos ils elles se s' son sa
ses leur leurs l' d' qu' c' ce cet cette ces au aux en dans sur sous par pour avec chez comme plus
très aussi bien déjà merci bonjour oui ne n' suis veux peux
"""
STOP = frozenset(_STOP.split())
"""Words that say nothing of what a number or a name belongs to."""

NEGATIONS = frozenset(
    """
    not no never none neither nor without cannot can't don't doesn't didn't won't wouldn't isn't
    aren't wasn't weren't hasn't haven't hadn't shouldn't couldn't mustn't needn't ain't nobody
    nothing nowhere dont doesnt didnt cant wont isnt
    nicht nichts nie niemals kein keine keinen keinem keiner keines ohne weder niemand nirgends
    nunca jamás ningún ninguno ninguna nada nadie sin tampoco
    pas jamais rien aucun aucune sans ni
    """.split()
)

ONLY_AHEAD = frozenset(
    "without no kein keine keinen keinem keiner ohne sin sans ni nor nothing".split()
)
"""Negations that deny what follows and nothing that came before."""
IDIOMS = frozenset(
    """can't wait|cant wait|no worries|no problem|no doubt|no doubts|no idea|no way|no wonder
    |don't worry|dont worry|never mind|not only|couldn't agree|can't agree
    |nothing but|no longer than|no matter
    |kein problem|keine sorge|keine ahnung|nicht nur|sin duda|no problema|pas souci|sans doute
    |pas problème|sin problema|no hay""".replace("\n    ", "").split("|")
)
"""Negations that deny nothing, with the word behind."""
ENDS = frozenset(("", ",", ".", "!", ";", ":", "-", "—", "–", "?"))
"""What follows a "no" that answers a question; only the question says what it denies."""
OWNERS = frozenset("a an the my our his her their your its named called".split())
"""What stands before a noun that a name after a comma explains, as in "our dog, Max"."""

# The word that must come before or after; "*" is any, "~" one in the future tense (see FUTURE).
PROMISES: dict[str, tuple[str, ...]] = {
    "i'll": ("*",),
    "we'll": ("*",),
    "i": ("will", "promise", "shall", "agree"),
    "we": ("will", "promise", "shall", "agree"),
    "i'm": ("going",),
    "we're": ("going",),
    "promise": ("*",),
    "ich": ("werde", "verspreche"),
    "wir": ("werden", "versprechen"),
    "werde": ("ich",),
    "werden": ("wir",),
    "verspreche": ("*",),
    "voy": ("a",),
    "vamos": ("a",),
    "prometo": ("*",),
    "je": ("vais", "promets", "~"),
    "nous": ("allons", "promettons", "~"),
    "j'": ("~",),
    "promets": ("*",),
}
FUTURE = ("rai", "rons")
FUTURE_ALONE = ("aré", "eré", "iré", "aremos", "eremos", "iremos")
"""Endings of Spanish verbs that are a promise without any other word."""
WILL = frozenset(
    """will i'll we'll you'll he'll she'll they'll shall promise promised promises agreed agree
    going werde werden wird verspreche versprochen voy va vamos prometo vais allons promets
    promis""".split()
)
"""What tells a promise in the third person, as a summary does."""
NO_PROMISE = frozenset(
    ("need", "be", "have", "never", "not", "assume", "guess", "admit", "require")
)
"""What follows "I will" without being a promise."""

_MONTHS = (
    "january jan januar jänner enero janvier",
    "february feb februar febrero février",
    "march mar märz marzo mars",
    "april apr abril avril",
    "may mai mayo",
    "june jun juni junio juin",
    "july jul juli julio juillet",
    "august aug agosto août",
    "september sep sept septiembre setiembre septembre",
    "october oct oktober okt octubre octobre",
    "november nov noviembre novembre",
    "december dec dezember dez diciembre décembre",
)
MONTHS = {word: number for number, line in enumerate(_MONTHS, 1) for word in line.split()}
UNSURE_MONTHS = frozenset("may march mar mars jan dec sep apr jun nov".split())
"""Words that are months only beside a day or a year, or behind one of BEFORE_MONTHS."""
BEFORE_MONTHS = frozenset("in by since until of this next last early late mid through".split())

_DAYS = (
    "monday mondays montag montags lunes lundi",
    "tuesday tuesdays dienstag dienstags martes mardi",
    "wednesday wednesdays mittwoch mittwochs miércoles mercredi",
    "thursday thursdays donnerstag donnerstags jueves jeudi",
    "friday fridays freitag freitags viernes vendredi",
    "saturday saturdays samstag samstags sonnabend sábado samedi",
    "sunday sundays sonntag sonntags domingo dimanche",
)
DAYS = {word: f"day{number}" for number, line in enumerate(_DAYS, 1) for word in line.split()}
_RELATIVE = (
    "yesterday gestern ayer hier",
    "today heute hoy aujourd'hui",
    "tomorrow morgen mañana demain",
    "tonight",
    "übermorgen",
    "vorgestern",
)
RELATIVE = {word: line.split()[0] for line in _RELATIVE for word in line.split()} | DAYS
NEAR = {"last": "last", "next": "next", "this": "this"}
SPANS = frozenset("week month year weekend summer winter spring fall autumn".split())

GERMAN = frozenset(
    """der das den dem und ist nicht ich ein eine einen einem mit auf für wir haben bitte zum zur
    von vom im zu am um bei nach habe hat wird sind kein keine sich auch noch bis""".split()
)
"""Words that tell German from the other languages."""
OTHERS = frozenset(
    """the and is of to i you it that my for with are this be have on at we el la los las que en un
    una por con para le les des est et une dans je""".split()
)
GERMAN_BEFORE_NAMES = frozenset(
    "mit bei nach in aus von für an und oder herr herrn frau dr firma familie ist heiße".split()
)
GERMAN_NOUNS = (
    "ung", "ungen", "heit", "keit", "schaft", "tion", "tionen", "tät", "nis", "tum", "chen",
    "ment", "ismus", "zeit", "tag", "tage", "preis", "nummer", "uhr", "euro", "stunden", "minuten",
    "wochen", "monate", "jahre", "jahren", "personen", "leute", "kinder", "hause", "freunden",
)  # fmt: skip
"""Endings of German words that are no names."""
TITLES = frozenset(
    "mr mrs ms dr prof sir herr herrn frau señor señora sr sra monsieur madame".split()
)
ABBREVIATIONS = frozenset(
    """mr mrs ms dr prof st vs etc e.g i.e eg ie approx no nr fig inc ltd jr sr sra u.s z.b d.h bzw
    ca usw ggf inkl exkl tel bsp p.m a.m p.ej m mme ste""".split()
)
"""Words after which a full stop ends no sentence."""

CONNECTIVES = frozenset(
    """and but or while whereas because since though although unless if then und aber oder sowie
    weil obwohl y pero porque aunque et mais parce car""".split()
)
"""Words that begin another clause."""

# -- scripts without blanks ----------------------------------------------------------------------

UNSPACED = (
    "\u3005-\u3007\u3041-\u3096\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_HAN = "\u3005\u4e00-\u9fff"
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任"
    "沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤張陳劉"
)
UNSPACED_CUES = re.compile(
    # Words that only look like a negation.
    "(?P<word>不错|不過|不过|对不起|不客气|差不多|不好意思|要不要|是不是|能不能|好不好|有没有|不断|特别|别人"
    "|别的|分别|区别|未来|无论|無料|無事|不動産|少ない)"
    f"|(?P<name>[{_SURNAMES}][{_HAN}]{{0,2}}?(?=先生|女士|小姐|老师|经理|医生|教授|總|总监)"
    f"|(?:[{_HAN}]{{1,4}}|[\u30a1-\u30fa\u30fc]{{2,8}})(?=さん|様|さま|くん|ちゃん|氏))"
    "|(?P<negation>没有|沒有|从不|從不|不|没|沒|别|未|无|無"
    "|ませんでした|ません|じゃない|ではない|なかった|ない|なく|なし|ずに)"
    "|(?P<promise>我们会|我們會|我会|我會|我保证|我答应|一定会|我来|約束します|必ず|しておきます|いたします)"
    "|(?P<date>今天|明天|昨天|后天|前天|今日|明日|昨日|明後日|星期[一二三四五六日天]|周[一二三四五六日]"
    "|[月火水木金土日]曜日?|下周|上周|下个月|上个月|来週|先週|来月|先月)"
)
UNSPACED_DATES = {
    "今天": "today", "今日": "today", "明天": "tomorrow", "明日": "tomorrow", "昨天": "yesterday",
    "昨日": "yesterday", "下周": "next week", "来週": "next week", "上周": "last week",
    "先週": "last week", "下个月": "next month", "来月": "next month", "上个月": "last month",
    "先月": "last month",
}  # fmt: skip
_WEEK = ("一月", "二火", "三水", "四木", "五金", "六土", "日天")
for _number, _chars in enumerate(_WEEK, 1):
    for _char in _chars:
        for _form in (f"星期{_char}", f"周{_char}", f"{_char}曜", f"{_char}曜日"):
            UNSPACED_DATES[_form] = f"day{_number}"
UNSPACED_STOP = frozenset("的了是在我你他她它们和与也都就很把被给吗吧呢请这那个有会要想と")
"""Characters that say nothing of what a number belongs to."""
PARTICLES = frozenset("はがをにでのともへやか")
