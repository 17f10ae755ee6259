"""The bearer token of the api: made on first start, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from monitor.errors import StoreError


def ensure_token(path: Path) -> str:
    """Return the token in `path`; on first start create it, readable by its owner only."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_token(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be created: {error.strerror} (check the permissions of the folder)") from None
    token = secrets.token_urlsafe(32)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    return token


def read_token(path: Path) -> str:
    """Return the token in `path`. Raises `StoreError` where it cannot be read or is empty."""
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise StoreError(f"{path}: cannot be read (run this as the user who started the agent)") from None
    if not token:
        raise StoreError(f"{path}: is empty (delete it and start the agent again)")
    return token
