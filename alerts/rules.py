"""The alert rule file: rules, receivers and routes. The classes are the schema; `alerts.checks` refuses what cannot work.

A rule looks at one signal and says when it is bad, when it is good again, and what silence means. A route says who is
told; the first that matches wins. There are two timers and no more: `notify_after` before the first message,
`remind_every` between reminders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from alerts.channels.posting import OverHttp
from alerts.channels.registered import Receiver
from monitor.config.durations import parse_duration
from monitor.config.schema import Section
from monitor.model.values import Severity

Stat = Literal["value", "low", "high", "lower_bound", "upper_bound"]
Op = Literal[">", ">=", "<", "<="]
Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]
Identifier = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Where = dict[str, str | list[str]]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MOMENT: Final = r"^(\d{4}-\d\d-\d\dT)?([01]\d|2[0-3]):[0-5]\d$"

SHORT: Final = {"lower_bound": "low", "upper_bound": "high"}

OWN: Final = "plumbline."
"""Rule ids that begin so are Plumbline's alerts about itself."""

STARTER: Final = Path(__file__).with_name("starter.yaml")
"""The rules that hold when no file is configured."""


@dataclass(frozen=True)
class SignalKind:
    """What a rule may say about a signal: its labels, and the least and greatest value it can take.

    `labels` tell one alert from another. `changing` labels say how the same thing stands now (an A/B decision): rules
    can ask for them, but they are never part of an identity. `one` of them is an alert where a rule does not say `by`; empty: all.
    """

    labels: tuple[str, ...]
    changing: tuple[str, ...] = ()
    one: tuple[str, ...] = ()
    least: float | None = None
    greatest: float | None = None
    counts: bool = True  # whether `n` says how many samples there were


SIGNALS: Final = {
    "violation_rate": SignalKind(("app", "rule"), ("level",), least=0.0, greatest=1.0),
    "drift": SignalKind(("app", "metric", "segment", "finding"), ("state",), counts=False),
    "ab": SignalKind(("app", "experiment", "metric", "arm"), ("decision", "role"), one=("app", "experiment")),
    "no_data": SignalKind(("app",), least=0.0),
    "error_rate": SignalKind(("app",), least=0.0, greatest=1.0),
    "latency": SignalKind(("app",), least=0.0),
    "volume": SignalKind(("app",), least=0.0),
    "cost": SignalKind(("app",), least=0.0),
    "feedback": SignalKind(("app",), least=-1.0, greatest=1.0),
    "budget": SignalKind(("app", "rule"), least=0.0),
}


class When(Section, frozen=True):
    """A number of the signal is beyond `value`. Fewer than `min_n` samples say nothing, either way."""

    op: Op
    value: float
    stat: Stat = "value"
    min_n: Annotated[int, msgspec.Meta(ge=0)] = 0


class FireAfter(Section, frozen=True):
    """Fire once `bad` of the last `of` evaluations were bad; evaluations that could not tell do not count."""

    bad: Count = 1
    of: Count = 1


class Clear(Section, frozen=True):
    """Resolve once the number was on the good side `hold` evaluations in a row. Hysteresis: not the mirror of `when`."""

    op: Op
    value: float
    stat: Stat = "value"
    hold: Count = 1


class NoData(Section, frozen=True):
    """What it means when the signal of an open alert is gone for `after` evaluations."""

    after: Count = 3
    then: Literal["hold", "alert", "ok"] = "hold"


class Worse(Section, frozen=True):
    """The severity rises once the number of `when` is beyond this value; it never falls while the alert is open."""

    value: float
    severity: Severity


class Flapping(Section, frozen=True):
    """An alert that came back `returns` times, each more than an hour and at most `within` after its end, is a slow wave.

    It stays open until it was good for longer than its longest pause.
    """

    returns: Count = 3
    within: str = "3h"

    @property
    def span(self) -> timedelta:
        """How soon after its end it counts as the same trouble."""
        return parse_duration(self.within)


