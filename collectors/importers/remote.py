"""Files behind a URL: s3://, gs://, memory:// and whatever else fsspec opens, as the same sources as files of this machine.

The only importer of fsspec, which is an extra: load this module when a URL is named.
"""

from __future__ import annotations

import glob
import io
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import IO, Any, Final

from fsspec.core import url_to_fs
from fsspec.registry import known_implementations

from collectors.importers.files import ImportSource, is_data, signal_of
from collectors.importers.instants import nanoseconds
from monitor.errors import UsageError

CHANGED: Final = ("LastModified", "mtime", "updated", "last_modified", "modified", "created")
"""Where stores say when a file was last changed."""

EXTRAS: Final = {
    name: f"'{extra}'"
    for names, extra in (("s3 s3a", "plumbline[s3]"), ("http https", "fsspec[http]"))
    for name in names.split()
}
"""Protocols whose driver comes with an extra of ours, or of fsspec."""

Info = Mapping[str, Any]


def find_remote(url: str) -> tuple[list[ImportSource], list[str]]:
    """Return what can be imported at `url` (a file, a folder, or a pattern with `*`), in order of name, and what was passed over.

    Raises `UsageError`, in one line, when the URL cannot be reached as it is written.
    """
    try:
        files, path = url_to_fs(url)
        named, infos = _listed(files, path)
    except FileNotFoundError:
        raise UsageError(f"{url} does not exist") from None
    except (ImportError, ValueError) as error:
        raise UsageError(_missing(url, error)) from None
    except Exception as error:  # noqa: BLE001 - each driver has errors of its own: no credentials, no such host, forbidden
        raise UsageError(f"{url} cannot be read: {_said(error)}") from None
    sources: list[ImportSource] = []
    passed: list[str] = []
    for info in infos:
        sources.append(_source(files, info)) if named or is_data(_last(info)) else passed.append(str(info["name"]))
    return sources, passed


def _listed(files: Any, path: str) -> tuple[bool, list[Info]]:
    """Return whether one file was named outright, and the files there, in order of name."""
    if glob.has_magic(path):
        found = files.glob(path, detail=True)
        infos = [inner for info in found.values() for inner in _within(files, info)]
    elif files.isdir(path):
        infos = list(files.find(path, detail=True).values())
    else:
        return True, [files.info(path)]
    return False, sorted(infos, key=lambda info: str(info["name"]))


def _within(files: Any, info: Info) -> list[Info]:
    return list(files.find(info["name"], detail=True).values()) if info["type"] == "directory" else [info]


def _missing(url: str, error: Exception) -> str:
    """Say what to install when there is no driver for the protocol of `url`."""
    protocol = url.partition("://")[0]
    if not isinstance(error, ImportError):
        return f"{url} cannot be read: {_said(error)}"
    driver = known_implementations.get(protocol, {}).get("class", protocol).partition(".")[0]
    return f"{url}: {protocol}:// cannot be read yet (pip install {EXTRAS.get(protocol, driver)})"


def _source(files: Any, info: Info) -> ImportSource:
    return ImportSource(
        name=str(files.unstrip_protocol(info["name"])),
        size=int(info.get("size") or 0),
        changed_ns=next((found for name in CHANGED if (found := _nanoseconds(info.get(name)))), 0),
        signal=signal_of(_last(info)),
        open_raw=partial(_opened, files, info["name"]),
        beside=partial(_near, files, info["name"]),
    )


def _nanoseconds(value: Any) -> int:
    if isinstance(value, datetime):
        return int(value.timestamp() * 1_000_000) * 1000
    return nanoseconds(value)


def _near(files: Any, path: str) -> list[ImportSource]:
    infos = files.ls(files._parent(path), detail=True)  # noqa: SLF001 - the one name fsspec has for it
    near = [info for info in infos if info["type"] == "file" and info["name"] != path and is_data(_last(info))]
    return [_source(files, info) for info in sorted(near, key=lambda info: str(info["name"]))]


def _last(info: Info) -> str:
    return str(info["name"]).rsplit("/", 1)[-1]


def _opened(files: Any, path: str) -> IO[bytes]:
    try:
        return io.BufferedReader(_Remote(files.open(path, "rb")))
    except Exception as error:  # noqa: BLE001 - as above
        raise OSError(_said(error)) from None


class _Remote(io.RawIOBase):
    """A remote file whose errors are `OSError`s, whatever its driver calls them."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._file.read(len(buffer))
        except Exception as error:  # noqa: BLE001 - as above
            raise OSError(_said(error)) from None
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
