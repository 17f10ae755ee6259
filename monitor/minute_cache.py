"""A value that costs much to read and is asked for often: read again once it is a minute old."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, Generic, TypeVar

from monitor.clock import Clock

AGAIN: Final = timedelta(minutes=1)

T = TypeVar("T")


@dataclass
class MinuteCache(Generic[T]):
    """The last value for one `key`, from any thread: one reads, and whoever comes meanwhile gets what was read before, or waits.

    It is dated by the end of its reading: what takes long to read is kept as long as all else. Not for what must be of now.
    """

    clock: Clock
    _value: tuple[datetime, object, T] | None = field(default=None)
    _reading: Lock = field(default_factory=Lock, repr=False)

    def now(self, read: Callable[[], T], key: object = None) -> T:
        """Return the value for `key`, read anew where there is none, it is of another key, or it is old."""
        kept = self._value
        if kept is not None and kept[1] == key and (self._reading.locked() or self._fresh(kept[0])):
            return kept[2]
        with self._reading:
            kept = self._value
            if kept is None or kept[1] != key or not self._fresh(kept[0]):
                found = read()
                kept = self._value = (self.clock.now(), key, found)
            return kept[2]

    def _fresh(self, at: datetime) -> bool:
        return self.clock.now() - at < AGAIN
