"""What each trait of a turn weighs in `rank`, and below what nothing comes back.

Fitted by `python -m bench.quality.rank_fit` to 755 questions about four long conversations of two
people (LoCoMo), a question's evidence against all other turns; the weight of "words" was set. The
traits are within 0..1, so a weight is also the most that its trait adds or takes.
"""

from collections.abc import Mapping

PLAIN: Mapping[str, float] = {
    "words": 1.00,
    "words in context": 1.33,
    "words around": 1.21,
    "beginnings around": 1.48,
    "words of the session": 2.11,
    "neighbouring words": 0.70,
    "answers these neighbouring words": 2.24,
    "by who is asked about": 0.68,
    "by them of themselves": 0.61,
    "told to who is asked about": -0.90,
    "a question": -0.23,
    "answers a question": 0.39,
    "worth keeping": 1.63,
    "length": -1.00,
    "begins a session": 0.54,
    "tells when": 1.22,
    "tells how many": 0.94,
    "tells who or where": 2.04,
    "day": 5.09,
}
"""For turns without vectors."""

WITH_VECTORS: Mapping[str, float] = {
    "words": 1.00,
    "words in context": 0.81,
    "words around": 0.59,
    "beginnings around": 1.41,
    "words of the session": 1.97,
    "neighbouring words": 0.57,
    "answers these neighbouring words": 2.19,
    "by who is asked about": 0.67,
    "by them of themselves": 0.58,
    "told to who is asked about": -1.05,
    "a question": -0.19,
    "answers a question": 0.37,
    "worth keeping": 1.54,
    "length": -0.34,
    "begins a session": 0.48,
    "tells when": 1.26,
    "tells how many": 0.98,
    "tells who or where": 1.70,
    "day": 5.07,
    "cosine": 2.61,
    "cosine of the neighbours": 1.84,
}
"""For turns and questions with vectors of all-MiniLM-L6-v2."""

FLOOR = 0.45
"""The share of a question that must be borne out for anything to come back (see `support`). Of the
755 questions five have less, of those that were put to another conversation than their own all but
four in a thousand; of written ones every one about what was never said, and none of the others."""
