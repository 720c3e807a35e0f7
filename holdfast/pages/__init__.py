"""The dashboard under a second name, for sites with a package called `monitoring` of their own.

`holdfast.pages.urls` is the file `monitoring/urls.py`: those files import each other relatively,
so they are one app under either name. A process uses one of the two: `holdfast.PAGES` says which.
"""

from __future__ import annotations

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parents[2] / "monitoring")]
