"""Small private files that survive a kill and a power cut: keys, tokens, tombstones, what runs where.

A file is there whole or not at all, readable by its owner only from its first moment, and durable when the call returns.
Not for what grows with traffic: each write makes the file anew.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def replace_private(path: Path, data: bytes) -> None:
    """Put `data` at `path` instead of what is there. Raises `OSError`, having left the old file as it was."""
    draft = _draft(path, data)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def create_private(path: Path, data: bytes) -> bool:
    """Put `data` at `path` unless something is there: of two processes that start together the first wins.

    Return whether it was this one. Raises `OSError`.
    """
    draft = _draft(path, data)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    _sync_folder(path.parent)
    return True


def _draft(path: Path, data: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _sync_folder(folder: Path) -> None:
    """The name must be as durable as what it names."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
