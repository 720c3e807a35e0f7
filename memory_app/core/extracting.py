"""What a person says of themselves in plain words, as candidates for facts.

Only a sentence of a human user that begins in the first person is read, and precision goes before
completeness: what is asked, supposed, quoted, reported, pasted or hidden is not learnt. A tool's
output and a model's answer give nothing, whatever they say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from hashlib import blake2b
from typing import NamedTuple

from memory_app.core import blocks, openings
from memory_app.core.openings import CORRECTED, FIRST_PERSON, LEAD, REPORTED, Rule
from memory_app.core.passages import Passage

PASTED = 1_200
"""Characters from which on a message is taken for something pasted and not read."""
SHORTEST, LONGEST = 2, 40
"""Words of a sentence that is learnt."""
MOST_NAMED = 120
"""Characters of what is said of a person, to be named in a relation."""
LONGEST_NAME, LONGEST_CATEGORY = 255, 64
"""Characters of a key, relation or object, and of a category."""
CLAIM = "claim"
CORRECTION = "correction"

Categories = Mapping[str, Sequence[str]]
"""By category the phrases that its sentences begin with."""

_SENTENCE = re.compile(r"[^\n.!?]+(?:[.!?](?!\s|$)[^\n.!?]+)*[.!?]*")
_WORD = re.compile(r"\w+")
_FENCED = re.compile(r"(```|~~~).*?(?:\1|\Z)", re.DOTALL)
_NOT_SPOKEN = re.compile(r"^(?:>|\s{4}|\t|\||#|<|\[|\{|[-*+•]\s|\d+[.)]\s)")
_MARKED = re.compile(
    r"<\|[\w-]{1,40}\|>|\[/?INST\]|<</?SYS>>"
    r"|</?\s*(?:system|assistant|user|human|tool\w*|function\w*|instructions?|memory)\b",
    re.IGNORECASE,
)
_HEADING = re.compile(r":\s*$|^\s*[\w .'-]{1,40}:\s|^\s*(?:---|===|\*\*\*)")
"""A line after which, or from which on, somebody else's words may stand."""
_LEAD = re.compile(rf"\s*{LEAD}", re.IGNORECASE)
_ASKING = re.compile(
    r",\s*(?:can|could|would|will|please|what|which|how|where|so please|but (?:can|could|what)"
    r"|kannst|könnt\w*|was|wie|puedes|podrías|qué|peux|pourr\w+|que(?:l|lle))\b.*",
    re.IGNORECASE | re.DOTALL,
)
"""What follows a statement and is no part of it: "I'm vegan, can you suggest a place"."""


