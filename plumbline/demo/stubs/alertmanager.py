"""Prometheus Alertmanager's API v2: alerts are merged by their labels, and end by `endsAt`; who does not send again lets them end."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, Final

from plumbline.demo.stubs.answer import Answer, Asked, refused

LABEL: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def alertmanager(asked: Asked) -> Answer:
    """Take a list of alerts whole, or say why not; 200 without a word."""
    alerts = json.loads(asked.body)
    problems = [problem for alert in alerts if (problem := alertmanager_problem(alert))]
    if problems:
        return refused(problems[0])
    for alert in alerts:
        labels = json.dumps(alert["labels"], sort_keys=True)
        asked.model.ends[labels] = datetime.fromisoformat(alert["endsAt"])
    return Answer(200)


def alertmanager_problem(alert: dict[str, Any]) -> str:
    """Return why Alertmanager would refuse `alert`; "" when it would not."""
    labels = alert.get("labels") or {}
    if not any(labels.values()):
        return "at least one label pair"
    names = [*labels, *alert.get("annotations", {})]
    if not all(LABEL.match(name) for name in names):
        return "invalid label name"
    if not all(isinstance(value, str) for value in (*labels.values(), *alert.get("annotations", {}).values())):
        return "value"
    start, end = (datetime.fromisoformat(alert[name]) for name in ("startsAt", "endsAt"))
    return "start after end" if start > end else ""
