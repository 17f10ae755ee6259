"""The public tables of alerting as they are read with SQL; they have their columns even when they have no rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from alerts.compose import began
from alerts.incidents.tables import SCHEMAS as OF_INCIDENTS
from alerts.outgoing import Outgoing
from alerts.records import from_row
from alerts.sentence import affected, before_and_now, cause, headline
from alerts.states import AlertState
from alerts.worth import SCHEMA as WORTH
from monitor.clock import naive_utc
from monitor.model.values import Signal
from monitor.state import Transaction, acts, alerts

_TIME: Final = pa.timestamp("us")
_FOR_GOOD: Final = datetime(9999, 12, 31)  # noqa: DTZ001 - rows hold naive UTC
"""The end of a silence that lasts until its alert is good again."""

_ALERTS: Final[dict[str, pa.DataType]] = {
    "fingerprint": pa.string(),
    "rule_id": pa.string(),
    "severity": pa.string(),
    "state": pa.string(),
    "started_at": _TIME,
    "ended_at": _TIME,
    "labels": pa.string(),
    "reason": pa.string(),
    "title": pa.string(),
    "began_at": _TIME,
    "acked_at": _TIME,
    "acked_by": pa.string(),
    "assigned_to": pa.string(),
    "silenced_until": _TIME,
    "n_users": pa.int64(),
    "affected": pa.string(),
    "change": pa.string(),
    "cause": pa.string(),
    "owner": pa.string(),
    "playbook": pa.string(),
}

_NOTIFICATIONS: Final[dict[str, pa.DataType]] = {
    "fingerprint": pa.string(),
    "receiver": pa.string(),
    "kind": pa.string(),
    "state": pa.string(),
    "attempts": pa.int64(),
    "sent_at": _TIME,
    "key": pa.string(),
}

_SILENCES: Final[dict[str, pa.DataType]] = {
    "fingerprint": pa.string(),
    "person": pa.string(),
    "reason": pa.string(),
    "began_at": _TIME,
    "until": _TIME,
    "ended_at": _TIME,
    "ended_by": pa.string(),
}

SCHEMAS: Final = OF_INCIDENTS | {
    "alerts": pa.schema(_ALERTS),
    "notifications": pa.schema(_NOTIFICATIONS),
    "silences": pa.schema(_SILENCES),
    "alert_worth": WORTH,
}


def alert_rows(txn: Transaction, outgoing: Outgoing, now: datetime) -> list[dict[str, Any]]:
    """Return every episode, oldest first, with its title, since when it was bad, who took it up, and until when it is silent."""
    did = _Did(acts.acknowledged(txn), acts.assigned(txn), acts.silenced(txn, now))
    return [_row(alert, outgoing) | did.about(alert) for alert in map(from_row, alerts.all_alerts(txn))]


@dataclass(frozen=True)
class _Did:
    """What people did, by alert: who took it up, whose it is, until when it is silent."""

    taken_up: dict[tuple[str, int], dict[str, Any]]
    given: dict[tuple[str, int], str]
    silenced: dict[str, dict[str, Any]]

    def about(self, alert: AlertState) -> dict[str, Any]:
        """Return the columns that say so."""
        episode = (alert.fingerprint, alert.episode)
        ack = self.taken_up.get(episode, {})
        silence = self.silenced.get(alert.fingerprint) if alert.is_open else None
        return {
            "acked_at": _naive(ack.get("at")),
            "acked_by": ack.get("person"),
            "assigned_to": self.given.get(episode),
            "silenced_until": None if silence is None else _naive(silence["until"]) or _FOR_GOOD,
        }


def _row(alert: AlertState, outgoing: Outgoing) -> dict[str, Any]:
    signal = alert.memory.signal
    return {
        "fingerprint": alert.fingerprint,
        "rule_id": alert.rule_id,
        "severity": str(alert.severity),
        "state": alert.state,
        "started_at": naive_utc(alert.started_at),
        "ended_at": _naive(alert.ended_at),
        "labels": json.dumps(dict(alert.labels), sort_keys=True),
        "reason": alert.reason,
        "title": headline(alert, outgoing.rule(alert.rule_id)),
        "began_at": _naive(began(signal)),
        "n_users": signal.about.users if signal and signal.about else None,
        **_said(signal),
    }


def _said(signal: Signal | None) -> dict[str, str]:
    """Return the parts of the sentence below its headline."""
    concern = signal.concern if signal else None
    return {
        "affected": affected(signal),
        "change": before_and_now(signal),
        "cause": cause(signal),
        "owner": concern.owner if concern else "",
        "playbook": concern.playbook if concern else "",
    }


def _naive(instant: datetime | None) -> datetime | None:
    return None if instant is None else naive_utc(instant)
