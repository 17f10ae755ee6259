"""A store over a spool, at rest: all that lies there is loaded and finished."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from monitor.clock import FakeClock
from monitor.store.finishing.finish import finish
from monitor.store.load import pump
from monitor.store.opening import Store


@contextmanager
def settled_store(folder: Path, now: datetime) -> Iterator[Store]:
    """The store of `folder` once it has taken in what lies in its spool."""
    store = Store.open(folder, clock=FakeClock(now))
    try:
        settle(store, folder, now)
        yield store
    finally:
        store.close()


def settle(store: Store, folder: Path, now: datetime) -> None:
    """Load what is new in the spool of `folder`, and finish it without waiting for more."""
    pump(store, folder / "spool")
    finish(store, now, timedelta(0), timedelta(0), flush=True)
