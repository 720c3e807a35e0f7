"""What each trait of a turn weighs in `rank`, and below what nothing comes back.

Fitted by `python -m bench.quality.rank_fit` to 755 questions about four long conversations of two
people (LoCoMo), a question's evidence against all other turns; the weight of "words" was set. The
traits are within 0..1, so a weight is also the most that its trait adds or takes.
"""

from collections.abc import Mapping

PLAIN: Mapping[str, float] = {
    "words": 1.00,
    "words in context": 1.29,
    "words around": 0.84,
    "beginnings around": 1.87,
    "words of the session": 2.15,
    "neighbouring words": 0.69,
    "answers these neighbouring words": 2.23,
    "by who is asked about": 0.67,
    "by them of themselves": 0.60,
    "told to who is asked about": -0.97,
    "a question": -0.19,
    "answers a question": 0.37,
    "worth keeping": 1.67,
    "length": -1.01,
    "begins a session": 0.51,
    "tells when": 1.20,
    "tells how many": 1.03,
    "tells who or where": 1.99,
    "day": 5.13,
}
"""For turns without vectors."""

WITH_VECTORS: Mapping[str, float] = {
    "words": 1.00,
    "words in context": 0.76,
    "words around": 0.22,
    "beginnings around": 1.82,
    "words of the session": 2.00,
    "neighbouring words": 0.54,
    "answers these neighbouring words": 2.17,
    "by who is asked about": 0.67,
    "by them of themselves": 0.58,
    "told to who is asked about": -1.11,
    "a question": -0.16,
    "answers a question": 0.35,
    "worth keeping": 1.59,
    "length": -0.37,
    "begins a session": 0.45,
    "tells when": 1.23,
    "tells how many": 1.08,
    "tells who or where": 1.70,
    "day": 5.11,
    "cosine": 2.64,
    "cosine of the neighbours": 1.86,
}
"""For turns and questions with vectors of all-MiniLM-L6-v2."""

FLOOR = 0.25
"""The share of a question that must be borne out for anything to come back. One in a thousand of
those questions has less, all of 40 written ones about what was never said, and 98 % of questions
that were put to another conversation than their own."""
