"""Prometheus Alertmanager as a receiver, by its API v2: it routes, groups and tells; we keep saying what is true.

It holds alerts in memory and ends them by `endsAt`, so that what fires is sent again every minute, with an end five minutes from
now, and what has ended for five minutes more. An answer is 200 without a word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from alerts.channels import Means, ReceiverName
from alerts.channels.posting import TOTAL_S, OverHttp, accept, post
from alerts.message import Message, clean, details
from monitor.clock import Clock
from monitor.errors import RetryLater
from monitor.outgoing import OPEN, Guard

PATH: Final = "/api/v2/alerts"
TAKEN: Final = 200
AGAIN: Final = timedelta(minutes=1)
LASTS: Final = timedelta(minutes=5)
_NOT_NAME: Final = re.compile(r"[^A-Za-z0-9_]")


class AlertmanagerReceiver(OverHttp, frozen=True, tag_field="kind", tag="alertmanager"):
    """An Alertmanager, by its address (`https://host:9093`, with its path prefix where it has one)."""

    name: ReceiverName
    url: str

    def channel(self, means: Means) -> Alertmanager:
        """Return the channel that posts there."""
        return Alertmanager(self.name, self.url.rstrip("/"), means.clock, guard=self.guard(means))


@dataclass(frozen=True)
class Alertmanager:
    """Posts alerts, each known by its labels. What somebody silences there is not known here."""

    name: str
    url: str = field(repr=False)
    clock: Clock
    total_s: float = TOTAL_S
    guard: Guard = OPEN
    again: timedelta = AGAIN

    def send(self, message: Message, *, key: str) -> None:  # noqa: ARG002 - alerts are merged by their labels, so a repeat changes nothing
        """Post `message` once."""
        self.keep([message])

    def keep(self, messages: Sequence[Message]) -> None:
        """Say again what is true: alerts that fire, and those that ended within five minutes."""
        now = self.clock.now()
        body = msgspec.json.encode([alert(message, now) for message in messages])
        answer = post(self.url + PATH, body, {"content-type": "application/json"}, self.total_s, self.guard)
        accept(answer, now, only=TAKEN)
        if answer.excerpt:
            raise RetryLater(f"HTTP {answer.status}, but it is no Alertmanager that says: {answer.excerpt}")


def alert(message: Message, now: datetime) -> dict[str, Any]:
    """Return `message` as an alert of the API v2.

    Routes there go by labels, so that severity is one: what gets worse is another alert, and the old one ends by not being sent again.
    """
    own = {"alertname": message.rule_id, "fingerprint": message.fingerprint, "category": message.category}
    own["severity"] = message.severity
    labels = {**{_name(key): value for key, value in message.labels.items()}, **own}
    return {
        "labels": {name: clean(value) for name, value in labels.items() if value},
        "annotations": {
            "summary": message.title,
            **{_name(name.lower()): text for name, text in details(message)},
        },
        "startsAt": message.started_at.isoformat(),
        "endsAt": (message.ended_at or now + LASTS).isoformat(),
        **({"generatorURL": message.link} if message.link else {}),
    }


def _name(text: str) -> str:
    """Return `text` as a name of a label: letters, digits and underscores, no digit first."""
    name = _NOT_NAME.sub("_", text) or "_"
    return f"_{name}" if name[0].isdigit() else name
