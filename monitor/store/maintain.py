"""What is done when nothing else is: one row an hour, the log folded into the file, spool segments let go of that are no longer needed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from monitor.spool import drop_segments, families
from monitor.store.finishing.rollup import compact
from monitor.store.load import positions
from monitor.store.opening import Store


def maintain(store: Store, spool: Path, keep: timedelta) -> int:
    """Checkpoint, then drop spool segments that are wholly loaded and older than `keep`; returns how many.

    The order matters: a segment may go only once what was loaded from it no longer depends on DuckDB's log.
    """
    store.checkpoint()
    dropped, loaded = 0, positions(store)
    for family in families(spool):
        if family in loaded:
            dropped += drop_segments(spool, family, loaded[family][0], keep, store.clock.now())
    while _summed(store):
        pass
    return dropped


def _summed(store: Store) -> int:
    """Sum what finishing added to some hours, where there are any; last, since what else is done here must not wait for it."""
    with store.transaction() as txn:
        return compact(txn)
