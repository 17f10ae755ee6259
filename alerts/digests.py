"""One message for many: alerts that were too many at once, and those that an import brought along.

A digest is an alert of our own, one a receiver: it is told with the list of what it stands for, again when there is more, and ends
when all of that has ended. Every alert is told in a message of its own or stands in one digest.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from alerts.evaluation import RANK, fingerprint
from alerts.outbox import firing_alerts, owe
from alerts.outgoing import HISTORY, STORM, Outgoing
from alerts.records import from_row, to_row
from alerts.rules import AlertRule
from alerts.self_alerts import begin, end
from alerts.sentence import headline
from alerts.stages import CROWD, IN_DIGEST, PAST
from alerts.states import AlertState, Transition
from monitor.state import Transaction, alerts, outbox

NAMED: Final = 10
"""Alerts that a digest names; the rest is counted."""

BETWEEN: Final = timedelta(minutes=5)
"""Between two messages of one digest."""

KINDS: Final = ((STORM, CROWD), (HISTORY, PAST))


def tell_digests(txn: Transaction, outgoing: Outgoing, now: datetime) -> None:
    """Tell what waits for a digest, and end digests of which nothing fires any more."""
    firing = [alert for alert in firing_alerts(txn) if alert.memory.held]
    for rule, mark in KINDS:
        for receiver in outgoing.receivers():
            waiting = [a for a in firing if mark in a.memory.held.get(receiver, "")]
            listed = any(_listed(rule) in alert.memory.held.get(receiver, "") for alert in firing)
            _of_receiver(txn, outgoing, rule, receiver, waiting, listed, now)


def _of_receiver(
    txn: Transaction,
    outgoing: Outgoing,
    rule: AlertRule,
    receiver: str,
    waiting: list[AlertState],
    listed: bool,
    now: datetime,
) -> None:
    row = alerts.latest_of(txn, fingerprint(rule.id, {"receiver": receiver}))
    last = None if row is None else from_row(row)
    if waiting and not _too_soon(txn, last, now):
        said = _says(waiting, outgoing)
        if last is None or not last.is_open:
            begin(txn, rule, {"receiver": receiver}, said, [receiver], outgoing, now)
        else:
            owe(txn, Transition("digest", last, now, said, {}), outgoing, [receiver])
        alerts.save_alerts(txn, [to_row(_told(alert, receiver, rule)) for alert in waiting])
    elif not waiting and not listed:
        end(txn, last, "all of them are over", outgoing, now)


def _told(alert: AlertState, receiver: str, rule: AlertRule) -> AlertState:
    held = {**alert.memory.held, receiver: f"digest: {_listed(rule)}"}
    return replace(alert, memory=replace(alert.memory, held=held))


def _too_soon(txn: Transaction, last: AlertState | None, now: datetime) -> bool:
    if last is None or not last.is_open:
        return False
    rows = outbox.messages_of(txn, last.fingerprint, last.episode)
    return any(now - row["created_at"] < BETWEEN for row in rows)


def _listed(rule: AlertRule) -> str:
    return f"{IN_DIGEST} ({rule.title})"


def _says(waiting: list[AlertState], outgoing: Outgoing) -> str:
    """Return how many there are, and the gravest by title."""
    ordered = sorted(waiting, key=lambda alert: (-RANK[alert.severity], alert.started_at))
    titles = [headline(alert, outgoing.rule(alert.rule_id)) for alert in ordered[:NAMED]]
    more = f"; and {len(ordered) - NAMED} more" if len(ordered) > NAMED else ""
    return f"{len(ordered)} alert{'s' if len(ordered) > 1 else ''}: {'; '.join(titles)}{more}"
