"""Many readers, or one who replaces what they read. A reader may read again inside its read; a replacer may not read."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class ReadersGate:
    """Open to readers until someone closes it; closing waits for those inside."""

    def __init__(self) -> None:
        """Begin open and empty."""
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False
        self._mine = threading.local()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the gate open; waits while it is closed, unless this thread is inside already."""
        depth: int = getattr(self._mine, "depth", 0)
        with self._changed:
            self._changed.wait_for(lambda: depth or not self._closed)
            self._inside += 1
        self._mine.depth = depth + 1
        try:
            yield
        finally:
            self._mine.depth = depth
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Keep new readers out and wait until nobody is inside. One closer at a time."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._changed:
                self._closed = False
                self._changed.notify_all()
