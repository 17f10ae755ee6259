"""Plumbline's alerts about itself: messages do not reach a receiver (told to every other one), a part of ours does not work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from alerts.evaluation import fingerprint
from alerts.outbox import keep, known_alerts, owe, told
from alerts.outgoing import DELIVERY, UNWELL, WAITING, Outgoing
from alerts.records import from_row
from alerts.rules import AlertRule
from alerts.states import AlertState, Transition
from monitor.state import Transaction, alerts


def unreached(txn: Transaction, receiver: str, reason: str, outgoing: Outgoing, now: datetime) -> None:
    """Raise the alert for `receiver`, unless it is raised already: one alert per outage, not one per message."""
    others = [name for name in outgoing.receivers() if name != receiver]
    begin(txn, DELIVERY, {"receiver": receiver}, reason, others, outgoing, now)


def reached(txn: Transaction, receiver: str, outgoing: Outgoing, now: datetime) -> None:
    """End the alert for `receiver` once it has taken a message."""
    end(txn, _last(txn, DELIVERY, {"receiver": receiver}), "it has taken a message again", outgoing, now)


def unwell(txn: Transaction, parts: Mapping[str, str], outgoing: Outgoing, now: datetime) -> None:
    """Raise the alert of each of `parts` (name to what went wrong), once an outage; end it for parts that are not among them."""
    for part, reason in parts.items():
        begin(txn, UNWELL, {"part": part}, reason, outgoing.receivers(), outgoing, now)
    for alert in known_alerts(txn):
        if alert.rule_id == UNWELL.id and alert.labels["part"] not in parts:
            end(txn, alert, "it works again", outgoing, now)


def waiting(txn: Transaction, reviews: Mapping[str, str], outgoing: Outgoing, now: datetime) -> None:
    """Say of each of `reviews` (name to how it stands) that it waits for people, to whom the routes name; end it for the others."""
    facts = {
        "severity": str(WAITING.severity),
        "category": WAITING.category,
        "id": WAITING.id,
        "signal": WAITING.signal,
    }
    route = outgoing.book.route(facts)
    for name, reason in reviews.items():
        begin(txn, WAITING, {"review": name}, reason, route.to if route else (), outgoing, now)
    for alert in known_alerts(txn):
        if alert.rule_id == WAITING.id and alert.labels["review"] not in reviews:
            end(txn, alert, "it has ended, or everything is judged", outgoing, now)


def begin(
    txn: Transaction,
    rule: AlertRule,
    labels: dict[str, str],
    reason: str,
    receivers: Iterable[str],
    outgoing: Outgoing,
    now: datetime,
) -> None:
    """Raise an alert of our own to `receivers`, unless it is raised already."""
    last = _last(txn, rule, labels)
    if last is not None and last.is_open:
        return
    alert = AlertState(
        fingerprint=fingerprint(rule.id, labels),
        episode=last.episode + 1 if last else 1,
        rule_id=rule.id,
        severity=rule.severity,
        state="firing",
        started_at=now,
        ended_at=None,
        labels=labels,
        reason=reason,
    )
    step = Transition("firing", alert, now, reason, {})
    keep(txn, [step])
    owe(txn, step, outgoing, receivers)


def end(txn: Transaction, alert: AlertState | None, reason: str, outgoing: Outgoing, now: datetime) -> None:
    """End it, where there is one, for everybody who was told."""
    if alert is None or not alert.is_open:
        return
    step = Transition("resolved", replace(alert, state="resolved", ended_at=now, reason=reason), now, reason, {})
    keep(txn, [step])
    owe(txn, step, outgoing, told(txn, alert))


def _last(txn: Transaction, rule: AlertRule, labels: dict[str, str]) -> AlertState | None:
    row = alerts.latest_of(txn, fingerprint(rule.id, labels))
    return None if row is None else from_row(row)
