"""From an alert to the message about it: the sentence, then for whom, before and now, since when, why, what to do, how we know."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from alerts.message import Message, clean
from alerts.rules import OWN, AlertRule
from alerts.sentence import affected, before_and_now, cause, ended, headline, where_of
from alerts.states import AlertState
from monitor.model.values import Signal
from monitor.wording import percent

EXAMPLES: Final = 3
TITLE: Final = 180
WHAT: Final = 1500
_NOT_ID: Final = re.compile(r"[^A-Za-z0-9_.:-]")
_WORDS: Final = {
    "firing": "",
    "severity": "Worse: ",
    "reminder": "Still: ",
    "escalated": "Nobody has taken this up: ",
    "flapping": "Flapping: ",
    "no_data": "No data: ",
    "resolved": "Resolved: ",
    "acknowledged": "Taken up: ",
    "digest": "More: ",
    "assigned": "For you: ",
}


def compose(kind: str, alert: AlertState, rule: AlertRule | None, at: datetime, reason: str, link_base: str) -> Message:
    """Return the message that `kind` of thing happened to `alert`; `rule` is None when it is gone from the file."""
    signal = alert.memory.signal
    concern = signal.concern if signal else None
    labels = {clean(key, 64): clean(value) for key, value in alert.labels.items()}
    segment = clean(where_of(alert))
    said = clean((ended if kind == "resolved" else headline)(alert, rule), TITLE)
    place = f" ({segment})" if segment and not (signal and signal.about) else ""  # the sentence says where by itself
    return Message(
        kind=kind,
        fingerprint=alert.fingerprint,
        rule_id=alert.rule_id,
        severity=str(alert.severity),
        category=(concern.category if concern else "") or (rule.category if rule else ""),
        title=f"{_WORDS.get(kind, '')}{said}{place}",
        measured=measured(signal),
        value=signal.value if signal else None,
        low=signal.low if signal else None,
        high=signal.high if signal else None,
        n=signal.n if signal else 0,
        since=began(signal),
        affected=clean(affected(signal), 300),
        change=clean(before_and_now(signal), 300),
        cause=clean(cause(signal), 300),
        started_at=alert.started_at,
        ended_at=alert.ended_at,
        at=at,
        segment=segment,
        labels=labels,
        examples=tuple(_NOT_ID.sub("", example)[:64] for example in signal.examples[:EXAMPLES]) if signal else (),
        summary=clean(signal.summary) if signal else "",
        reason=clean(reason),
        what=clean(reason, WHAT) if alert.rule_id.startswith(OWN) else "",
        runbook=clean(rule.runbook, 500) if rule else "",
        owner=clean(concern.owner) if concern else "",
        playbook=clean(concern.playbook) if concern else "",
        link=f"{link_base}/alerts?alert={alert.fingerprint}" if link_base else "",
    )


def began(signal: Signal | None) -> datetime | None:
    """Return since when it is so, as far as is known."""
    if signal is None:
        return None
    return signal.about.began if signal.about else signal.since


def measured(signal: Signal | None) -> str:
    """Return value, interval and sample size in words; what is unknown is called so."""
    if signal is None:
        return "unknown"
    show = _share if signal.name in SHARES else _number
    size = f", n = {signal.n}" if signal.n else ""
    return f"{show(signal.value)} ({show(signal.low)} to {show(signal.high)}{size})"


SHARES: Final = frozenset({"violation_rate", "error_rate", "feedback"})
"""Signals that are shares, and read best in percent."""


def _share(value: float | None) -> str:
    return percent(value, 1)


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
