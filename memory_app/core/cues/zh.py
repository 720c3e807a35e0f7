"""x."""

PHRASES: dict[str, str] = {}
COMMON = LIGHT = ""
