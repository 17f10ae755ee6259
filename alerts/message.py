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

from monitor.wording import minute

LIMIT: Final = 200
_MENTION: Final = re.compile(r"@(?=(?:everyone|here|channel|all|room)\b)|<(?=[!@#])", re.IGNORECASE)


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
    owner: str = ""
    playbook: str = ""
    affected: str = ""
    change: str = ""
    cause: str = ""
    what: str = ""


class ChangeNote(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver is told of a change that somebody made: a line beside its alerts. `app` "" is every application."""

    app: str
    kind: str
    what: str
    at: datetime
    source: str
    link: str


def clean(text: object, limit: int = LIMIT) -> str:
    r"""Return hostile text as one harmless line of at most `limit` characters.

    >>> clean("a\x1b[31m\n b  <@everyone>")
    'a[31m b <\u2060@\u2060everyone>'
    """
    start = str(text)[: 20 * limit]
    kept = start if start.isprintable() else "".join(map(_harmless, start))
    line = _MENTION.sub("\\g<0>\u2060", " ".join(kept.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _harmless(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character).startswith("C") else character


def shortened(message: Message) -> Message:
    """Return the least that is worth sending: for a receiver that refused the whole."""
    return msgspec.structs.replace(
        message,
        title=clean(message.title, 100),
        labels={},
        examples=(),
        summary="",
        reason=clean(message.reason, 80),
        cause="",
    )


def details(message: Message) -> list[tuple[str, str]]:
    """Return the parts of a message as (name, text) in the order they are read; channels only lay them out."""
    parts = [
        ("What", message.what),
        ("For whom", message.affected),
        ("Before and now", message.change),
        ("Began", minute(message.since) if message.since else ""),
        ("Noticed", minute(message.started_at)),
        ("Ended", minute(message.ended_at) if message.ended_at else ""),
        ("Likely cause", message.cause),
        ("Where", message.segment or "everywhere"),
        ("Severity", message.severity),
        ("Owner", message.owner),
        ("Playbook", message.playbook),
        ("Examples", ", ".join(message.examples)),
        (HOW, " · ".join(text for text in _proof(message) if text)),
    ]
    return [(name, text) for name, text in parts if text]


def _proof(message: Message) -> tuple[str, ...]:
    """Return what the sentence rests on; of an alert about ourselves that is the sentence."""
    return () if message.what else (message.reason, message.summary, message.measured)


HOW: Final = "How we know"
"""The part in which statistics stand, and the only one."""


def links(message: Message) -> list[tuple[str, str]]:
    """Return where a message leads, as (address, name)."""
    known = ((message.link, "Open in Plumbline"), (message.runbook, "Runbook"))
    return [(url, text) for url, text in known if url.startswith(("http://", "https://"))]
