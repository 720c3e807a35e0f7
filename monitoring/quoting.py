"""The sentence of a text that says something, to the letter. Pure."""

from __future__ import annotations

import re

MOST = 500
_END = re.compile(r"[.!?](?=\s)|\n")


def sentence(text: str, phrase: str) -> str:
    """The sentence around a phrase, MOST characters at most; "" where the text does not have it."""
    at = text.casefold().find(phrase.casefold())
    if at < 0 or len(text.casefold()) != len(text):
        # Some letters fold to two: places would not be the same.
        at = text.find(phrase)
    if at < 0:
        return ""
    begin = max((end.end() for end in _END.finditer(text, 0, at)), default=0)
    found = _END.search(text, at + len(phrase))
    end = found.end() if found else len(text)
    if end - begin > MOST:
        begin = max(begin, at - MOST // 2)
        end = min(end, begin + MOST)
    return text[begin:end].strip()
