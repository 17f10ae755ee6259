"""Alert states as rows of the control state, and back."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import msgspec

from alerts.states import AlertState, Memory, Transition
from monitor.model.values import Severity

Row = dict[str, Any]


def to_row(alert: AlertState) -> Row:
    """Return `alert` as a row of the table `alerts`."""
    return {
        "fingerprint": alert.fingerprint,
        "episode": alert.episode,
        "rule_id": alert.rule_id,
        "severity": str(alert.severity),
        "state": alert.state,
        "started_at": alert.started_at,
        "ended_at": alert.ended_at,
        "labels": json.dumps(dict(alert.labels), sort_keys=True),
        "reason": alert.reason,
        "memory": msgspec.json.encode(alert.memory).decode(),
    }


def from_row(row: Row) -> AlertState:
    """Return a row of the table `alerts` as a value."""
    known = {"severity": Severity(row["severity"]), "labels": json.loads(row["labels"])}
    return AlertState(**(row | known | {"memory": _memory(row["memory"])}))


@lru_cache(maxsize=4096)
def _memory(text: str) -> Memory:
    """Most alerts are as they were at the last look, which reads them several times; a memory is never changed."""
    return msgspec.json.decode(text, type=Memory)


def to_event(step: Transition) -> Row:
    """Return `step` as a row of the table `alert_events`."""
    return {
        "fingerprint": step.alert.fingerprint,
        "episode": step.alert.episode,
        "at": step.at,
        "kind": step.kind,
        "reason": step.reason,
        "numbers": json.dumps(dict(step.numbers)),
    }
