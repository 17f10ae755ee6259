"""How long a worker waits for what a client owes it: whoever says nothing must not keep a worker from the others."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

TICK_S: Final = 0.5


class Patience:
    """Gives up on what takes longer than `limit_s`: one thread for all that wait, and none when nobody has come for so long."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Nobody waits yet."""
        self._limit_s, self._clock = limit_s, clock
        self._lock = threading.Lock()
        self._waiting: OrderedDict[object, tuple[float, Callable[[], object]]] = OrderedDict()  # the oldest first
        self._watching = False
        self._last = 0.0

    @contextmanager
    def bounded(self, give_up: Callable[[], object]) -> Iterator[None]:
        """Call `give_up` from another thread when the block is still at work after the limit."""
        mark = object()
        with self._lock:
            self._last = self._clock()
            self._waiting[mark] = self._last + self._limit_s, give_up
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="patience", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._waiting.pop(mark, None)

    def _watch(self) -> None:
        while self._go_on():
            time.sleep(min(TICK_S, self._limit_s / 4))

    def _go_on(self) -> bool:
        """Give up on those whose time is over; false when the watch may end."""
        over: list[Callable[[], object]] = []
        with self._lock:
            now = self._clock()
            while self._waiting and next(iter(self._waiting.values()))[0] <= now:
                over.append(self._waiting.popitem(last=False)[1][1])
            self._watching = going_on = bool(self._waiting) or now < self._last + self._limit_s
        for give_up in over:
            give_up()
        return going_on
