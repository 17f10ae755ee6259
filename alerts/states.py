"""Alert states: inactive -> pending -> firing -> resolved, decided from signals and from what was known before.

Pure: the same rules, signals, alerts and instant give the same transitions. A signal that cannot tell (an unknown
number, too few samples) neither fires nor resolves; a signal that is missing never resolves unless its rule says so.
Identity is the rule and the identity labels only, so a change of severity, value or threshold is the same alert.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from alerts.evaluation import RANK, Look, Observation, observe, severity_of
from alerts.rules import OWN, AlertRule
from monitor.model.values import Severity, Signal
from monitor.wording import stretch

State = Literal["pending", "firing", "resolved", "inactive"]
Kind = Literal[
    "pending",
    "firing",
    "severity",
    "flapping",
    "no_data",
    "reminder",
    "escalated",
    "resolved",
    "inactive",
    "seen",
    "acknowledged",
    "silenced",
    "unsilenced",
    "held",
    "heard",
    "digest",
    "assigned",
    "commented",
    "rated",
]
"""What happened to an alert. `seen` only updates what the next evaluation needs to know; it is no event.

`acknowledged`, `silenced`, `unsilenced`, `assigned`, `commented`, `rated`, and a `resolved` that closes, are what people do (`alerts.acts`). `held` and `heard`: a stage
of `alerts.stages` keeps it from a receiver, and lets it go.
"""

FLAP_EPISODES: Final = 3
FLAP_WITHIN: Final = timedelta(hours=6)
FLAP_CALM: Final = timedelta(hours=1)
"""An alert that fired three times in six hours stays open until its signal was good for an hour."""

LONGER: Final = 1.5
LONGEST_CALM: Final = timedelta(hours=12)
"""One that keeps coming back stays open until it was good for so many times its longest pause, at most this long."""


@dataclass(frozen=True)
class Memory:
    """What the next evaluation needs to know. `history` has a letter per look while pending: b bad, g good."""

    history: str = ""
    good_run: int = 0
    good_since: datetime | None = None
    missing: int = 0
    flapping: bool = False
    starts: tuple[datetime, ...] = ()  # when recent episodes began to fire
    signal: Signal | None = None  # the last one seen
    closed: bool = False  # by a person, while it was bad: it does not begin again before it was good, or got worse
    returns: int = 0  # how often it came back soon after its end
    calm_s: float = 0.0  # how long it has to be good then
    slow: bool = False  # it did so too often: a slow wave
    held: Mapping[str, str] = field(default_factory=dict)  # receivers that are not told of it, and why


@dataclass(frozen=True)
class AlertState:
    """One episode of one alert. `started_at` is when it became pending, then when it began to fire."""

    fingerprint: str
    episode: int
    rule_id: str
    severity: Severity
    state: State
    started_at: datetime
    ended_at: datetime | None
    labels: Mapping[str, str]
    reason: str
    memory: Memory = field(default_factory=Memory)

    @property
    def is_open(self) -> bool:
        """Whether the episode is still going on."""
        return self.state in {"pending", "firing"}


@dataclass(frozen=True)
class Transition:
    """One step of one alert: what happened, when, why, and the numbers that caused it."""

    kind: Kind
    alert: AlertState
    at: datetime
    reason: str
    numbers: Mapping[str, Any]


def evaluate(
    rules: Sequence[AlertRule], signals: Sequence[Signal], known: Sequence[AlertState], now: datetime
) -> list[Transition]:
    """Return what happens to every alert at this evaluation.

    `known` is the last episode of each fingerprint, open or ended: ended ones number the next episode and tell
    flapping. An open alert whose rule is gone is resolved.
    """
    return decide(rules, observe(rules, signals), known, now)


def decide(
    rules: Sequence[AlertRule], seen: Mapping[str, Observation], known: Sequence[AlertState], now: datetime
) -> list[Transition]:
    """Return what `evaluate` does, from looks that were taken already: `seen` by fingerprint."""
    before = {alert.fingerprint: alert for alert in known}
    steps = [step for key, look in seen.items() for step in _look(look, before.get(key), now)]
    by_id = {rule.id: rule for rule in rules}
    unseen = (a for a in known if a.is_open and a.fingerprint not in seen and not a.rule_id.startswith(OWN))
    return steps + [step for alert in unseen for step in _unseen(by_id.get(alert.rule_id), alert, now)]


def _look(seen: Observation, last: AlertState | None, now: datetime) -> Iterator[Transition]:
    if last is not None and last.memory.closed and not _worse(seen, last):
        yield from _forgive(seen, last, now)
        return
    if last is None or not last.is_open:
        if seen.judged.look is Look.BAD:
            yield from _pend(seen, _begin(seen, last, now), now)
        return
    signal = last.memory.signal if _same(last.memory.signal, seen.signal) else seen.signal
    alert = replace(last, memory=replace(last.memory, missing=0, signal=signal))
    yield from _pend(seen, alert, now) if alert.state == "pending" else _burn(seen, last, alert, now)


def _worse(seen: Observation, last: AlertState) -> bool:
    return seen.judged.look is Look.BAD and RANK[severity_of(seen.rule, seen.signal)] > RANK[last.severity]


def _forgive(seen: Observation, last: AlertState, now: datetime) -> Iterator[Transition]:
    """An alert that was closed while it was bad may begin again once it was good."""
    if seen.judged.look is Look.GOOD:
        after = replace(last, memory=replace(last.memory, closed=False))
        yield Transition("seen", after, now, seen.judged.reason, seen.judged.numbers)


def _same(known: Signal | None, signal: Signal) -> bool:
    """Whether `signal` says nothing new: looking again is no reason to write."""
    return known is not None and replace(known, at=signal.at) == signal


def _begin(seen: Observation, last: AlertState | None, now: datetime) -> AlertState:
    return AlertState(
        fingerprint=seen.fingerprint,
        episode=last.episode + 1 if last else 1,
        rule_id=seen.rule.id,
        severity=severity_of(seen.rule, seen.signal),
        state="pending",
        started_at=now,
        ended_at=None,
        labels=dict(seen.labels),
        reason=seen.judged.reason,
        memory=_returning(seen.rule, last, seen.signal, now),
    )


def _returning(rule: AlertRule, last: AlertState | None, signal: Signal, now: datetime) -> Memory:
    """What an alert that begins knows of the time before: how soon after its end it is back."""
    if last is None or last.ended_at is None:
        return Memory(signal=signal)
    pause = now - last.ended_at
    if not FLAP_CALM < pause <= rule.flapping.span:  # quick ones are told by `starts`
        return Memory(starts=last.memory.starts, signal=signal)
    calm_s = max(last.memory.calm_s, LONGER * pause.total_seconds())
    return Memory(starts=last.memory.starts, signal=signal, returns=last.memory.returns + 1, calm_s=calm_s)


def _calm(memory: Memory) -> timedelta:
    """How long a flapping alert has to be good before it ends."""
    if not memory.slow:
        return FLAP_CALM
    return min(max(FLAP_CALM, timedelta(seconds=memory.calm_s)), LONGEST_CALM)


def _pend(seen: Observation, alert: AlertState, now: datetime) -> Iterator[Transition]:
    """A look at an alert that does not fire yet."""
    look, need = seen.judged.look, seen.rule.fire_after
    letter = {Look.BAD: "b", Look.UNCLEAR: ""}.get(look, "g")
    history = (alert.memory.history + letter)[-need.of :]
    bad = history.count("b")
    counted = "" if need.of == 1 and seen.signal.concern else f"; {bad} bad of the last {len(history)}"
    reason = seen.judged.reason + counted
    numbers = {**seen.judged.numbers, "bad": bad, "of": len(history)}
    after = replace(alert, reason=reason, memory=replace(alert.memory, history=history))
    if bad >= need.bad:
        yield from _fire(seen, after, now, reason, numbers)
    elif not bad:
        yield Transition("inactive", replace(after, state="inactive", ended_at=now), now, reason, numbers)
    else:
        yield Transition("seen" if alert.memory.history else "pending", after, now, reason, numbers)


def _fire(
    seen: Observation, alert: AlertState, now: datetime, reason: str, numbers: Mapping[str, Any]
) -> Iterator[Transition]:
    starts = (*(start for start in alert.memory.starts if start > now - FLAP_WITHIN), now)
    known = alert.memory
    back = known.returns >= seen.rule.flapping.returns
    flapping = len(starts) >= FLAP_EPISODES or back
    memory = Memory(
        starts=starts, flapping=flapping, signal=seen.signal, returns=known.returns, calm_s=known.calm_s, slow=back
    )
    severity = max(alert.severity, severity_of(seen.rule, seen.signal), key=RANK.__getitem__)
    firing = replace(alert, state="firing", severity=severity, started_at=now, reason=reason, memory=memory)
    yield Transition("firing", firing, now, reason, numbers)
    if flapping:
        calm = stretch(_calm(memory).total_seconds())
        yield Transition(
            "flapping",
            firing,
            now,
            f"it keeps coming back; stays open until it was good for {calm}",
            {"episodes": len(starts)},
        )


def _burn(seen: Observation, last: AlertState, alert: AlertState, now: datetime) -> Iterator[Transition]:
    """A look at an alert that fires."""
    if seen.judged.look is Look.UNCLEAR:
        yield from _changed(last, alert, now, seen)
    elif seen.judged.look is Look.GOOD:
        yield from _recover(seen, alert, now)
    else:
        calm = replace(alert, memory=replace(alert.memory, good_run=0, good_since=None))
        severity = severity_of(seen.rule, seen.signal)
        if seen.judged.look is Look.BAD and RANK[severity] > RANK[last.severity]:
            worse = replace(calm, severity=severity, reason=seen.judged.reason)
            why = f"{seen.judged.reason}: worse, {last.severity} becomes {severity}"
            yield Transition("severity", worse, now, why, seen.judged.numbers)
        else:
            yield from _changed(last, calm, now, seen)


def _changed(last: AlertState, alert: AlertState, now: datetime, seen: Observation) -> Iterator[Transition]:
    if alert != last:
        yield Transition("seen", alert, now, seen.judged.reason, seen.judged.numbers)


def _recover(seen: Observation, alert: AlertState, now: datetime) -> Iterator[Transition]:
    memory = alert.memory
    since, run = memory.good_since or now, memory.good_run + 1
    hold = seen.rule.clear.hold if seen.rule.clear else 1
    calm = not memory.flapping or now - since >= _calm(memory)
    reason = f"{seen.judged.reason}; good {run} of {hold} in a row"
    numbers = {**seen.judged.numbers, "good_run": run, "hold": hold}
    after = replace(alert, memory=replace(memory, good_run=run, good_since=since))
    if run >= hold and calm:
        yield _resolved(after, now, reason, numbers)
    else:
        yield Transition("seen", after, now, reason, numbers)


def _unseen(rule: AlertRule | None, alert: AlertState, now: datetime) -> Iterator[Transition]:
    """An open alert that no signal speaks for."""
    if rule is None:
        yield _resolved(alert, now, "its rule was removed from the rule file", {})
        return
    missing = alert.memory.missing + 1
    after = replace(alert, memory=replace(alert.memory, missing=missing))
    reason, numbers = f"no signal for {missing} evaluations", {"missing": missing, "then": rule.no_data.then}
    if missing < rule.no_data.after:
        yield Transition("seen", after, now, reason, numbers)
    elif rule.no_data.then == "ok":
        yield _resolved(after, now, f"{reason}, which this rule takes for good", numbers)
    elif missing == rule.no_data.after:
        yield Transition("no_data", after, now, f"{reason}; the alert stays open", numbers)


def _resolved(alert: AlertState, now: datetime, reason: str, numbers: Mapping[str, Any]) -> Transition:
    """End an episode; one that never fired leaves without a word."""
    ended: Literal["resolved", "inactive"] = "resolved" if alert.state == "firing" else "inactive"
    return Transition(ended, replace(alert, state=ended, ended_at=now, reason=reason), now, reason, numbers)
