"""Retention by class: the hourly step that removes what is older than it may be kept, from the store and then from the bytes.

Removing is cheap and bounded, so it is done every hour; files are rewritten at most once a day (oftener where something is kept for
less), and only when the disk has room for a second copy of the store. Every part can be repeated: a kill at any moment leaves a store
that opens, and the record says what is still owed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from monitor.config.durations import parse_duration
from monitor.config.schema import RetentionSettings
from monitor.places import Places
from monitor.removal.frame_shrinker import Rows, reduced
from monitor.removal.spool_rewriter import rewrite_spool
from monitor.store.load import positions
from monitor.store.opening import Store
from monitor.store.removal.age_limits import KEEP_ALL, Held, Limits, limits_at, within
from monitor.store.removal.rebuild import UNREADABLE, drop_drafts, rebuild
from monitor.store.removal.retain import (
    Progress,
    begin,
    end,
    forget_units,
    forget_unused,
    note_labels,
    progress,
    remove_aged,
    rewritten,
)

NOTHING_HELD: Final = Held()
EVERY: Final = timedelta(hours=1)
FILES_EVERY: Final = timedelta(days=1)
ASIDE_FOR: Final = timedelta(days=7)
"""How long a damaged store that was set aside is left for whoever wants to save something from it, at the longest."""


@dataclass(frozen=True)
class Disk:
    """What rewriting needs to know of the disk: free bytes of a folder, and how many must stay free for the collectors."""

    free: Callable[[Path], int]
    spare: int


@dataclass(frozen=True)
class Retained:
    """What one run did: rows that went or lost their texts, whether the files were rewritten, bytes that it lacked for that."""

    removed: int = 0
    rewritten: bool = False
    lacking: int = 0


def retain(
    store: Store,
    places: Places,
    settings: RetentionSettings,
    now: datetime,
    disk: Disk,
    salt: str,
    age_labels: Callable[[Limits], int] = lambda _: 0,
    held: Held = NOTHING_HELD,
) -> Retained:
    """Remove what is too old at `now`; rewrite the files when that is due. Raises `StoreError`.

    `age_labels` does the same with what people said and returns how many labels it changed; what is `held` stays whatever its age. No other rewriting (an erasure, dropping segments) may run meanwhile; loading, the cycle and collectors may.
    """
    limits = limits_at(settings, now)
    if limits == KEEP_ALL:
        return Retained()
    limits = replace(limits, held=held)
    run = begin(store, limits, now)
    removed = remove_aged(store, run) + forget_units(store, run, salt) + forget_unused(store, run)
    if labels := age_labels(limits):
        note_labels(store, run, labels)
        removed += labels
    end(store, run, now)
    drop_drafts(places.root)
    _drop_aside(places.root, settings, now)
    done = progress(store)
    if not _files_due(done, settings, now):
        return Retained(removed)
    rewrite_spool(places.spool, lambda tables: reduced(tables, lambda rows: _aged(rows, limits)), positions(store))
    if lacking := lacks(done, places, disk):
        return Retained(removed, lacking=lacking)
    if done.owed:
        # reports hold numbers of single turns; they are drawn again when asked for
        shutil.rmtree(places.root / "reports", ignore_errors=True)
        rebuild(store)
    rewritten(store, now)
    return Retained(removed, rewritten=True)


def _files_due(done: Progress, settings: RetentionSettings, now: datetime) -> bool:
    shortest = min(parse_duration(text) for text in (settings.content, settings.spans, settings.rollups) if text)
    return done.files_due(now, min(FILES_EVERY, shortest))


def lacks(done: Progress, places: Places, disk: Disk) -> int:
    """Return how many bytes are missing to rewrite the store; 0 when there are enough, or when nothing is owed."""
    if not done.owed:
        return 0
    size = places.telemetry.stat().st_size if places.telemetry.exists() else 0
    return max(0, size + disk.spare - disk.free(places.root))


def _aged(rows: Mapping[str, pl.DataFrame], limits: Limits) -> tuple[Rows, Rows]:
    kept, _ = within(rows, limits)
    return kept, {name: table for name, table in kept.items() if not table.equals(rows[name])}


def _drop_aside(root: Path, settings: RetentionSettings, now: datetime) -> None:
    """A store that was damaged holds texts of any age and cannot be cleaned: it goes as a whole."""
    if settings.content is None:
        return
    oldest = now - min(ASIDE_FOR, parse_duration(settings.content))
    for path in root.glob(UNREADABLE):
        if path.stat().st_mtime < oldest.timestamp():
            path.unlink(missing_ok=True)


def described(store: Store, places: Places, settings: RetentionSettings, disk: Disk) -> dict[str, Any]:
    """Return what is kept how long, when the step last ran and what it removed last, ready to be JSON."""
    done = progress(store)
    kept = {name: getattr(settings, name) for name in ("content", "spans", "rollups")}
    told = {name: value for name, value in asdict(done).items() if name != "last"}
    last = done.last and {name: done.last[name] for name in ("started_at", "finished_at", "removed", "rewritten_at")}
    return {"kept": kept, **told, "last": last, "lacking_bytes": lacks(done, places, disk)}
