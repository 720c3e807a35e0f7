"""The terms that turns and questions are compared by: words without case, accents and endings.

An ending is taken off by its letters alone, in whatever language; scripts without blanks come as
pairs of characters. English verbs that change their stem stand beside their other forms, since a
question asks "did she go" of what was told as "I went".
"""

from __future__ import annotations

from functools import lru_cache

from memory_app.core.marks import stem, unspaced
from memory_app.core.tongues import PARTICLES, STOP, UNSPACED_STOP
from sessions_app.core import words

PREFIX = 4
"""Letters of the shortest term that is compared by its beginning."""
_BEGINNING = 5
_BARE = 4

_CHANGING = """
be is are was were been am|do does did done|have has had|go went gone goes|get got gotten
make made|know knew known|think thought|take took taken|see saw seen|come came|find found
give gave given|say said|tell told|feel felt|leave left|bring brought|begin began begun|keep kept
hold held|write wrote written writing|stand stood|hear heard|mean meant|meet met|run ran|pay paid
sit sat|speak spoke spoken|lead led|grow grew grown|lose lost losing|fall fell fallen|send sent
build built|understand understood|draw drew drawn|break broke broken|spend spent|rise rose risen
drive drove driven driving|buy bought|wear wore worn|choose chose chosen choosing|eat ate eaten
win won|teach taught|catch caught|fight fought|fly flew flown|forget forgot forgotten|sell sold
seek sought|sing sang sung|sleep slept|swim swam swum|throw threw thrown|wake woke woken
ride rode ridden riding|hide hid hidden hiding|drink drank drunk|shoot shot|sink sank sunk
steal stole stolen|stick stuck|strike struck|swear swore sworn|tear tore torn|bite bit bitten
blow blew blown|become became|deal dealt|dig dug|feed fed|freeze froze frozen|hang hung|lay laid
lend lent|light lit|shake shook shaken|shine shone|spin spun|sweep swept|bend bent|bind bound
forgive forgave forgiven|child children|man men|woman women|foot feet|tooth teeth|mouse mice
person people|wife wives|use used using uses
"""
_SAME = {
    form: line.split()[0]
    for line in _CHANGING.replace("\n", "|").split("|")
    if line
    for form in line.split()
}


def terms(text: str) -> list[str]:
    """The terms of a text in order, as often as they come."""
    return [term(word) for word in words.sequence(text)]


def telling(text: str) -> list[str]:
    """The distinct terms of a text without those of grammar."""
    said = words.sequence(text)
    found = dict.fromkeys(term(word) for word in said if word not in SILENT)
    return [word for word in found if not _is_grammar(word)]


def _is_grammar(word: str) -> bool:
    """Whether a pair of a script without blanks has a character of grammar in it, or is the lone
    end of a run, which the pair before holds too."""
    return unspaced(word) and (len(word) < 2 or any(char in _SILENT_CHARS for char in word))


def beginning(word: str) -> str:
    """The first letters of a term: what "adopt" and "adoption" share."""
    return word[:_BEGINNING]


@lru_cache(maxsize=65_536)
def term(word: str) -> str:
    """What a word, in small letters and without accents, is compared by."""
    if word in _SAME:
        return _SAME[word]
    if not word.isalpha():
        return word
    short = stem(word)
    if len(short) == _BARE and short[-1] == "e":
        short = short[:-1]  # "bake" and "baking"; longer words lose it with their ending.
    if short != word and len(short) > 3 and short[-1] == short[-2]:
        short = short[:-1]  # "planned", "planning" and "plan".
    return _SAME.get(short, short)


_SILENT_CHARS = UNSPACED_STOP | PARTICLES | frozenset("哪什么谁誰几幾怎何")
SILENT = frozenset(found for word in STOP for found in words.sequence(word))
"""Words of grammar in several languages, as they are before an ending is taken off."""
