"""The bearer token of the api: made on first start, readable by its owner only."""

from __future__ import annotations

import secrets
from pathlib import Path

from monitor.errors import StoreError
from monitor.private_file import create_private


def ensure_token(path: Path) -> str:
    """Return the token in `path`; on first start create it, readable by its owner only."""
    try:
        if not path.exists():
            create_private(path, f"{secrets.token_urlsafe(32)}\n".encode())
    except OSError as error:
        raise StoreError(f"{path}: cannot be created: {error.strerror} (check the permissions of the folder)") from None
    return read_token(path)


def read_token(path: Path) -> str:
    """Return the token in `path`. Raises `StoreError` where it cannot be read or is empty."""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise StoreError(f"{path}: cannot be read (run this as the user who started the agent)") from None
    if not token:
        raise StoreError(f"{path}: is empty (delete it and start the agent again)")
    return token
