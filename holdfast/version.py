"""The version of this code: the newest heading of CHANGELOG.md, repeated for the wheel."""

from typing import Final

VERSION: Final = "0.1.0"
