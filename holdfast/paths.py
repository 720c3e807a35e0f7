"""Where Holdfast keeps local things: one folder of the user's, shared by every command."""

from __future__ import annotations

import secrets
from pathlib import Path

import platformdirs


def data_folder() -> Path:
    """The user's data folder for Holdfast (not made yet)."""
    return Path(platformdirs.user_data_dir("holdfast", appauthor=False))


def local_database() -> Path:
    """The database file used when nothing else is said."""
    return data_folder() / "holdfast.sqlite3"


def local_secret() -> str:
    """A secret of this installation, made at first use; only for local use.

    Where the folder cannot be written the secret lasts as long as the process: page cursors and
    logins then end with it.
    """
    path = data_folder() / "secret_key"
    try:
        return path.read_text(encoding="ascii").strip() or _made(path)
    except FileNotFoundError:
        return _made(path)
    except OSError:
        return secrets.token_urlsafe(48)


def _made(path: Path) -> str:
    secret = secrets.token_urlsafe(48)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secret, encoding="ascii")
    except OSError:
        pass
    return secret
