"""A bounded queue in front of an exporter: putting never waits, what finds no room is dropped and counted.

Queue, worker thread and exporter (with its connections) come into being together, on the first item; a forked child forgets
those of its parent and makes its own: nothing is sent twice, no socket is shared.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - what the first request would import; see Pipe
import logging
import netrc  # noqa: F401
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, Generic, TypeVar

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, set_value

_log = logging.getLogger("plumbline_sdk")
_T = TypeVar("_T")
ROOM: Final = 4_096
BATCH: Final = 256
DELAY_S: Final = 1.0


class Pipe(Generic[_T]):
    """From any thread to one exporter. `connect` makes the exporter, `clean` what may leave of an item."""

    def __init__(self, connect: Callable[[], Callable[[list[_T]], Enum]], clean: Callable[[_T], _T]) -> None:
        self._connect, self._clean = connect, clean
        connect()  # loads all it needs now: a module half imported while another thread forks hangs in the child
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Any] | None = None

    def put(self, item: _T) -> None:
        """Queue `item`, or drop it where there is no room; never raises, never waits."""
        try:
            waiting = self._queue or self._open()
            if waiting.qsize() < ROOM:
                return waiting.put(item)
        except RuntimeError:  # no thread can be started at the very end of a process
            _log.debug("plumbline: not queued", exc_info=True)
        with self._lock:
            self.counts["dropped"] += 1
        return None

    def flush(self, timeout_s: float) -> bool:
        """Send what was put before now; False when that took longer than `timeout_s`."""
        waiting, mark = self._queue, threading.Event()
        if waiting is not None:
            waiting.put(mark)
        return waiting is None or mark.wait(timeout_s)

    def _open(self) -> queue.SimpleQueue[Any]:
        with self._lock:
            if self._queue is None:
                waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
                threading.Thread(target=self._work, args=(waiting,), name="plumbline", daemon=True).start()
                self._queue = waiting
            return self._queue

    def _work(self, waiting: queue.SimpleQueue[Any]) -> None:
        attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))  # our own requests are nobody's traffic
        export = None
        while True:
            batch, mark = _gathered(waiting)
            outcome = "lost"
            try:
                export = export or self._connect()
                clean = [self._clean(item) for item in batch]
                outcome = "sent" if not clean or export(clean).name == "SUCCESS" else "lost"
            except Exception:  # noqa: BLE001 - the worker outlives any one batch, and raw it must not leave
                _log.warning("plumbline: %d items could not be sent", len(batch), exc_info=True)
            self.counts[outcome] += len(batch)
            if mark is not None:
                mark.set()


def _gathered(waiting: queue.SimpleQueue[Any]) -> tuple[list[Any], threading.Event | None]:
    """Wait for something to send; return it with the mark of whoever waits for it."""
    batch: list[Any] = []
    item, until = waiting.get(), time.monotonic() + DELAY_S
    while not isinstance(item, threading.Event):
        batch.append(item)
        if len(batch) >= BATCH:
            return batch, None
        try:
            item = waiting.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return batch, None
    return batch, item
