"""When a judge is left alone: after a failure it is asked again by one call at a time, each after a longer wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from monitor.judges.transport import Fault

FIRST: Final = timedelta(seconds=2)
LONGEST: Final = timedelta(minutes=10)
TOLD_AFTER: Final = 2
"""Failures in a row after which people are told; one may be a passing thing."""

LASTING: Final[frozenset[Fault]] = frozenset({"key", "model", "quota", "nonsense"})
"""What does not pass by itself: people are told at once."""

STRANGE: Final = 3
"""Questions in a row that a judge does not take before it is left alone: one may be what is wrong with the question."""


@dataclass
class Breaker:
    """What is known of one judge since it last answered; in memory only, so a restart asks at once."""

    failures: int = 0
    rounds: int = 0  # failures of calls that left after the one before had failed: what waits grow by
    last_at: datetime | None = None
    cause: str = ""
    fault: Fault | None = None
    since: datetime | None = None
    next_at: datetime | None = None

    def take(self, now: datetime) -> bool:
        """Return whether a call may leave now; of a judge that failed one may, and the next one waits as long again."""
        if self.next_at is None:
            return True
        if now < self.next_at:
            return False
        self.next_at = now + self._wait()
        return True

    def failed(self, began: datetime, now: datetime, fault: Fault, cause: str, after_s: float | None = None) -> None:
        """Note that a call that `began` then has failed; of calls that were under way together only the first makes the wait longer."""
        if self.last_at is None or began >= self.last_at:
            self.rounds += 1
        self.since, self.last_at = self.since or now, now
        self.failures, self.cause, self.fault = self.failures + 1, cause, fault
        if fault == "asked" and self.failures < STRANGE:
            return
        self.next_at = now + max(self._wait(), timedelta(seconds=after_s or 0))

    def worked(self) -> None:
        """Note an answer, of whatever kind."""
        self.failures, self.rounds, self.cause = 0, 0, ""
        self.fault = self.since = self.last_at = self.next_at = None

    @property
    def trouble(self) -> str | None:
        """What people are to be told, None while there is nothing."""
        if self.failures >= TOLD_AFTER or self.fault in LASTING:
            return self.cause
        return None

    def _wait(self) -> timedelta:
        return min(LONGEST, FIRST * (1 << min(max(self.rounds - 1, 0), 10)))
