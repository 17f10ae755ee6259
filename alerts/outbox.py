"""From transitions to messages owed: alert rows, reason trail and outbox rows, written in one transaction.

Every message has a key, `fingerprint:receiver:episode:kind:n`, that a repeated decision cannot add twice. Who is told
of the end of an episode is read from the outbox, not from the routes: a resolve is owed to everyone who was told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from alerts.compose import compose
from alerts.evaluation import RANK
from alerts.records import from_row, to_event, to_row
from alerts.rules import OWN, AlertRule, Route, Rulebook
from alerts.states import AlertState, Transition
from monitor.model.values import Severity, Signal
from monitor.state import ControlState, Transaction, acts, alerts, outbox
from monitor.wording import stretch

DELIVERY: Final = AlertRule(
    id=f"{OWN}delivery",
    signal="delivery",
    title="Messages do not reach a receiver",
    severity=Severity.ERROR,
    category="pipeline.blind",
)
"""Plumbline's alert about itself. It has no entry in the rule file and is told to every other receiver."""

UNWELL: Final = AlertRule(
    id=f"{OWN}unwell",
    signal="unwell",
    title="A part of Plumbline does not work",
    severity=Severity.ERROR,
    category="pipeline.blind",
)
"""The other one: a step, rule, stream or job that fails again and again."""


@dataclass(frozen=True)
class Outgoing:
    """What messages are made from: the rules, and the address of the dashboard ("" when there is none to link to)."""

    book: Rulebook
    link_base: str = ""

    def rule(self, rule_id: str) -> AlertRule | None:
        """Return the rule of that id, or None when it is gone from the file."""
        return next((rule for rule in (*self.book.rules, DELIVERY, UNWELL) if rule.id == rule_id), None)

    def route(self, alert: AlertState) -> Route | None:
        """Return who is told of `alert`; None only when its rule is gone from the file."""
        rule, signal = self.rule(alert.rule_id), alert.memory.signal
        own = {"severity": str(alert.severity), "category": rule.category if rule else "", "id": alert.rule_id}
        labels = signal.labels if signal else dict(alert.labels)
        return self.book.route({**labels, **_said(signal), **own, "signal": signal.name if signal else ""})

    def audience(self, alert: AlertState) -> tuple[str, ...]:
        """Return who is told that `alert` fires: the route, and the receiver that the policy pages, where there is one of that name."""
        route, page = self.route(alert), _said(alert.memory.signal).get("page")
        return (*(route.to if route else ()), *(name for name in self.receivers() if name == page))

    def receivers(self) -> list[str]:
        """Return the names of all receivers, in the order of the file."""
        return [receiver.name for receiver in self.book.receivers]


def _said(signal: Signal | None) -> dict[str, str]:
    """Return what a policy says about an alert, by what a route may match; nothing is said in empty words."""
    concern = signal.concern if signal else None
    said = {"owner": concern.owner, "incident": concern.category, "page": concern.page} if concern else {}
    return {key: word for key, word in said.items() if word}


def known_alerts(txn: Transaction) -> list[AlertState]:
    """Return what the next evaluation needs to know: the last episode of every alert."""
    return [from_row(row) for row in alerts.latest_alerts(txn)]


def record(state: ControlState, transitions: Iterable[Transition], outgoing: Outgoing) -> int:
    """Write `transitions` and the messages they owe; return how many events there were. All or nothing."""
    with state.transaction() as txn:
        return record_within(txn, transitions, outgoing)


def record_within(txn: Transaction, transitions: Iterable[Transition], outgoing: Outgoing) -> int:
    """Do the same inside a transaction that has read what the transitions were decided from."""
    events = 0
    for step in transitions:
        keep(txn, step)
        events += step.kind != "seen"
        follow_acts(txn, step)
        owe(txn, step, outgoing, _audience(txn, step, outgoing))
    return events


def keep(txn: Transaction, step: Transition) -> None:
    """Write the alert as it is after `step`, and add the step to its reason trail."""
    alert = step.alert
    if step.kind == "inactive":
        alerts.remove_alert(txn, alert.fingerprint, alert.episode)
    else:
        alerts.save_alert(txn, to_row(alert))
    if step.kind != "seen":
        alerts.add_event(txn, to_event(step))


def follow_acts(txn: Transaction, step: Transition) -> None:
    """Let what people did follow `step`: an alert that got worse has to be taken up again, one that is good again is heard again.

    Who would only now be told that a silenced alert had begun is not told of its end either.
    """
    fingerprint = step.alert.fingerprint
    if step.kind == "severity":
        acts.take_back(txn, fingerprint, step.alert.episode)
    elif step.kind == "resolved":
        if fingerprint in acts.silenced(txn, step.at):
            outbox.retire(txn, fingerprint, step.alert.episode)
        acts.lift_until_good(txn, fingerprint, step.at)


