"""PagerDuty by Events API v2: one alert is one `dedup_key`, so that it opens, is acknowledged and closes as one page.

The key has no episode in it: a resolve that got lost joins the page that is open. Reminders go as triggers of the same key, which
PagerDuty counts and does not page again. Limits: summary 1024 characters, an event 512 KB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import msgspec

from alerts.channels import Means, ReceiverName
from alerts.channels.posting import TOTAL_S, OverHttp, accept, post
from alerts.message import Message, clean, details, links
from monitor.clock import Clock
from monitor.outgoing import OPEN, Guard

EVENTS: Final = "https://events.pagerduty.com/v2/enqueue"
SUMMARY: Final = 1024
ACCEPTED: Final = 202
"""The one answer by which PagerDuty says that it has an event."""

ACTIONS: Final[dict[str, Literal["trigger", "acknowledge", "resolve"]]] = {
    "acknowledged": "acknowledge",
    "resolved": "resolve",
}
"""What a kind of message does to the page; every other kind triggers."""


class PagerDutyReceiver(OverHttp, frozen=True, tag_field="kind", tag="pagerduty"):
    """A service of PagerDuty, by the integration key of its Events API v2 (32 characters). Give it as `${env:NAME}`."""

    name: ReceiverName
    routing_key: Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
    url: str = EVENTS

    def channel(self, means: Means) -> PagerDuty:
        """Return the channel that pages this service."""
        return PagerDuty(self.name, self.routing_key, self.url, means.clock, guard=self.guard(means))


@dataclass(frozen=True)
class PagerDuty:
    """Sends events to `url` under `routing_key`; 202 is an acknowledgement, 429 and 5xx are tried again."""

    name: str
    routing_key: str = field(repr=False)
    url: str
    clock: Clock
    total_s: float = TOTAL_S
    guard: Guard = OPEN

    def send(self, message: Message, *, key: str) -> None:
        """Send one event. A repeat has the same `dedup_key`, and so pages nobody twice."""
        body = msgspec.json.encode(event(message, self.routing_key, key))
        headers = {"content-type": "application/json"}
        accept(post(self.url, body, headers, self.total_s, self.guard), self.clock.now(), only=ACCEPTED)


def event(message: Message, routing_key: str, key: str) -> dict[str, Any]:
    """Return the body of one event about `message`."""
    action = ACTIONS.get(message.kind, "trigger")
    sent: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": f"plumbline/{message.fingerprint}",
        "client": "Plumbline",
    }
    if message.link:
        sent["client_url"] = message.link
    if action == "trigger":
        sent |= {"payload": _payload(message, key), "links": _links(message)}
    return sent


def _payload(message: Message, key: str) -> dict[str, Any]:
    told = f"{message.title}. {message.affected}" if message.affected else message.title
    return {
        "summary": clean(told, SUMMARY),
        "source": message.labels.get("app") or "plumbline",
        "severity": message.severity,
        "timestamp": message.started_at.isoformat(),
        "component": message.segment or "everywhere",
        "group": message.labels.get("app") or "plumbline",
        "class": message.category or message.rule_id,
        "custom_details": {**dict(details(message)), "Key": key},
    }


def _links(message: Message) -> list[dict[str, str]]:
    return [{"href": url, "text": text} for url, text in links(message)]
