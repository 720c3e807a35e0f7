"""What a form has done travels in the address of the page that tells it, signed.

A host may have no sessions of Django, a reload tells it again and does nothing, and nobody else can
have written it. Each kind has a name, and is of one project or object: a text of another one is
none.
"""

from __future__ import annotations

from typing import Any

from django.core import signing

KEPT_SECONDS = 86_400


def write(kind: str, of: object, values: Any) -> str:
    """Values that JSON has, as text that only this installation could have written."""
    return signing.dumps(values, salt=_salt(kind, of), compress=True)


def read(kind: str, of: object, text: str, *, kept_seconds: int | None = KEPT_SECONDS) -> Any:
    """What `write` was given; None for any other text, and after a day."""
    try:
        return signing.loads(text, salt=_salt(kind, of), max_age=kept_seconds)
    except signing.BadSignature:
        return None


def _salt(kind: str, of: object) -> str:
    return f"holdfast.{kind}.{of}"
