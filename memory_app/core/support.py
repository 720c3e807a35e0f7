"""How much of a question is borne out by what was said: the measure below which nothing comes back.

A score tells turns apart and is scaled to the best of them; whether the best is any good must be
told by something else.
"""

from __future__ import annotations

import numpy as np

from memory_app.core.asked import Asked
from memory_app.core.index import Index, Matches, Matrix, moved

UNLIKE = 0.65
"""A cosine of all-MiniLM-L6-v2 up to which a turn bears out nothing: for what was never said it is
as high."""
PERSON = 3
"""Words that someone who speaks here counts for."""
UNHEARD = 1 / 3
"""What is left where a question names something that nobody ever said."""


def support(index: Index, question: Asked, matches: Matches, *, like: float = 0.0) -> float:
    """0..1: the largest share of a question that a turn and its neighbours hold, by rare words.

    `matches` are of the terms that count, `like`, 0..1, is how far the largest cosine is above what
    is always there. Someone who speaks here is a word that is held, and so is a day on which
    something was said. What is asked of a name or a number that nobody ever said was not said
    either; unless it is asked of someone who speaks here, of whom much may be told without it
    ("would she like Vivaldi?").
    """
    begun = index.beginnings(matches.terms).counts
    people = len(index.speakers.intersection(matches.terms))
    known = people * PERSON + _is_known_day(index, question)
    share = max(_share(index, question, matches, begun, known), like)
    heard = {word for word, held in zip(matches.terms, begun.any(axis=1), strict=True) if held}
    heard |= {word for word in question.names if index.frequency(word)}
    return share if people or question.names <= heard else share * UNHEARD


def _share(index: Index, question: Asked, matches: Matches, begun: Matrix, known: int) -> float:
    """The share of the question's words; `known` are so many more, of middling rarity."""
    speakers = index.speakers
    told = [word not in speakers for word in matches.terms]
    # "deadline" says what kind of answer is wanted, unless it is all that is asked for.
    apart = [word not in question.apart for word in matches.terms]
    if any(one and other for one, other in zip(told, apart, strict=True)):
        told = [one and other for one, other in zip(told, apart, strict=True)]
    if not any(told):
        return float(bool(known))
    rarity = matches.rarity * np.array(told, np.float32)
    near = matches.counts + begun
    near = near + moved(near, index.before) + moved(near, index.behind)
    whole = float(rarity.sum())
    more = known * whole / sum(told)
    return (float((rarity @ (near > 0)).max()) + more) / (whole + more)


def _is_known_day(index: Index, question: Asked) -> bool:
    return any(first <= day <= last for first, last in question.spans for day in index.days)