class AlertRule(Section, frozen=True):
    """One condition. Without `when` it is bad as long as a signal that fits `where` is there.

    With `limits: policy` the policy decides on its own rules, by their thresholds and severity; `when` and `severity` are then
    for signals about rules that no policy here knows.
    """

    id: Identifier
    signal: str
    title: str
    severity: Severity
    limits: Literal["own", "policy"] = "own"
    where: Where = msgspec.field(default_factory=dict)  # label -> value or values
    by: tuple[
        str, ...
    ] = ()  # identity: one alert per combination; empty means all labels of the signal, of ab the experiment
    when: When | None = None
    worse: Worse | None = None
    fire_after: FireAfter = FireAfter()
    clear: Clear | None = None  # None: the opposite of `when`
    no_data: NoData = NoData()
    flapping: Flapping = Flapping()
    category: str = ""
    runbook: str = ""


class Escalation(Section, frozen=True):
    """Who else is told once an alert fired for `after` and nobody has taken it up."""

    after: str
    to: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]

    @property
    def delay(self) -> timedelta:
        """How long it waits for somebody."""
        return parse_duration(self.after)


class Route(Section, frozen=True):
    """Who is told about alerts that fit `match` (keys: severity, category, id, signal, or a label of the signal).

    Alerts on rules of a policy have its `owner`, and the `incident` category and the `page` of the rule, as keys, too.
    """

    to: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    match: Where = msgspec.field(default_factory=dict)
    notify_after: str = "0s"
    remind_every: str = "24h"
    escalate: tuple[Escalation, ...] = ()

    @property
    def delay(self) -> timedelta:
        """How long the first message waits."""
        return parse_duration(self.notify_after)

    @property
    def reminder(self) -> timedelta:
        """How long an alert fires before it is told again."""
        return parse_duration(self.remind_every)


class Inhibition(Section, frozen=True):
    """While an alert that fits `source` fires, those that fit `target` and have the same `equal` facts tell nobody."""

    source: Where
    target: Where
    equal: tuple[str, ...] = ()


class Mute(Section, frozen=True):
    """A time in which alerts that fit `match` tell nobody: on `days` between `start` and `end`, or once, for maintenance.

    `start` and `end` are times of the day in `zone` ("22:00", which may lie before "06:00"), or dates with time ("2026-12-01T20:00").
    """

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    start: Annotated[str, msgspec.Meta(pattern=MOMENT)] = msgspec.field(name="from")
    end: Annotated[str, msgspec.Meta(pattern=MOMENT)] = msgspec.field(name="to")
    match: Where = msgspec.field(default_factory=dict)
    days: tuple[Day, ...] = ()
    zone: str = "UTC"


class Storm(Section, frozen=True):
    """Beyond `more_than` new alerts within `within`, a receiver is told of the others in one message."""

    more_than: Count = 10
    within: str = "5m"

    @property
    def span(self) -> timedelta:
        """How long alerts are counted."""
        return parse_duration(self.within)


class Watchdog(OverHttp, frozen=True):
    """Where the sign of life goes (`alerts.watchdog`), and how often. The address is often a secret: give it as `${env:NAME}`."""

    url: str
    every: str = "1m"

    @property
    def pause(self) -> timedelta:
        """How long between two of them."""
        return parse_duration(self.every)


class Rulebook(Section, frozen=True):
    """All of the rule file."""

    receivers: Annotated[tuple[Receiver, ...], msgspec.Meta(min_length=1)]
    rules: tuple[AlertRule, ...]
    routes: tuple[Route, ...]
    version: Literal[1] = 1
    inhibit: tuple[Inhibition, ...] = ()
    mute: tuple[Mute, ...] = ()
    storm: Storm | None = None
    watchdog: Watchdog | None = None

    def route(self, facts: dict[str, str]) -> Route | None:
        """Return the first route that fits, or None (only for rules that are gone from the file)."""
        return next((route for route in self.routes if fits(route.match, facts)), None)


def fits(where: Where, facts: dict[str, str]) -> bool:
    """Whether every key of `where` has its value, or one of its values, in `facts`."""
    return all(facts.get(key) in ([wanted] if isinstance(wanted, str) else wanted) for key, wanted in where.items())


def identity_labels(rule: AlertRule) -> tuple[str, ...]:
    """Return the labels that tell one alert of `rule` from another."""
    kind = SIGNALS[rule.signal]
    return rule.by or kind.one or kind.labels
