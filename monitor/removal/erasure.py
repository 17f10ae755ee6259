"""One erasure from beginning to end: rows, spool, alerts, reports, logs, and the free blocks of both databases.

Every step can be repeated, and the store knows whether the last was reached: `finish_erasure` goes on after a kill. The ids to
look for lie in the store until all files were searched, and leave it before it is rewritten.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from monitor.places import Places
from monitor.removal.frame_shrinker import reduced
from monitor.removal.spool_rewriter import rewrite_spool
from monitor.removal.tombstones import keep_tombstones
from monitor.store.load import positions
from monitor.store.opening import Store
from monitor.store.removal.erase import erase_late, erasing, finished, pending, searched, tombstones, unquoting
from monitor.store.removal.erasure_scope import Tombstones, either, listed, without
from monitor.store.removal.rebuild import UNREADABLE, drop_drafts, rebuild


class Control(Protocol):
    """What is told about alerts, and kept beside the store."""

    def erase(self, change: Callable[[str], str]) -> int:
        """Apply `change` to every text and rewrite the file."""

    def forget(self, app: str) -> int:
        """Drop the alerts about an app."""


def finish_erasure(store: Store, places: Places, key: bytes, control: Control) -> bool:
    """Bring a begun erasure to its end, in the store, in files and in `control`. Returns whether there was one."""
    if not pending(store):
        return False
    erase_late(store, key)
    ids = erasing(store)
    lookup = either(listed(ids), Tombstones(key, tombstones(store)).lookup)
    rewrite_spool(places.spool, lambda tables: reduced(tables, partial(without, lookup=lookup)), positions(store))
    for app in ids.get("app", ()):
        control.forget(app)
    control.erase(unquoting(ids))
    for log in places.logs.glob("*") if places.logs.is_dir() else ():
        blank(log, ids)
    for folder in ("reports", "exports", "imports"):
        shutil.rmtree(places.root / folder, ignore_errors=True)
    drop_drafts(places.root)
    for damaged in places.root.glob(UNREADABLE):
        damaged.unlink(missing_ok=True)
    keep_tombstones(store, places.root)
    searched(store)
    rebuild(store)
    finished(store)
    store.checkpoint()
    return True


def blank(path: Path, ids: Mapping[str, frozenset[str]]) -> None:
    """Overwrite ids in a log where they stand; whoever appends to it is not disturbed."""
    wanted = sorted({value for values in ids.values() for value in values if len(value) >= 4}, key=len, reverse=True)
    if not wanted or not path.is_file():
        return
    found = re.compile(b"|".join(re.escape(value.encode()) for value in wanted))
    with path.open("r+b") as file:
        for match in found.finditer(file.read()):
            os.pwrite(file.fileno(), b"x" * len(match[0]), match.start())
        os.fsync(file.fileno())
