"""Whether a small group waits a moment for others: only where others have come in such moments lately.

A group of one body costs nearly what a group of ten costs. Where one client sends body after body nobody ever comes, and it must not
wait for them; where many send a little each, a moment halves the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOMENT_S: Final = 0.012
"""How long a group waits, two or three times what working on one body takes: from 80 bodies a second on two share a group."""

FEW: Final = 4
"""Bodies of a group that is small."""

RECENT_S: Final = 0.05
"""Where the group before was longer ago, nobody is near."""

HOPE: Final = 4
"""Moments in a row in which nobody came before it is given up."""

TRIED_EVERY: Final = 32
"""Groups after which it is tried again."""


@dataclass
class Company:
    """What such moments have brought lately. Not thread-safe: the thread that makes groups asks."""

    hope: int = HOPE
    since: int = 0
    last_s: float = float("-inf")

    def worth(self, bodies: int, now_s: float) -> bool:
        """Return whether a group that has `bodies` at `now_s` (monotonic seconds) should wait for `MOMENT_S`."""
        near, self.last_s = now_s - self.last_s <= RECENT_S, now_s
        if not near or not 0 < bodies < FEW:
            return False
        self.since += 1
        return self.hope > 0 or self.since % TRIED_EVERY == 0

    def came(self, bodies: int) -> None:
        """Take note of how many bodies came in such a moment."""
        self.hope = HOPE if bodies else max(0, self.hope - 1)
