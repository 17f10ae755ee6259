"""API keys: who may bring data in. A key is shown once, when it is made; what is kept is a salted hash of it.

Keys are 256 random bits, so one round of SHA-256 is enough: there is nothing to guess. The file is read again when it
changes, and one that cannot be read lets nobody in.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import logging
import re
import secrets
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from monitor.errors import ConfigError, UsageError
from monitor.private_file import replace_private

_log = logging.getLogger("plumbline.collector")

SCOPE: Final = "ingest"
PREFIX: Final = "plk_"
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key as it is kept."""

    name: str
    salt: str
    hash: str
    created: datetime
    scope: str = SCOPE


class _File(msgspec.Struct, frozen=True):
    keys: tuple[Key, ...] = ()


def read_keys(path: Path) -> tuple[Key, ...]:
    """Return the keys in `path`; none when there is no such file. Raises `ConfigError` when it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_File).keys
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError(str(path), None, f"cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        problem = "is damaged"
        raise ConfigError(str(path), None, problem, "remove it, then make the keys again") from None


def add_key(path: Path, name: str, now: datetime, make: Callable[[], str] = secrets.token_urlsafe) -> str:
    """Make a key called `name` and return it; nothing can show it again. Raises `UsageError` for a name in use."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a name for a key (letters, digits, dot, dash and underscore, at most 64)")
    key, salt = PREFIX + make(), secrets.token_hex(16)
    with _changing(path) as keys:
        if any(known.name == name for known in keys):
            raise UsageError(f"there is a key {name!r} already (choose another name, or remove it first)")
        keys.append(Key(name=name, salt=salt, hash=_hash(salt, key), created=now))
    return key


def remove_key(path: Path, name: str) -> None:
    """Forget the key called `name`. Raises `UsageError` when there is none."""
    with _changing(path) as keys:
        left = [key for key in keys if key.name != name]
        if len(left) == len(keys):
            raise UsageError(f"there is no key {name!r} (see `plumbline keys list`)")
        keys[:] = left


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[list[Key]]:
    """Hold the file of keys for one change; it is replaced as a whole, readable by its owner only."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        keys = list(read_keys(path))
        yield keys
        replace_private(path, msgspec.json.encode(_File(tuple(keys))))


def _hash(salt: str, key: str) -> str:
    return hashlib.sha256(f"{salt}{key}".encode("utf-8", "replace")).hexdigest()


@dataclass
class KeyRing:
    """The keys of one data directory, as they are now. May be asked from any thread."""

    path: Path
    _seen: tuple[int, int, int] | None = None
    _keys: tuple[Key, ...] | None = field(default=())  # None: the file cannot be read

    def keys(self) -> tuple[Key, ...] | None:
        """Return the keys; None when there should be some and they cannot be read."""
        seen = self._signature()
        if seen != self._seen:
            try:
                self._keys = read_keys(self.path)
            except ConfigError as error:
                self._keys = None
                _log.error("%s; until then every request is refused", error)
            self._seen = seen
        return self._keys

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def name_of(self, offered: list[str]) -> str | None:
        """Return the name of the key that is among `offered`; every key is compared, however early one fits."""
        found = None
        for key in self.keys() or ():
            for text in offered:
                if hmac.compare_digest(_hash(key.salt, text), key.hash) and key.scope == SCOPE:
                    found = key.name
        return found


class NotAdmitted(Exception):
    """No key, or none that is known."""

    def __init__(self, reason: str, *, missing: bool) -> None:
        super().__init__(reason)
        self.missing = missing


@dataclass(frozen=True)
class KeyCheck:
    """Who may come in by one door. Without any key a door on loopback is open; any other door never is."""

    ring: KeyRing
    local: bool

    def admit(self, headers: Mapping[str, str]) -> str | None:
        """Return the name of the key that `headers` carry, None where none is needed. Raises `NotAdmitted`."""
        if self.local and self.ring.keys() == ():
            return None
        offered = offered_in(headers)
        if not offered:
            raise NotAdmitted("no API key (send it as authorization: Bearer KEY, or x-api-key)", missing=True)
        name = self.ring.name_of(offered)
        if name is None:
            raise NotAdmitted("the API key is not known (see `plumbline keys list`)", missing=False)
        return name


def offered_in(headers: Mapping[str, str]) -> list[str]:
    """Return what could be a key in the headers (lower-case names) that clients use for one.

    >>> offered_in({"authorization": "Bearer a"}), offered_in({"authorization": "Basic cGs6c2s="}), offered_in({"x-api-key": "b"})
    (['a'], ['pk', 'sk'], ['b'])
    """
    found = [headers[name] for name in ("x-api-key", "api_key", "api-key") if headers.get(name)]
    # OTEL_EXPORTER_OTLP_HEADERS is URL-encoded, and some SDKs send it as it stands.
    scheme, _, rest = headers.get("authorization", "").replace("%20", " ").partition(" ")
    if scheme.lower() == "bearer":
        found.append(rest.strip())
    elif scheme.lower() == "basic":
        found += _basic(rest.strip())
    return [text for text in found if text]


def _basic(text: str) -> list[str]:
    try:
        user, _, password = b64decode(text.replace("%3D", "=")).decode().partition(":")
    except (Base64Error, ValueError):
        return []
    return [user, password]
