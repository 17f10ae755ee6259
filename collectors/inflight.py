"""One account of bytes for all bodies in flight, from their first piece to the sync that makes them durable.

Every door takes from it before it keeps a piece, so that many senders together cannot need more memory than one setting
allows. Nobody waits for room: a body that finds none is told to come back, and what it held is free at once, so bodies that
are half there never block each other for good.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from monitor.errors import RetryLater


@dataclass
class Room:
    """`total` bytes. Any thread may take and give back; `counters["turned_away"]` counts who found no room."""

    total: int
    counters: Counter[str]
    _used: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def used(self) -> int:
        """How many bytes are in flight now."""
        return self._used

    def hold(self) -> Held:
        """Return the part of one body, which holds nothing yet."""
        return Held(self)

    def change(self, by: int, *, spare: int = 0) -> None:
        """Take or give back. Raises `RetryLater` when `by` and `spare` more bytes do not fit; then nothing has changed."""
        with self._lock:
            if by + spare > 0 and self._used + by + spare > self.total:
                self.counters["turned_away"] += 1
                raise RetryLater("the queue is full")
            self._used += by


@dataclass
class Held:
    """What one body holds of the room; the end of a `with` block gives it back, unless it was handed on."""

    room: Room
    size: int = 0

    def resize(self, size: int) -> None:
        """Hold `size` bytes from now on. Raises `RetryLater`."""
        self.room.change(size - self.size)
        self.size = size

    def expect(self, size: int) -> None:
        """Raise `RetryLater` when a body of `size` bytes would not fit now; take nothing for what has only been announced."""
        self.room.change(0, spare=size - self.size)

    def handed_on(self) -> Held:
        """Return who holds the bytes from now on, instead of this one."""
        heir, self.size = Held(self.room, self.size), 0
        return heir

    def __enter__(self) -> Self:
        """Nothing to do."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Give everything back."""
        self.resize(0)
