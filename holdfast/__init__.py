"""Holdfast keeps the state of LLM conversations: the log, the context, and why.

Importing it loads neither Django nor a driver; the first `open()` does.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.adoption import Adoption
    from holdfast.facade import (
        Client,
        Memory,
        Session,
        amemory,
        aopen,
        aworker,
        connect,
        memory,
        open,  # noqa: A004
        worker,
    )
    from holdfast.leases import Lease
    from holdfast.values import Appended, Changed, Context, UserContext
    from sessions_app.core import errors
    from sessions_app.core.errors import HoldfastError

    __version__: str


def _pages() -> str:
    """The name that the dashboard is imported by: a host's own `monitoring` goes before ours."""
    ours = Path(__file__).resolve().parents[1] / "monitoring" / "__init__.py"
    found = find_spec("monitoring")
    taken = found is None or found.origin is None or Path(found.origin).resolve() != ours
    return "holdfast.pages" if taken else "monitoring"


PAGES = _pages()
APPS = (
    "sessions_app.apps.SessionsConfig",
    "memory_app.apps.MemoryConfig",
    f"{PAGES}.apps.MonitoringConfig",
    "holdfast.apps.HoldfastConfig",
    "ninja",
    "django_htmx",
)

_LAZY = {
    "Adoption": "holdfast.adoption",
    "Appended": "holdfast.values",
    "Changed": "holdfast.values",
    "Client": "holdfast.facade",
    "Context": "holdfast.values",
    "Lease": "holdfast.leases",
    "HoldfastError": "sessions_app.core.errors",
    "Memory": "holdfast.facade",
    "Session": "holdfast.facade",
    "UserContext": "holdfast.values",
    "amemory": "holdfast.facade",
    "aopen": "holdfast.facade",
    "aworker": "holdfast.facade",
    "connect": "holdfast.facade",
    "memory": "holdfast.facade",
    "open": "holdfast.facade",
    "worker": "holdfast.facade",
}

__all__ = [
    "APPS",
    "PAGES",
    "Adoption",
    "Appended",
    "Changed",
    "Client",
    "Context",
    "HoldfastError",
    "Lease",
    "Memory",
    "Session",
    "UserContext",
    "__version__",
    "amemory",
    "aopen",
    "aworker",
    "connect",
    "errors",
    "memory",
    "open",
    "worker",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        found = getattr(import_module(_LAZY[name]), name)
    elif name == "errors":
        found = import_module("sessions_app.core.errors")
    elif name == "__version__":
        found = import_module("holdfast.version").VERSION
    else:
        raise AttributeError(f"module 'holdfast' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
