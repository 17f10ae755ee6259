"""A sign of life to an outside address: whoever waits for it there (a dead man's switch) raises the alarm when it stays out.

Sent by the same pass that delivers alerts, after it: where alerts do not leave this machine, the sign does not either. A service such
as healthchecks.io, or an alert rule of another monitoring on the age of the last sign, is what waits.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from alerts.channels import Means
from alerts.channels.posting import accept, post
from alerts.deliver import Post
from alerts.rules import Watchdog
from monitor.errors import RetryLater, Undeliverable
from monitor.state import alerts

TOTAL_S: Final = 5.0

_log = logging.getLogger("plumbline.alerts")


@dataclass(frozen=True)
class Signs:
    """When the last sign left."""

    last: list[datetime] = field(default_factory=list)

    def give(self, watchdog: Watchdog | None, desk: Post, means: Means | None) -> bool:
        """Send a sign where it is time for one; return whether it was taken. One that was not is tried again at the next pass."""
        now = desk.clock.now()
        if watchdog is None or means is None or desk.stopping() or self._is_fresh(watchdog.pause, now):
            return False
        with desk.state.transaction() as txn:
            body = msgspec.json.encode({"from": "plumbline", "at": now, "alerts": alerts.open_counts(txn)})
        headers = {"content-type": "application/json"}
        try:
            accept(post(watchdog.url, body, headers, TOTAL_S, watchdog.guard(means)), now)
        except (RetryLater, Undeliverable) as error:
            _log.info("the sign of life was not taken: %s", error.reason)
            return False
        self.last[:] = [now]
        return True

    def _is_fresh(self, pause: timedelta, now: datetime) -> bool:
        """Whether the last sign is younger than `pause`; one of a time that is still to come is not: the clock went back."""
        return bool(self.last) and timedelta(0) <= now - self.last[-1] < pause