def _audience(txn: Transaction, step: Transition, outgoing: Outgoing) -> Iterable[str]:
    """Return who is owed a message about `step`."""
    if step.kind == "firing":
        return outgoing.audience(step.alert)
    if step.kind == "severity":
        return (*told(txn, step.alert), *outgoing.audience(step.alert))
    if step.kind in {"resolved", "flapping", "acknowledged"} or (
        step.kind == "no_data" and step.numbers.get("then") == "alert"
    ):
        return told(txn, step.alert)
    return ()


def told(txn: Transaction, alert: AlertState) -> list[str]:
    """Return who was, or is about to be, told of this episode."""
    rows = outbox.messages_of(txn, alert.fingerprint, alert.episode)
    return list(dict.fromkeys(row["receiver"] for row in rows if row["state"] != "superseded"))


def owe(txn: Transaction, step: Transition, outgoing: Outgoing, receivers: Iterable[str]) -> None:
    """Queue one message about `step` to each of `receivers`."""
    alert = step.alert
    if step.kind == "resolved":
        outbox.supersede(txn, alert.fingerprint, alert.episode, "reminder", "escalated")
    route = outgoing.route(alert) if step.kind == "firing" else None
    body = compose(step.kind, alert, outgoing.rule(alert.rule_id), step.at, step.reason, outgoing.link_base)
    for receiver in dict.fromkeys(receivers):
        row = {
            "key": f"{alert.fingerprint}:{receiver}:{alert.episode}:{step.kind}:{_ordinal(txn, step, receiver)}",
            "fingerprint": alert.fingerprint,
            "receiver": receiver,
            "episode": alert.episode,
            "kind": step.kind,
            "body": msgspec.json.encode(body).decode(),
            "created_at": step.at,
            "due_at": step.at + (route.delay if route else timedelta(0)),
        }
        outbox.queue(txn, row)


def _ordinal(txn: Transaction, step: Transition, receiver: str) -> int:
    """Number messages that can come more than once in an episode; fires and resolves come once."""
    if step.kind == "severity":
        return RANK[step.alert.severity]
    if step.kind not in {"reminder", "no_data"}:
        return 1
    rows = outbox.messages_of(txn, step.alert.fingerprint, step.alert.episode)
    return 1 + len([row for row in rows if row["kind"] == step.kind and row["receiver"] == receiver])


def unattended(txn: Transaction, now: datetime) -> list[AlertState]:
    """Return the alerts that fire, that nobody has taken up, and that are not silenced."""
    silenced, taken_up = acts.silenced(txn, now), acts.acknowledged(txn)
    firing = (alert for alert in known_alerts(txn) if alert.state == "firing")
    return [a for a in firing if a.fingerprint not in silenced and (a.fingerprint, a.episode) not in taken_up]


def remind(txn: Transaction, outgoing: Outgoing, alerts_left: Iterable[AlertState], now: datetime) -> int:
    """Queue the reminders of `alerts_left` (see `unattended`) that are due; return how many.

    Nobody is reminded of what they have not been told yet, and a reminder that still waits gives way to the new one,
    so that an outage ends with one reminder and not with a heap.
    """
    left = {alert.fingerprint: alert for alert in alerts_left}
    reminded = 0
    for last in outbox.last_messages(txn):
        alert = left.get(last["fingerprint"])
        route = outgoing.route(alert) if alert else None
        if alert is None or route is None or last["episode"] != alert.episode:
            continue
        waits = last["state"] in {"pending", "inflight"}
        if now - (last["sent_at"] or last["created_at"]) < route.reminder or (waits and last["kind"] != "reminder"):
            continue
        if waits:
            outbox.supersede(txn, alert.fingerprint, alert.episode, "reminder")
        owe(txn, Transition("reminder", alert, now, alert.reason, {}), outgoing, [last["receiver"]])
        reminded += 1
    return reminded


def escalate(txn: Transaction, outgoing: Outgoing, alerts_left: Iterable[AlertState], now: datetime) -> int:
    """Tell more people of those of `alerts_left` that waited too long; return how many messages that owes. Each is told once an episode."""
    owed = 0
    for alert in alerts_left:
        receivers = _too_late_for(txn, outgoing, alert, now)
        if receivers:
            waited = stretch((now - alert.started_at).total_seconds())
            why = f"firing for {waited}, and nobody has taken it up; {alert.reason}"
            owe(txn, Transition("escalated", alert, now, why, {}), outgoing, receivers)
            owed += len(receivers)
    return owed


def _too_late_for(txn: Transaction, outgoing: Outgoing, alert: AlertState, now: datetime) -> list[str]:
    """Return who has to be told that nobody has taken `alert` up, and was not yet."""
    route = outgoing.route(alert)
    late = [step for step in (route.escalate if route else ()) if now - alert.started_at >= step.delay]
    if not late:
        return []
    rows = outbox.messages_of(txn, alert.fingerprint, alert.episode)
    told_so = {row["receiver"] for row in rows if row["kind"] == "escalated"}
    return sorted({name for step in late for name in step.to} - told_so)
