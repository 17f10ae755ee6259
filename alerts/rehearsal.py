"""What rules would have said over a stretch of history: the messages that were owed, and why others were not."""

from __future__ import annotations

import json
from typing import Any

from alerts.outbox import known_alerts
from alerts.outgoing import Outgoing
from alerts.sentence import headline
from monitor.state import Transaction, alerts, outbox

Row = dict[str, Any]


def owed_messages(txn: Transaction) -> list[Row]:
    """Return every message: when, to whom, of what kind, and its sentence."""
    rows = sorted(
        (row for alert in known_alerts(txn) for row in outbox.messages_of(txn, alert.fingerprint)), key=_first
    )
    return [
        {
            "at": row["created_at"],
            "receiver": row["receiver"],
            "kind": row["kind"],
            "title": json.loads(row["body"])["title"],
            "fingerprint": row["fingerprint"],
        }
        for row in rows
    ]


def _first(row: Row) -> tuple[Any, int]:
    return row["created_at"], row["id"]


def kept_back(txn: Transaction, outgoing: Outgoing) -> list[Row]:
    """Return what a stage kept from a receiver: when, which alert, who and why."""
    found = [
        {"at": event["at"], "title": headline(alert, outgoing.rule(alert.rule_id)), "reason": event["reason"]}
        for alert in known_alerts(txn)
        for event in alerts.events_of(txn, alert.fingerprint)
        if event["kind"] == "held"
    ]
    return sorted(found, key=lambda row: row["at"])
