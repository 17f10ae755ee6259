"""Time as a value that is handed in, so that replay and tests run in virtual time.

All instants are timezone-aware UTC. Durations for waiting use `monotonic`, which a jump of the wall clock cannot move.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import available_timezones


class Clock(Protocol):
    """What the house asks of time."""

    def now(self) -> datetime:
        """Current instant, UTC."""

    def monotonic(self) -> float:
        """Seconds on a clock that only goes forward."""


@dataclass(frozen=True)
class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class FakeClock:
    """A clock that stands still until it is told to move; used by replay and by tests."""

    instant: datetime
    elapsed: float = 0.0

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, by: timedelta) -> None:
        """Move both clocks forward by `by`."""
        self.move_to(self.instant + by)

    def move_to(self, instant: datetime) -> None:
        """Move the wall clock to `instant`; the monotonic clock moves by the same amount, never back."""
        self.elapsed += max(0.0, (instant - self.instant).total_seconds())
        self.instant = instant


def naive_utc(instant: datetime) -> datetime:
    """Return `instant` as the store keeps it: UTC without a zone, so that DuckDB compares it with plain timestamps."""
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def aware_utc(instant: datetime) -> datetime:
    """Return an instant read from the store with its zone put back."""
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def is_zone(name: str) -> bool:
    """Whether this machine knows a time zone `name`; for UTC, which most houses have, no file is opened."""
    return name == "UTC" or name in _zone_names()


@cache
def _zone_names() -> frozenset[str]:
    """Read once, because finding them opens some 600 files."""
    return frozenset(available_timezones())
