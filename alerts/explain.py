"""Why an alert did, or did not, tell whom: its reason trail and its messages, oldest first."""

from __future__ import annotations

import json
from typing import Any

from monitor.state import Transaction, alerts, outbox
from monitor.wording import bare_second

Row = dict[str, Any]


def explain_alert(txn: Transaction, fingerprint: str) -> list[str]:
    """Return the trail of one alert as lines; empty when there is none. The first digits of a fingerprint suffice."""
    lines: list[str] = []
    for full in alerts.matching_fingerprints(txn, fingerprint) if fingerprint else []:
        lines += _one(txn, full)
    return lines


def _one(txn: Transaction, fingerprint: str) -> list[str]:
    timed = [(event["at"], 0, _event(event)) for event in alerts.events_of(txn, fingerprint)]
    timed += [(row["created_at"], 1, _message(row)) for row in outbox.messages_of(txn, fingerprint)]
    last = alerts.latest_of(txn, fingerprint)
    return [
        _headline(fingerprint, last),
        *(f"{bare_second(at)}  {line}" for at, _, line in sorted(timed, key=lambda t: t[:2])),
    ]


def _headline(fingerprint: str, last: Row | None) -> str:
    if last is None:
        return f"alert {fingerprint}: was pending, never fired"
    labels = ", ".join(f"{key}={value}" for key, value in json.loads(last["labels"]).items())
    return f"alert {fingerprint}: {last['rule_id']} ({labels}) is {last['state']}, severity {last['severity']}"


def _event(event: Row) -> str:
    numbers = json.loads(event["numbers"])
    shown = ", ".join(f"{k}={_short(v)}" for k, v in numbers.items() if v not in (None, [], ""))
    return f"{event['kind']}: {event['reason']}" + (f" [{shown}]" if shown else "")


def _message(row: Row) -> str:
    outcome = f" ({row['outcome']})" if row["outcome"] and row["outcome"] != "taken" else ""
    when = f" at {bare_second(row['sent_at'])}" if row["sent_at"] else ""
    tries = f" after {row['attempts']} attempts" if row["attempts"] > 1 else ""
    return f"message {row['kind']} to {row['receiver']}: {row['state']}{when}{tries}{outcome}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else " ".join(value) if isinstance(value, list) else str(value)
