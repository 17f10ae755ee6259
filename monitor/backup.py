"""A backup of a data directory: taken while it runs, read back before it counts, and the way back from it.

A backup is a folder: the telemetry, the control state, the keys, what was erased, and the spool, with a manifest of sizes and
digests. It appears whole or not at all; what a kill left half made is taken away by the next. The spool is copied last: it may
hold more than the store has loaded, and the loader of a restored directory goes on with it, each row once.

It holds the texts of traces and the keys, so it is as private as the data directory. The token of the api is left out: a
restored agent makes its own. An erasure does not reach into backups: erase again after a restore, and let old ones go.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from monitor.errors import StoreError, UsageError
from monitor.places import Places
from monitor.private_file import replace_private
from monitor.state import ControlState
from monitor.store.copying import copy_store, rows_of_copy
from monitor.store.opening import Store

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
STAMP: Final = "plumbline-%Y%m%dT%H%M%SZ"
BESIDE: Final = ("redaction.key", "keys.json", "erased.json")
"""Small files of the data directory that go along where they are there."""

_CHUNK: Final = 1 << 20

Progress = Callable[[float, str], None]
Still = Callable[[], AbstractContextManager[object]]
"""Holds everything that changes the data directory still while both stores are copied."""


class File(msgspec.Struct, frozen=True):
    """One file of a backup."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds. `rows` are those of the telemetry, by table; times are UTC."""

    format: int
    made_at: datetime
    rows: dict[str, int]
    files: dict[str, File]


def take_backup(
    store: Store, state: ControlState, places: Places, folder: Path, still: Still, progress: Progress
) -> Path:
    """Make a backup in `folder` and return where it is. Raises `UsageError`, `StoreError`; an exception of `progress` stops it."""
    _outside(folder, places.root)
    try:
        draft = _draft(folder)
        with still():
            progress(0.1, "copying the stores")
            copy_store(store, draft / places.telemetry.name)
            state.copy_to(draft / places.control.name)
        progress(0.5, "copying the spool")
        _copy_beside(places, draft)
        progress(0.7, "reading back")
        manifest = Manifest(FORMAT, store.clock.now(), rows_of_copy(draft / places.telemetry.name), _files(draft))
        replace_private(draft / MANIFEST, msgspec.json.encode(manifest))
        verify_backup(draft)
        whole = folder / manifest.made_at.astimezone(UTC).strftime(STAMP)
        draft.rename(whole)
    except OSError as error:
        raise StoreError(
            f"{folder}: the backup cannot be written: {error.strerror} (check free space and permissions)"
        ) from None
    progress(1.0, "done")
    return whole


def verify_backup(backup: Path) -> Manifest:
    """Return the manifest of a backup whose files are what it says. Raises `UsageError` naming the first that is not."""
    manifest = _manifest(backup)
    for name, wanted in manifest.files.items():
        path = backup / name
        if not path.is_file() or _file(path) != wanted:
            raise UsageError(f"{path} is not what the backup says it is (take another backup)")
    rows = rows_of_copy(backup / Places(backup).telemetry.name)
    if rows != manifest.rows:
        raise UsageError(f"{backup}: the telemetry has other rows than the backup says (take another backup)")
    ControlState.check_copy(Places(backup).control)
    return manifest


def restore_backup(backup: Path, root: Path) -> Manifest:
    """Make the data directory `root` out of a backup. Raises `UsageError` where there is data already, or the backup is damaged.

    A kill leaves `root` as it was.
    """
    if root.exists() and any(root.iterdir()):
        raise UsageError(f"{root} is not empty (give an empty --data-dir, or move it away first)")
    manifest = verify_backup(backup)
    draft = root.parent / f".{root.name}.restoring"
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        for name in manifest.files:
            _copy(backup / name, draft / name)
        draft.replace(root)
    except OSError as error:
        raise StoreError(f"{root}: cannot be restored: {error.strerror} (check free space and permissions)") from None
    return manifest


def newest_backup(folder: Path) -> datetime | None:
    """Return when the newest whole backup in `folder` was made; None where there is none."""
    made = [_made_at(path) for path in folder.glob("plumbline-*") if (path / MANIFEST).is_file()]
    return max(filter(None, made), default=None)


def backup_due(folder: Path, every: timedelta, now: datetime) -> bool:
    """Return whether the newest backup in `folder` is `every` old, or there is none."""
    newest = newest_backup(folder)
    return newest is None or now - newest >= every


def let_go(folder: Path, keep: int) -> int:
    """Remove all but the `keep` newest backups of `folder`; return how many went."""
    whole = sorted(path for path in folder.glob("plumbline-*") if (path / MANIFEST).is_file() and _made_at(path))
    for path in whole[:-keep]:
        shutil.rmtree(path)
    return max(0, len(whole) - keep)


def _made_at(path: Path) -> datetime | None:
    try:
        return datetime.strptime(path.name, STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _outside(folder: Path, root: Path) -> None:
    if folder.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{folder} lies in the data directory (choose a folder elsewhere, best on another disk)")


def _draft(folder: Path) -> Path:
    """An empty folder to work in; what an earlier kill left of one goes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / ".plumbline-partial"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    return draft


def _copy_beside(places: Places, draft: Path) -> None:
    for name in BESIDE:
        if (places.root / name).is_file():
            _copy(places.root / name, draft / name)
    for segment in sorted(places.spool.glob("*.seg")):
        _copy(segment, draft / places.spool.name / segment.name)


def _copy(source: Path, target: Path) -> None:
    """Copy, private and durable."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with source.open("rb") as given, os.fdopen(handle, "wb") as file:
        shutil.copyfileobj(given, file, _CHUNK)
        file.flush()
        os.fsync(handle)


def _files(folder: Path) -> dict[str, File]:
    return {str(path.relative_to(folder)): _file(path) for path in _paths(folder)}


def _paths(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MANIFEST)


def _file(path: Path) -> File:
    with path.open("rb") as file:
        return File(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _manifest(backup: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise UsageError(f"{backup} is no backup: it has no {MANIFEST} (give a folder plumbline-...)") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{backup / MANIFEST} cannot be read: {error}") from None
    if manifest.format > FORMAT:
        raise UsageError(f"{backup} was made by a newer Plumbline (format {manifest.format}); update")
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in manifest.files):
        raise UsageError(f"{backup / MANIFEST} names files outside the backup (take another backup)")
    return manifest
