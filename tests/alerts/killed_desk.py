"""A desk in its own process, to be killed: looks at alternating rates and delivers, over and over.

`python -m tests.alerts.killed_desk STATE WEBHOOK PAGER ROUND [finish]`; each round starts two hours later in its own time, so
that leases of the killed round have run out. With `finish` it resolves and delivers everything and ends.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.channels import Channel
from alerts.channels.pagerduty import PagerDuty
from alerts.channels.webhook import Webhook
from alerts.deliver import Post
from alerts.desk import AlertDesk
from alerts.outgoing import Outgoing
from monitor.state import ControlState
from plumbline.demo.stubs.webhook import SECRET
from tests.alerts.builders import BAD, GOOD, RATE_RULE, a_book, a_rate

APPS = 30
PAUSE_S = 0.05
"""Between two looks: without it a receiver that is down is owed thousands of messages a second, and the end takes an hour."""


@dataclass(frozen=True)
class LaterClock:
    """The machine's clock, moved ahead."""

    ahead: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        return self.now().timestamp()


def main(path: Path, webhook: str, pager: str, turn: int, *, finish: bool) -> None:
    clock = LaterClock(timedelta(hours=2 * turn))
    state = ControlState.open(path, clock)
    channels: dict[str, Channel] = {
        "hook": Webhook("hook", webhook, SECRET, clock),
        "pager": PagerDuty("pager", "k" * 32, pager, clock),
    }
    book = a_book(RATE_RULE, to=["hook", "pager"])
    post = Post(state, channels, Outgoing(book, ""), clock, random.Random(turn))
    desk = AlertDesk(post)
    print("ready", flush=True)
    rng = random.Random(turn)
    while not finish:
        desk.observe([a_rate(rng.choice([BAD, GOOD]), app=f"app{i}") for i in range(APPS)], clock.now())
        desk.deliver_due()
        time.sleep(PAUSE_S)
    for ahead in range(20):
        later = LaterClock(clock.ahead + timedelta(hours=2 * ahead))
        desk = AlertDesk(Post(state, post.channels, post.outgoing, later, post.rng))
        desk.observe([a_rate(GOOD, app=f"app{i}") for i in range(APPS)], later.now())
        desk.deliver_due()
    state.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), finish="finish" in sys.argv)
