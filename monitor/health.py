"""What of ours is not well: every part that may fail by itself, how often it has, and when it is tried again.

A part is a step, a stream, a rule, an experiment, a job. It fails alone: its failure is counted and logged in one line, the
others go on. Known in memory only: a restart tries everything anew. Not for what a user did wrong, which is an answer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from monitor.clock import Clock

UNWELL_AFTER: Final = 3
"""Failed passes in a row after which people are told; fewer may be a passing thing."""

WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=10)

Guarding = Callable[[str], AbstractContextManager[object]]
"""Given the name of a part, what its work is done in: `contextlib.nullcontext` lets failures through, `Health.guard` counts them."""

_log = logging.getLogger("plumbline.health")


@dataclass(frozen=True)
class Failure:
    """A part that has failed `failures` times in a row. It is not tried before `next_at`."""

    part: str
    failures: int
    error: str
    since: datetime
    last_at: datetime
    next_at: datetime


@dataclass
class Health:
    """The failing parts of one agent. Calls may come from any thread."""

    clock: Clock
    _failing: dict[str, Failure] = field(default_factory=dict)
    _changing: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def guard(self, part: str) -> Iterator[None]:
        """Do the work of `part`; an exception is counted and goes no further."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a bug or a datum in one part must not stop the others
            self.failed(part, error)
        else:
            self.worked(part)

    def may_try(self, part: str) -> bool:
        """Return whether the part is well, or has waited long enough."""
        failure = self._failing.get(part)
        return failure is None or failure.next_at <= self.clock.now()

    def failed(self, part: str, error: Exception) -> None:
        """Count a failure; the first and every doubling of their number is a line in the log, without a traceback."""
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        now = self.clock.now()
        with self._changing:
            known = self._failing.get(part) or Failure(part, 0, said, now, now, now)
            count = known.failures + 1
            wait = timedelta(0) if count < UNWELL_AFTER else min(LONGEST_WAIT, WAIT * 2 ** min(count - UNWELL_AFTER, 8))
            self._failing[part] = replace(known, failures=count, error=said, last_at=now, next_at=now + wait)
        if count & (count - 1) == 0:
            _log.error("%s failed %d %s in a row: %s", part, count, "time" if count == 1 else "times", said)

    def worked(self, part: str) -> None:
        """Forget the failures of a part."""
        if part not in self._failing:
            return
        with self._changing:
            failure = self._failing.pop(part, None)
        if failure is not None:
            _log.warning("%s works again after %d failed passes", part, failure.failures)

    def failures(self, part: str) -> int:
        """Return how often the part has failed in a row."""
        failure = self._failing.get(part)
        return failure.failures if failure else 0

    def unwell(self) -> list[Failure]:
        """Return the parts that people must hear of, by name."""
        with self._changing:
            return sorted((f for f in self._failing.values() if f.failures >= UNWELL_AFTER), key=lambda f: f.part)

    def sentences(self) -> dict[str, str]:
        """Return the same as a sentence each, by name."""
        return {f.part: f"{f.part} failed {f.failures} times in a row: {f.error}" for f in self.unwell()}

    def told(self) -> list[dict[str, Any]]:
        """Return the same as plain values."""
        return [asdict(failure) for failure in self.unwell()]
