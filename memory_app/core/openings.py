"""How people begin to say something of themselves, as data: English, German, Spanish, French.

A rule is what a sentence begins with, what kind of statement that makes it, and what it says of the
person. `about` names what there is one of, so that a new statement takes the place of the old one:
a home, a name, a favourite colour. Of what there may be several (allergies, plans) it is empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

IDENTITY, PREFERENCE, DECISION, PLAN, PROMISE = (
    "identity", "preference", "decision", "plan", "promise",
)  # fmt: skip


class Opening(NamedTuple):
    """`begins` is a pattern without a group but `about`, where that is taken from the text;
    `confidence`, 0..1, says how often such a sentence tells what it seems to."""

    begins: str
    category: str
    confidence: float
    relation: str = ""
    about: str = ""


_LINKING = r"(?:is|are|ist|sind|es|son|est|sont)"

OPENINGS: tuple[Opening, ...] = (
    # English
    Opening(r"my (?:full |first )?name is|i(?:'m| am) called|call me(?-i:(?= [A-Z]))", IDENTITY,
            0.9, "is called", "name"),
    Opening(r"i (?:now |currently )?live (?:in|at)|i(?:'ve| have)? (?:just |recently )?(?:re)?moved"
            r" (?:back )?to|i(?:'m| am) (?:now )?(?:living|based) in", IDENTITY, 0.9,
            "lives in", "home"),
    Opening(r"i (?:now |currently )?work (?:for|at)|i(?:'ve| have)? (?:just |recently )?"
            r"started (?:working )?at|i(?:'m| am) (?:now )?(?:working|employed) (?:for|at|by)",
            IDENTITY, 0.9, "works for", "employer"),
    Opening(r"i (?:now |currently )?work as|i(?:'m| am) (?:now )?working as", IDENTITY, 0.9,
            "works as", "job"),
    Opening(r"i was born (?:in|on)", IDENTITY, 0.9, "was born", "birth"),
    Opening(r"i(?:'m| am) (?:severely |very |mildly |also )*allergic to", IDENTITY, 0.95,
            "is allergic to"),
    Opening(r"i(?:'m| am) (?:now )?(?:a |an )?(?:strict )?(?=(?:vegan|vegetarian|pescatarian)\b)"
            r"|i eat only|i only eat", IDENTITY, 0.9, "eats", "diet"),
    Opening(r"i(?:'m| am) (?=(?:married|divorced|single|widowed|engaged)\b)", IDENTITY, 0.8,
            "is", "marital status"),
    Opening(r"my (?P<about>(?:home |work |mobile |cell |billing |shipping |delivery )?(?:address"
            r"|e-?mail(?: address)?|phone(?: number)?|birthday|time ?zone|passport number"
            r"|shoe size|blood type|native language|mother tongue|pronouns)) (?:is|are)",
            IDENTITY, 0.9, "has"),
    Opening(r"my (?:absolute |all-time |all time )?(?P<about>favou?rite [\w ]{1,40}?"
            r"|preferred [\w ]{1,40}?) (?:is|are)", PREFERENCE, 0.9, "has"),
    Opening(r"i (?:really |always |usually |generally |strongly |much )*prefer", PREFERENCE, 0.85,
            "prefers"),
    Opening(r"i (?:really |absolutely |just |simply )*(?:love|adore|enjoy)", PREFERENCE, 0.7,
            "likes"),
    Opening(r"i (?:really |absolutely |just |simply )*(?:hate|dislike|detest|can't stand"
            r"|cannot stand|avoid)|i (?:really )?(?:don't|do not|never) (?:like|enjoy)",
            PREFERENCE, 0.8, "dislikes"),
    Opening(r"i (?:don't|do not|can't|cannot|never) (?:eat|drink|smoke|fly|drive)", PREFERENCE,
            0.8, "does without"),
    Opening(r"i(?:'ve| have)? (?:finally |just )?decided|i(?:'ve| have) chosen|i(?:'ve| have) made"
            r" up my mind", DECISION, 0.8, "decided"),
    Opening(r"i promise|i give you my word", PROMISE, 0.7, "promises"),
    Opening(r"i(?:'m| am) (?:going to|planning (?:to|on|a|an|my)|about to)|i plan (?:to|on)"
            r"|i intend to|i(?:'ll| will) be (?:moving|travell?ing|starting|visiting|flying)",
            PLAN, 0.6, "plans"),
    # German
    Opening(r"ich heiße|mein name ist", IDENTITY, 0.9, "is called", "name"),
    Opening(r"ich (?:wohne|lebe) (?:jetzt |nun |seit \w+ )?in|ich bin (?:jetzt |gerade )?nach"
            r"(?= [\w -]+ (?:um)?gezogen\b)", IDENTITY, 0.9, "lives in", "home"),
    Opening(r"ich arbeite (?:jetzt )?(?:bei|für)", IDENTITY, 0.9, "works for", "employer"),
    Opening(r"ich arbeite (?:jetzt )?als", IDENTITY, 0.9, "works as", "job"),
    Opening(r"ich bin (?:stark |sehr )?allergisch (?:gegen|auf)", IDENTITY, 0.95,
            "is allergic to"),
    Opening(r"ich bin (?:jetzt )?(?:strenge[r]? )?(?=(?:vegan|vegetarier)\w*)"
            r"|ich (?:esse|ernähre mich) (?:nur|vegan|vegetarisch)", IDENTITY, 0.9, "eats", "diet"),
    Opening(r"mein[e]? (?P<about>lieblings\w+) (?:ist|sind)", PREFERENCE, 0.9, "has"),
    Opening(r"ich (?:bevorzuge|ziehe(?= .+ vor\b))", PREFERENCE, 0.85, "prefers"),
    Opening(r"ich (?:mag (?!kein|nicht)|liebe)", PREFERENCE, 0.7, "likes"),
    Opening(r"ich (?:hasse|mag (?=kein|nicht)|vermeide)", PREFERENCE, 0.8, "dislikes"),
    Opening(r"ich (?:esse|trinke|fliege|rauche) (?=kein|nie\b|nicht)", PREFERENCE, 0.8,
            "does without"),
    Opening(r"ich habe (?:mich )?(?=.*(?:entschieden|beschlossen)\b)", DECISION, 0.8, "decided"),
    Opening(r"ich verspreche", PROMISE, 0.7, "promises"),
    Opening(r"ich (?:plane|habe vor)", PLAN, 0.6, "plans"),
    # Spanish
    Opening(r"(?:yo )?me llamo|mi nombre es", IDENTITY, 0.9, "is called", "name"),
    Opening(r"(?:yo )?(?:ahora )?vivo en|me (?:mudé|he mudado) a", IDENTITY, 0.9,
            "lives in", "home"),
    Opening(r"(?:yo )?(?:ahora )?trabajo (?:para|en)", IDENTITY, 0.9, "works for", "employer"),
    Opening(r"(?:yo )?(?:ahora )?trabajo (?:como|de)", IDENTITY, 0.9, "works as", "job"),
    Opening(r"(?:yo )?soy alérgic[oa] (?:a|al)", IDENTITY, 0.95, "is allergic to"),
    Opening(r"(?:yo )?soy (?=(?:vegan|vegetarian)[oa]\b)", IDENTITY, 0.9, "eats", "diet"),
    Opening(r"mi (?P<about>[\w ]{1,40}? (?:favorit|preferid)[oa]) es", PREFERENCE, 0.9, "has"),
    Opening(r"(?:yo )?prefiero", PREFERENCE, 0.85, "prefers"),
    Opening(r"(?:a mí )?me (?:gusta|gustan|encanta|encantan)", PREFERENCE, 0.7, "likes"),
    Opening(r"(?:yo )?odio|(?:a mí )?no me (?:gusta|gustan)|no soporto", PREFERENCE, 0.8,
            "dislikes"),
    Opening(r"(?:yo )?no (?:como|bebo|fumo)", PREFERENCE, 0.8, "does without"),
    Opening(r"(?:yo )?he decidido|decidí", DECISION, 0.8, "decided"),
    Opening(r"(?:te |le |os )?prometo", PROMISE, 0.7, "promises"),
    Opening(r"(?:yo )?(?:voy a|pienso|planeo)", PLAN, 0.6, "plans"),
    # French
    Opening(r"je m'appelle|mon nom est", IDENTITY, 0.9, "is called", "name"),
    Opening(r"j'habite (?:maintenant )?(?:à|en|au|aux)?|je vis (?:à|en|au)"
            r"|j'ai (?:dé|emm)énagé (?:à|en|au)", IDENTITY, 0.9, "lives in", "home"),
    Opening(r"je travaille (?:maintenant )?(?:pour|chez)", IDENTITY, 0.9, "works for", "employer"),
    Opening(r"je travaille (?:maintenant )?comme", IDENTITY, 0.9, "works as", "job"),
    Opening(r"je suis allergique (?:à|au|aux)", IDENTITY, 0.95, "is allergic to"),
    Opening(r"je suis (?=(?:végane?|végétarien(?:ne)?)\b)", IDENTITY, 0.9, "eats", "diet"),
    Opening(r"(?:mon|ma) (?P<about>[\w ]{1,40}? préférée?) est", PREFERENCE, 0.9, "has"),
    Opening(r"je préfère", PREFERENCE, 0.85, "prefers"),
    Opening(r"j'(?:aime|adore)(?! pas)", PREFERENCE, 0.7, "likes"),
    Opening(r"je (?:déteste|n'aime pas)", PREFERENCE, 0.8, "dislikes"),
    Opening(r"je ne (?:mange|bois|fume)", PREFERENCE, 0.8, "does without"),
    Opening(r"j'ai décidé", DECISION, 0.8, "decided"),
    Opening(r"je (?:te |vous )?promets", PROMISE, 0.7, "promises"),
    Opening(r"je (?:vais|compte|prévois de)", PLAN, 0.6, "plans"),
)  # fmt: skip

_LEADS = (
    r"and|so|well|oh|ok|okay|also|but|yes|yeah|yep|actually|hi|hello|hey|no|btw|by the way|sorry"
    r"|anyway|just so you know|fyi|correction|wait"
    r"|und|also|ja|nein|hallo|eigentlich|übrigens|doch"
    r"|y|pues|bueno|sí|hola|en realidad|por cierto"
    r"|et|alors|oui|non|bonjour|salut|en fait|au fait|d'ailleurs"
)
LEAD = rf"(?:(?:{_LEADS})\b[,:;.!\s-]+)*"
"""What may stand before the first word that counts."""

ITS_OWN = (
    r"(?!\s*(?:it|its|this|that|these|those|them|you|your|her|his|their|how|what|when|why"
    r"|all the|the (?:way|ideas?|thoughts?|fact|colou?rs?|looks?|vibes?|feeling|part|one|first)"
    r"|being able|\w+ing (?:it|this|that|them|you|your)"
    r"|das|es|dich|dein\w*|wie|was|eso|esto|lo que|tu|tus|te|ça|cela|ton|ta|tes|ce que)\b"
    r"|\s*(?:to\s*)?[.!,]*$)"
)
"""Not before what only the talk around it explains: "I love it", "I love your turtles"."""

REPORTED = re.compile(
    r"\b(?:says?|said|saying|told|tells|wrote|writes|reads|states|stated|claims?|claimed|according"
    r"|quote[ds]?|pretend|imagine|suppose|if|unless|whether|maybe|perhaps|wish|would have|as though"
    r"|joking|kidding|hypothetically|for example|e\.g\.|role-?play|used to|no longer"
    r"|admin|administrator|system|developer|assistant|ignore|instructions?|prompt|remember that"
    r"|falls|ob|sagt\w*|laut|vielleicht|angeblich|früher|nicht mehr"
    r"|dice[ns]?|dijo|según|quizás?|ojalá|tal vez|ya no"
    r"|dit|disait|selon|peut-être|ne plus)\b"
    r"|[\"“”„«»`]",
    re.IGNORECASE,
)
"""Words of somebody else, of what is only supposed, of what is over, or meant for a machine."""

FIRST_PERSON = re.compile(
    r"\b(?:i|me|my|mine|we|us|our|ours|ich|mich|mir|mein\w*|wir|uns|unser\w*|yo|mi|mis|conmigo"
    r"|nosotr[oa]s|nuestr[oa]s?|je|moi|mon|ma|mes|nous|notre|nos|vivo|soy|estoy|tengo|prefiero|odio"
    r"|trabajo|voy|pienso|planeo|decidí|he decidido)\b|\bj'|[私僕俺我]|わたし|自分",
    re.IGNORECASE,
)
"""Words by which somebody speaks of themselves."""

CORRECTED = (
    re.compile(
        r"(?:i meant|i mean|make that|it's|it is|that's)\s+(?P<new>.{1,80}?),?\s+(?:and )?not\s+"
        r"(?P<old>.{1,80}?)[.!]*",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?:i (?:said|wrote) |it's |it is )?not\s+(?P<old>.{1,80}?),?\s+but\s+(?P<new>.{1,80}?)"
        r"[.!]*",
        re.IGNORECASE,
    ),
)
"""What puts one word in the place of another."""


class Rule(NamedTuple):
    """An opening as it is looked for: it matches a whole sentence, whose group `told` is what is
    quoted, and `rest` what is said of the person."""

    form: re.Pattern[str]
    opening: Opening


@cache
def rules() -> tuple[Rule, ...]:
    """The rules that come with the package, in the order in which they are tried."""
    return tuple(_compiled())


def _compiled() -> Iterator[Rule]:
    for opening in OPENINGS:
        its_own = ITS_OWN if opening.category == PREFERENCE and not opening.about else ""
        yield Rule(_form(opening.begins, its_own), opening)


@cache
def phrases(category: str, begin: tuple[str, ...]) -> Rule:
    """A rule for sentences that begin with one of these phrases, word for word."""
    spelt = "|".join(r"\s+".join(map(re.escape, one.split())) for one in begin)
    return Rule(_form(spelt, ""), Opening(spelt, category, 0.7))


def _form(begins: str, its_own: str) -> re.Pattern[str]:
    return re.compile(
        rf"\s*{LEAD}(?P<told>(?:{begins})(?:(?<=\s)|(?!\w)){its_own}(?P<rest>.*))",
        re.IGNORECASE | re.DOTALL,
    )
