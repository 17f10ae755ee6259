"""Receivers that are asked, or told, again and again: each when its time has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Rounds:
    """When each receiver had its last turn, by name."""

    last: dict[str, datetime] = field(default_factory=dict)

    def comes_to(self, name: str, every: timedelta, now: datetime) -> bool:
        """Return whether it is the turn of a receiver, `every` so long; if so, it has had it."""
        if name in self.last and timedelta(0) <= now - self.last[name] < every:  # before 0: the clock went back
            return False
        self.last[name] = now
        return True
