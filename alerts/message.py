"""One message about one alert, the same for every channel: what, how much, how sure, since when, where, examples, why.

Labels, summaries and examples come from traces, so they are hostile: each is stripped of control and bidirectional
characters, freed of broadcast mentions and cut to 200 characters here, and escaped once more by its channel.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Final

import msgspec

from alerts.rules import Rule
from alerts.states import AlertState
from monitor.model.values import Signal

LIMIT: Final = 200
EXAMPLES: Final = 3
_MENTION: Final = re.compile(r"@(?=(?:everyone|here|channel|all|room)\b)|<(?=[!@#])", re.IGNORECASE)
_NOT_ID: Final = re.compile(r"[^A-Za-z0-9_.:-]")
_WORDS: Final = {
    "firing": "",
    "severity": "Worse: ",
    "reminder": "Still: ",
    "flapping": "Flapping: ",
    "no_data": "No data: ",
    "resolved": "Resolved: ",
}


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver is told. Times are UTC; None is unknown. `measured` is value, interval and n as a person reads it."""

    kind: str
    fingerprint: str
    rule_id: str
    severity: str
    category: str
    title: str
    measured: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    since: datetime | None
    started_at: datetime
    ended_at: datetime | None
    at: datetime
    segment: str
    labels: dict[str, str]
    examples: tuple[str, ...]
    summary: str
    reason: str
    runbook: str
    link: str


def compose(kind: str, alert: AlertState, rule: Rule | None, at: datetime, reason: str, link_base: str) -> Message:
    """Return the message that `kind` of thing happened to `alert`; `rule` is None when it is gone from the file."""
    signal = alert.memory.signal
    labels = {clean(key, 64): clean(value) for key, value in alert.labels.items()}
    segment = clean(", ".join(f"{key}={value}" for key, value in labels.items() if key != "finding"))
    return Message(
        kind=kind,
        fingerprint=alert.fingerprint,
        rule_id=alert.rule_id,
        severity=str(alert.severity),
        category=rule.category if rule else "",
        title=f"{_WORDS.get(kind, '')}{clean(rule.title if rule else alert.rule_id, 80)} ({segment})",
        measured=measured(signal),
        value=signal.value if signal else None,
        low=signal.low if signal else None,
        high=signal.high if signal else None,
        n=signal.n if signal else 0,
        since=signal.since if signal else None,
        started_at=alert.started_at,
        ended_at=alert.ended_at,
        at=at,
        segment=segment,
        labels=labels,
        examples=tuple(_NOT_ID.sub("", example)[:64] for example in signal.examples[:EXAMPLES]) if signal else (),
        summary=clean(signal.summary) if signal else "",
        reason=clean(reason),
        runbook=clean(rule.runbook, 500) if rule else "",
        link=f"{link_base}/alerts?alert={alert.fingerprint}" if link_base else "",
    )


def measured(signal: Signal | None) -> str:
    """Return value, interval and sample size in words; what is unknown is called so."""
    if signal is None:
        return "unknown"
    show = _percent if signal.name in SHARES else _number
    size = f", n = {signal.n}" if signal.n else ""
    return f"{show(signal.value)} ({show(signal.low)} to {show(signal.high)}{size})"


SHARES: Final = frozenset({"violation_rate"})
"""Signals that are shares, and read best in percent."""


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def clean(text: object, limit: int = LIMIT) -> str:
    r"""Return hostile text as one harmless line of at most `limit` characters.

    >>> clean("a\x1b[31m\n b  <@everyone>")
    'a[31m b <\u2060@\u2060everyone>'
    """
    kept = (_harmless(character) for character in str(text)[: 20 * limit])
    line = _MENTION.sub("\\g<0>\u2060", " ".join("".join(kept).split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _harmless(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character).startswith("C") else character


def shortened(message: Message) -> Message:
    """Return the least that is worth sending: for a receiver that refused the whole."""
    return msgspec.structs.replace(
        message, title=clean(message.title, 100), labels={}, examples=(), summary="", reason=clean(message.reason, 80)
    )


def details(message: Message) -> list[tuple[str, str]]:
    """Return the parts of a message as (name, text) in the order they are read; channels only lay them out."""
    parts = [
        ("Measured", message.measured),
        ("Since", f"{message.since:%Y-%m-%d %H:%M} UTC" if message.since else "unknown"),
        ("Where", message.segment or "everywhere"),
        ("Severity", message.severity),
        ("Firing since", f"{message.started_at:%Y-%m-%d %H:%M} UTC"),
        ("Ended", f"{message.ended_at:%Y-%m-%d %H:%M} UTC" if message.ended_at else ""),
        ("What", message.summary),
        ("Why", message.reason),
        ("Examples", ", ".join(message.examples)),
    ]
    return [(name, text) for name, text in parts if text]
