"""Plumbline's alert about itself: messages do not reach a receiver. It is told to every other receiver."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from alerts.evaluation import fingerprint
from alerts.outbox import DELIVERY, Outgoing, keep, owe, told
from alerts.records import from_row
from alerts.states import AlertState, Transition
from monitor.state import Transaction, alerts


def unreached(txn: Transaction, receiver: str, reason: str, outgoing: Outgoing, now: datetime) -> None:
    """Raise the alert for `receiver`, unless it is raised already: one alert per outage, not one per message."""
    last = _last(txn, receiver)
    if last is not None and last.is_open:
        return
    labels = {"receiver": receiver}
    alert = AlertState(
        fingerprint=fingerprint(DELIVERY.id, labels),
        episode=last.episode + 1 if last else 1,
        rule_id=DELIVERY.id,
        severity=DELIVERY.severity,
        state="firing",
        started_at=now,
        ended_at=None,
        labels=labels,
        reason=reason,
    )
    step = Transition("firing", alert, now, reason, {})
    keep(txn, step)
    owe(txn, step, outgoing, [name for name in outgoing.receivers() if name != receiver])


def reached(txn: Transaction, receiver: str, outgoing: Outgoing, now: datetime) -> None:
    """End the alert for `receiver` once it has taken a message."""
    alert = _last(txn, receiver)
    if alert is None or not alert.is_open:
        return
    reason = "it has taken a message again"
    step = Transition("resolved", replace(alert, state="resolved", ended_at=now, reason=reason), now, reason, {})
    keep(txn, step)
    owe(txn, step, outgoing, told(txn, alert))


def _last(txn: Transaction, receiver: str) -> AlertState | None:
    row = alerts.latest_of(txn, fingerprint(DELIVERY.id, {"receiver": receiver}))
    return None if row is None else from_row(row)
