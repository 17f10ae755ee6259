"""From an alert in the control state to its request at the pager: how long it takes to leave, at quiet, busy and heavy.

A desk on the disk, the timetable of the agent with its cycle and its deliveries, and the stand-in of PagerDuty over HTTP. A message is
timed from the beginning of the look that owes it, which is before its commit, until its request leaves. What else the agent does is
not here, but for the heavy rows, in which a thread computes without a pause. In the first of those more than ten alerts within five
minutes are one digest, as in the rules that ship; in the last each is a message of its own. Run: `python -m benchmarks.leaving [--looks N]`.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from alerts.channels import Channel
from alerts.channels.pagerduty import PagerDuty
from alerts.deliver import Post
from alerts.desk import AlertDesk
from alerts.message import Message
from alerts.outgoing import Outgoing
from alerts.rules import Rulebook
from benchmarks.alerting import RULE, a_signal
from monitor.clock import Clock, SystemClock
from monitor.state import ControlState
from plumbline.demo.stubs.kit import a_stub
from plumbline.schedule import Job, hurry, start
from plumbline.service import DELIVER_EVERY_S

LOADS: Final = {"quiet": 1, "busy": 10, "heavy": 40, "heavy, no digest": 40}
"""Alerts that begin at one look."""

LOOKS: Final = 12
LOOK_EVERY_S: Final = 3.0
BOOK: Final = {
    "receivers": [{"kind": "console", "name": "pager"}],
    "rules": [RULE],
    "routes": [{"to": ["pager"]}],
}
STORM: Final = {"more_than": 10, "within": "5m"}


@dataclass
class Timed:
    """A channel that notes how old each message is when its request leaves."""

    channel: Channel
    clock: Clock
    waits: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As the channel is called."""
        return self.channel.name

    def send(self, message: Message, *, key: str) -> None:
        """Note the time, and send."""
        self.waits.setdefault(key, (self.clock.now() - message.at).total_seconds())
        self.channel.send(message, key=key)


def measure(looks: int = LOOKS) -> list[dict[str, object]]:
    """Return one row a load."""
    return [_measured(name, size, looks) for name, size in LOADS.items()]


def _measured(load: str, size: int, looks: int) -> dict[str, object]:
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder, a_stub(None) as stub:
        state = ControlState.open(Path(folder) / "control.sqlite", clock)
        pager = Timed(PagerDuty("pager", "k" * 32, stub.pagerduty_url, clock), clock)
        book = msgspec.convert(BOOK | ({"storm": STORM} if load == "heavy" else {}), Rulebook)
        post = Post(state, {"pager": pager}, Outgoing(book), clock, random.Random(1))
        with _computing(load.startswith("heavy")):
            _live(AlertDesk(post), size, looks)
        state.close()
    return _row(load, size, list(pager.waits.values()))


def _live(desk: AlertDesk, size: int, looks: int) -> None:
    """Look so often, each time at applications that were good before; return once everything owed has left."""
    numbers, clock, done = iter(range(looks)), desk.post.clock, threading.Event()

    def cycle() -> None:
        number = next(numbers)
        fresh = range(number * size, (number + 1) * size)
        desk.observe([replace(a_signal(n, 0.3), at=clock.now()) for n in fresh], clock.now())
        hurry(timetable, "deliver")
        if number == looks - 1:
            timetable.remove_job("cycle")
            done.set()

    timetable = start([Job("cycle", LOOK_EVERY_S, cycle), Job("deliver", DELIVER_EVERY_S, desk.deliver_due)])
    done.wait()
    while desk.counts()["messages_pending"] or desk.counts()["messages_inflight"]:
        time.sleep(0.2)
    timetable.shutdown(wait=True)


def _row(load: str, size: int, waits: list[float]) -> dict[str, object]:
    cuts = statistics.quantiles(waits, n=20, method="inclusive")
    return {
        "load": load,
        "alerts a look": size,
        "messages": len(waits),
        "p50, s": round(statistics.median(waits), 2),
        "p95, s": round(cuts[18], 2),
        "longest, s": round(max(waits), 2),
    }


@contextmanager
def _computing(wanted: bool) -> Iterator[None]:
    """A thread that takes turns of the interpreter, as grading does."""
    stopping = threading.Event()

    def compute() -> None:
        while not stopping.is_set():
            sum(range(20_000))

    thread = threading.Thread(target=compute, daemon=True)
    if wanted:
        thread.start()
    try:
        yield
    finally:
        stopping.set()


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--looks", type=int, default=LOOKS)
    for row in measure(parser.parse_args().looks):
        print(row)


if __name__ == "__main__":
    main()
