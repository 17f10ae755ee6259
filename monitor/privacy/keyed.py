"""The key of this installation, and what is made with it: digests that are stable here and say nothing elsewhere.

Whoever has the key can test a guess; whoever has only the data cannot. It never leaves the data directory, and without it neither
placeholders nor pseudonyms of old and new data belong together: keep it with your backups, apart from the data.
"""

from __future__ import annotations

import hmac
import re
import secrets
from pathlib import Path
from typing import Final, Literal

from monitor.errors import StoreError
from monitor.private_file import create_private

PLACEHOLDER: Final = "<([A-Z0-9_]+)_[0-9a-f]+>"
"""A pattern of what `placeholder` returns, for regex engines of every kind."""

PSEUDONYM: Final = re.compile(r"(?:user|session)_[0-9a-f]{20}")


def digest(key: bytes, *told: str) -> str:
    """Return the keyed hash of a purpose and a value, in hexadecimal digits."""
    return hmac.digest(key, "\x00".join(told).encode("utf-8", "surrogatepass"), "sha256").hex()


def placeholder(key: bytes, scope: str, kind: str, value: str) -> str:
    """Return what stands for a `value` of `kind`: the same within `scope` (a trace id), or everywhere where that is ""."""
    return f"<{kind.upper()}_{digest(key, scope, kind, value)[: 4 if scope else 8]}>"


def key_there(data_dir: Path) -> bytes | None:
    """Return the key of this installation if it has been made; makes nothing."""
    path = data_dir / "redaction.key"
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror} (it must be readable)") from None


Who = Literal["user", "session"]


def pseudonym(key: bytes, who: Who, plain: str) -> str:
    """Return what stands for an id everywhere; what is a pseudonym already stays as it is, so that exports can come back.

    >>> pseudonym(b"k", "user", "kim")
    'user_adc2b444d70a9a777275'
    """
    if PSEUDONYM.fullmatch(plain):
        return plain
    return f"{who}_{digest(key, 'pseudonym', who, plain)[:20]}"


def install_key(data_dir: Path) -> bytes:
    """Return the key of this installation, made on first use and readable by its owner only. Raises `StoreError`."""
    path = data_dir / "redaction.key"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            create_private(path, secrets.token_bytes(32))  # of two processes that start together both read one key
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror} (the data directory must be writable)") from None
