"""Small values for alert tests, and a day in virtual time: `tick` moves the clock, looks once and delivers."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from alerts.acts import Act
from alerts.channels import Channel
from alerts.deliver import Delivered, Post
from alerts.desk import AlertDesk
from alerts.message import Message
from alerts.outgoing import Outgoing
from alerts.rules import Rulebook
from monitor.clock import FakeClock
from monitor.model.values import Signal
from monitor.state import ControlState

MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

RATE_RULE: dict[str, Any] = {
    "id": "rate",
    "signal": "violation_rate",
    "title": "Answers break the policy",
    "severity": "error",
    "category": "quality.policy",
    "when": {"stat": "lower_bound", "op": ">", "value": 0.05, "min_n": 30},
    "clear": {"stat": "upper_bound", "op": "<", "value": 0.05, "hold": 1},
}


def a_book(
    *rules: Mapping[str, Any], to: Sequence[str] = ("one",), others: Sequence[str] = (), **route: Any
) -> Rulebook:
    """A rulebook with console receivers named in `to` and `others`, and one route to those of `to`."""
    return msgspec.convert(
        {
            "receivers": [{"kind": "console", "name": name} for name in (*to, *others)],
            "rules": list(rules or [RATE_RULE]),
            "routes": [{"to": list(to), **route}],
        },
        Rulebook,
    )


def a_rate(value: float | None, *, app: str = "support", half: float = 0.02, n: int = 200, **changes: Any) -> Signal:
    """A violation rate with an interval of `half` either side; None is "cannot tell"."""
    signal = Signal(
        name="violation_rate",
        labels={"app": app, "rule": "no-refusal"},
        at=MORNING,
        value=value,
        low=None if value is None else max(0.0, value - half),
        high=None if value is None else value + half,
        n=n,
        since=MORNING - timedelta(days=1),
        examples=("a" * 32, "b" * 32, "c" * 32, "d" * 32),
        summary="no-refusal is violated",
    )
    return replace(signal, **changes)


BAD, GOOD, UNSURE = 0.30, 0.01, 0.05


@dataclass
class Recorder:
    """A receiver in memory: keeps what it got, raises what it is told to."""

    name: str
    got: list[tuple[str, Message]] = field(default_factory=list)
    raising: BaseException | None = None
    raising_after: BaseException | None = None  # it has the message, the sender never learns

    def send(self, message: Message, *, key: str) -> None:
        if self.raising is not None:
            raise self.raising
        self.got.append((key, message))
        if self.raising_after is not None:
            raise self.raising_after

    def kinds(self) -> list[str]:
        return [message.kind for _, message in self.got]

    def keys(self) -> list[str]:
        return [key for key, _ in self.got]


@dataclass
class Day:
    """Alerting in virtual time over a scratch state."""

    desk: AlertDesk
    clock: FakeClock

    def look(self, *signals: Signal) -> int:
        return self.desk.observe(signals, self.clock.now())

    def tick(self, *signals: Signal, minutes: float = 1.0) -> Delivered:
        self.clock.advance(timedelta(minutes=minutes))
        self.look(*signals)
        return self.desk.deliver_due()

    def deliver(self, *, after: timedelta = timedelta(0)) -> Delivered:
        self.clock.advance(after)
        return self.desk.deliver_due()

    def act(self, prefix: str, act: Act, person: str) -> dict[str, Any]:
        with self.desk.state.transaction() as txn:
            return self.desk.act(txn, prefix, act, person)

    def states(self) -> list[str]:
        return [row["state"] for row in self.desk.state.alerts_table()]

    def messages(self, **wanted: str) -> list[dict[str, Any]]:
        rows = self.desk.state.notifications_table()
        return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def a_day(book: Rulebook, *channels: Channel, state: ControlState | None = None, clock: FakeClock | None = None) -> Day:
    """A day that starts at nine in the morning with nothing known."""
    clock = clock or FakeClock(MORNING)
    kept = state or ControlState.open(None, clock)
    named = {channel.name: channel for channel in channels}
    post = Post(kept, named, Outgoing(book, "http://plumbline.test"), clock, random.Random(1))
    return Day(AlertDesk(post), clock)
