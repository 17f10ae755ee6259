"""A log that a sender cannot fill: of messages of one kind one passes now and then, and says how many were kept back."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 60.0

LOUD: Final = {"uvicorn.error": logging.WARNING, "asyncio": logging.WARNING, "plumbline.collector": logging.ERROR}
"""Loggers that senders can make speak, and from which level on. Warnings of our own are few already (`strangers`)."""


class Sparse(logging.Filter):
    """Lets one record of a kind pass in `every_s` seconds; a kind is the text before its values, and the type of an error."""

    def __init__(self, level: int, every_s: float = EVERY_S, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing was said yet; below `level` everything passes."""
        super().__init__()
        self._level, self._every_s, self._clock = level, every_s, clock
        self._kinds: dict[object, tuple[float, int]] = {}  # when one passed last, how many were kept back since

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether `record` passes."""
        if record.levelno < self._level:
            return True
        kind = record.msg, record.exc_info and record.exc_info[0]
        now = self._clock()
        last, kept_back = self._kinds.get(kind, (now - self._every_s, 0))
        if now - last < self._every_s:
            self._kinds[kind] = last, kept_back + 1
            return False
        self._kinds[kind] = now, 0
        if kept_back:
            record.msg, record.args = f"{record.getMessage()} (and {kept_back} times since this was last said)", None
        return True


def keep_log_small() -> None:
    """From now on no sender can fill the log of this process."""
    for name, level in LOUD.items():
        logging.getLogger(name).addFilter(Sparse(level))