_CLAUSE = re.compile(
    r",?\s+(?:and|but|und|aber|y|pero|et|mais)\s+(?=(?:i|ich|my|me|je|j')\b)", re.IGNORECASE
)
_ENDED = re.compile(
    rf"\s*{LEAD}(?P<told>i(?:'m| am)? (?:no longer (?P<rest>.+)"
    r"|(?:don't|do not) (?P<kept>.+?) (?:any ?more|any longer)))[.!\s]*",
    re.IGNORECASE | re.DOTALL,
)
"""What held and does so no longer."""
_ENDED_BY = re.compile(r"\bno longer\b", re.IGNORECASE)
_BESIDE = re.compile(
    r",?\s+(?:and|but|because|since|so|while|which|where|now|not|und|aber|weil|y|pero|porque"
    r"|et|mais|parce|(?:um)?gezogen)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_HIDDEN = ("Cf", "Co", "Cn", "Cc")


class Candidate(NamedTuple):
    """What may become a fact of the user who wrote message `seq` as `author`, and of nobody else.

    `quote` is a substring of the message's text, `confidence` is 0..1. `key` names what there is
    one of, "" for what there may be several of; `relation` and `object` are what is said of the
    user. `instead` is what a correction puts `object` in the place of, "" for any other; `ends`
    says that it holds no longer.
    """

    seq: int
    author: str
    category: str
    quote: str
    confidence: float
    trust: str = "user"
    key: str = ""
    relation: str = ""
    object: str = ""
    instead: str = ""
    ends: bool = False


class Extracted(NamedTuple):
    """`injected` counts sentences that were given to the model before and are not learnt again."""

    candidates: tuple[Candidate, ...]
    injected: int = 0


def extract(passages: Sequence[Passage], categories: Categories | None = None) -> list[Candidate]:
    """The candidates in `passages`, in their order. `categories` come before the rules that the
    package has."""
    own = [openings.phrases(name, tuple(phrases)) for name, phrases in (categories or {}).items()]
    rules = (*own, *openings.rules())
    return [
        found
        for passage in passages
        for sentence in spoken(passage)
        for found in _ruled(passage, sentence, rules)
    ]


def admitted(
    found: Sequence[Candidate],
    passages: Sequence[Passage],
    *,
    injected: AbstractSet[str] = frozenset(),
    imported: bool = False,
) -> Extracted:
    """Those of the candidates that may be learnt, whoever found them: a quote must stand in what a
    user says in their own words. What was `injected`, as fingerprints, is counted. What was
    imported is a `claim` that nobody vouches for, and takes no other fact's place."""
    said = {passage.seq: passage for passage in passages}
    kept: list[Candidate] = []
    again = 0
    for one in found:
        passage = said.get(one.seq)
        if passage is None or not one.quote or not _is_sound(one) or not _is_spoken(one, passage):
            continue
        if fingerprint(one.quote) in injected:
            again += 1
            continue
        if imported and (one.instead or one.ends):
            continue
        # Whose word it is, no extractor says.
        one = one._replace(author=passage.author, trust="user")
        kept.append(_claimed(one) if imported else one)
    return Extracted(tuple(kept), again)


def _is_sound(one: Candidate) -> bool:
    """Whether its names have room in a fact, and its confidence is one."""
    names = (one.key, one.relation, one.object, one.instead)
    short = all(len(name) <= LONGEST_NAME and "\0" not in name for name in names)
    return short and 0 < len(one.category) <= LONGEST_CATEGORY and 0 <= one.confidence <= 1


def _claimed(one: Candidate) -> Candidate:
    return one._replace(category=CLAIM, trust="import", key="")


def _is_spoken(one: Candidate, passage: Passage) -> bool:
    return any(
        one.quote in sentence and _is_stated(sentence.replace("’", "'"), own=not one.instead)
        for sentence in spoken(passage)
    )


def _is_stated(sentence: str, *, own: bool) -> bool:
    """Whether a sentence states something as true, and as its `own` in the first person."""
    told = _ASKING.sub("", sentence)
    if told.rstrip().endswith("?") or REPORTED.search(_ENDED_BY.sub("", told)):
        return False
    return not own or FIRST_PERSON.search(told) is not None


def fingerprint(sentence: str) -> str:
    """The same for sentences of the same words, whatever their case, punctuation and lead."""
    plain = _LEAD.sub("", sentence, count=1)
    folded = unicodedata.normalize("NFKC", plain).casefold()
    return blake2b(" ".join(_WORD.findall(folded)).encode(), digest_size=8).hexdigest()


def fingerprints(text: str) -> frozenset[str]:
    """Of every sentence of a text that is put into a context."""
    return frozenset(fingerprint(found) for found in _SENTENCE.findall(text))


def spoken(passage: Passage) -> Iterator[str]:
    """The sentences that a human user says in their own words."""
    text = passage.text
    if passage.role != "user" or len(text) > PASTED or _hides(text) or _is_machines(text):
        return
    for line in _FENCED.sub("\n> \n", text).split("\n"):
        if _HEADING.search(line):
            return
        if not _NOT_SPOKEN.match(line):
            yield from _SENTENCE.findall(line)


def _is_machines(text: str) -> bool:
    """Whether marks stand in it that only programs write: of a block, of another role."""
    return blocks.holds_one(text) or _MARKED.search(text) is not None


def _hides(text: str) -> bool:
    """Whether it has characters that a person does not see: nobody types those."""
    # What is printable is seen. Else each character is looked up once, which most texts have often.
    odd = () if text.isprintable() else set(text).difference("\n\r\t")
    return any(unicodedata.category(char) in _HIDDEN for char in odd)


def _ruled(passage: Passage, sentence: str, rules: Sequence[Rule]) -> Iterator[Candidate]:
    """What a sentence says of the person, clause by clause; nothing where it is not learnt."""
    # One character for one, so that places in both are the same.
    plain = sentence.replace("’", "'")
    asked = _ASKING.search(plain)
    told = plain[: asked.start()] if asked else plain
    if told.rstrip().endswith("?") or not SHORTEST <= len(told.split()) <= LONGEST:
        return
    ended = _ENDED.fullmatch(told)
    rest = (ended["rest"] or ended["kept"]) if ended else ""
    if REPORTED.search(rest or told):
        return
    if ended is not None:
        found = _said(passage, sentence, f"i {rest}", rules)
        if found is not None:
            yield found._replace(quote=sentence[ended.start("told") :].strip(), ends=True)
        return
    start = 0
    for cut in (*_CLAUSE.finditer(told), None):
        end = cut.start() if cut else len(told)
        clause = _said(passage, sentence[start:end], told[start:end], rules)
        if clause is not None:
            yield clause
        start = cut.end() if cut else end


def _said(passage: Passage, sentence: str, plain: str, rules: Sequence[Rule]) -> Candidate | None:
    """What the first rule that fits makes of a sentence; `plain` has the same characters in the
    same places, but for apostrophes."""
    for form, opening in rules:
        if match := form.fullmatch(plain):
            about = match.groupdict().get("about")
            return Candidate(
                passage.seq,
                passage.author,
                opening.category,
                sentence[match.start("told") :].strip(),
                opening.confidence,
                key=folded(about or opening.about),
                relation=f"{opening.relation} {folded(about)}" if about else opening.relation,
                object=_object(match["rest"], alone=bool(about or opening.about)),
            )
    return _corrected(passage, sentence, plain)


def _corrected(passage: Passage, sentence: str, plain: str) -> Candidate | None:
    lead = _LEAD.match(plain)
    start = lead.end() if lead else 0
    for form in CORRECTED:
        if match := form.fullmatch(plain[start:].rstrip()):
            new, old = match["new"].strip(" ,"), match["old"].strip(" ,")
            quote = sentence[start:].strip()
            return Candidate(
                passage.seq, passage.author, CORRECTION, quote, 0.8, object=new, instead=old
            )
    return None


def folded(text: str) -> str:
    """A name as it is compared: small letters, single blanks."""
    return " ".join(text.casefold().split())


def _object(rest: str, *, alone: bool) -> str:
    """What is said of a person, short enough to be named; of what there is one of without what is
    said beside it."""
    plain = " ".join(rest.split())
    found = (_BESIDE.sub("", plain) if alone else plain).strip(" ,.!;:-")
    return found if len(found) <= MOST_NAMED else ""
