"""Texts and questions in many scripts, made of few parts so that they meet."""

from __future__ import annotations

from hypothesis import strategies as st

PARTS = (
    "flight", "Flights", "fl", "late", "É", "été", "e\u0301te\u0301", "Straße", "STRASSE", "naïve",
    "会", "会议", "开会议室", "東京", "カタカナ", "ﾊﾝｶｸ", "한국", "한국어", "สวัสดี", "हिन्दी",
    "привет", "ПРИВЕТ", "7", "77", "3.14", "order-48213", "😀", "👩‍👧",
    "_", "-", "*", '"', "'", "(", ")", "+", "$", "\\",
    "NEAR(", "AND", "OR", ":", "%", "\n", "\u2028", "ǅ", "ﬁ", "x" * 70,
)  # fmt: skip
TEXTS = st.lists(
    st.tuples(st.sampled_from(PARTS) | st.text(max_size=3), st.sampled_from((" ", "", " "))),
    max_size=12,
).map(lambda parts: "".join(part + blank for part, blank in parts).replace("\0", ""))
QUESTIONS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map(" ".join)
