"""PagerDuty by Events API v2: one alert is one `dedup_key`, so that it opens, is acknowledged and closes as one page.

The key has no episode in it: a resolve that got lost joins the page that is open. Reminders go as triggers of the same key, which
PagerDuty counts and does not page again. Limits: summary 1024 characters, an event 512 KB. With a token of its REST API, what
people acknowledge there is asked for, and is taken up here. Changes go to the same service as change events, which page nobody and
have no key: one that was on its way when the process was killed may stand there twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import msgspec

from alerts.channels import Answered, Means, ReceiverName
from alerts.channels.posting import TOTAL_S, OverHttp, accept, get, post
from alerts.message import ChangeNote, Message, clean, details, links
from monitor.clock import Clock
from monitor.errors import RetryLater
from monitor.outgoing import OPEN, Guard

EVENTS: Final = "https://events.pagerduty.com/v2/enqueue"
REST: Final = "https://api.pagerduty.com"
ASKED_EVERY: Final = timedelta(seconds=30)
PAGE: Final = 100
PAGES: Final = 10
ANSWER: Final = 2_000_000
OURS: Final = "plumbline/"
"""How the key of every page of ours begins."""

ENQUEUE: Final = "/enqueue"
CHANGE_ENQUEUE: Final = "/change/enqueue"
"""Where events go ends in the one, and where change events of the same service go in the other."""

SUMMARY: Final = 1024
ACCEPTED: Final = 202
"""The one answer by which PagerDuty says that it has an event."""

ACTIONS: Final[dict[str, Literal["trigger", "acknowledge", "resolve"]]] = {
    "acknowledged": "acknowledge",
    "resolved": "resolve",
}
"""What a kind of message does to the page; every other kind triggers."""


class PagerDutyReceiver(OverHttp, frozen=True, tag_field="kind", tag="pagerduty"):
    """A service of PagerDuty, by the integration key of its Events API v2 (32 characters). Give it as `${env:NAME}`.

    `changes` names the applications whose changes the service shows beside its pages; "*" is every one.
    """

    name: ReceiverName
    routing_key: Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
    url: str = EVENTS
    api_token: str = ""
    api_url: str = REST
    changes: tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=200)], ...] = ()

    def __post_init__(self) -> None:
        """Refuse an address beside which there is none for changes."""
        if self.changes and not self.url.endswith(ENQUEUE):
            raise ValueError(f"{self.name}: `changes` needs a `url` that ends in {ENQUEUE}, such as {EVENTS}")

    def channel(self, means: Means) -> PagerDuty:
        """Return the channel that pages this service."""
        rest = Rest(self.api_url.rstrip("/"), self.api_token) if self.api_token else None
        return PagerDuty(
            self.name, self.routing_key, self.url, means.clock, guard=self.guard(means), rest=rest, changes=self.changes
        )


@dataclass(frozen=True)
class Rest:
    """Where PagerDuty is asked what people did, and by which token; one that may only read suffices."""

    url: str
    token: str = field(repr=False)

    def acknowledged(self, offset: int) -> str:
        """Return the address of one page of what is taken up."""
        return f"{self.url}/incidents?{urlencode({'statuses[]': 'acknowledged', 'limit': PAGE, 'offset': offset})}"

    @property
    def headers(self) -> Mapping[str, str]:
        """What a call carries."""
        return {"authorization": f"Token token={self.token}", "accept": "application/vnd.pagerduty+json;version=2"}


@dataclass(frozen=True)
class PagerDuty:
    """Sends events to `url` under `routing_key`; 202 is an acknowledgement, 429 and 5xx are tried again."""

    name: str
    routing_key: str = field(repr=False)
    url: str
    clock: Clock
    total_s: float = TOTAL_S
    guard: Guard = OPEN
    rest: Rest | None = None
    changes: tuple[str, ...] = ()

    @property
    def asks_every(self) -> timedelta | None:
        """Often enough that nobody is reminded of what they have taken up there."""
        return ASKED_EVERY if self.rest else None

    def taken_up(self) -> list[Answered]:
        """Return our pages that somebody has acknowledged there."""
        return [] if self.rest is None else list(self._answers(self.rest))

    def _answers(self, rest: Rest) -> Iterator[Answered]:
        for page in range(PAGES):
            reply = get(rest.acknowledged(page * PAGE), rest.headers, self.guard, ANSWER)
            accept(reply, self.clock.now(), only=200)
            try:
                told = msgspec.json.decode(reply.start, type=_Incidents)
            except msgspec.MsgspecError as error:
                raise RetryLater(clean(f"its list of incidents cannot be read: {error}")) from None
            yield from (one.answered() for one in told.incidents if one.is_ours)
            if not told.more:
                return

    def send(self, message: Message, *, key: str) -> None:
        """Send one event. A repeat has the same `dedup_key`, and so pages nobody twice."""
        self._post(self.url, event(message, self.routing_key, key))

    def note(self, change: ChangeNote, *, key: str) -> None:
        """Send one change event."""
        self._post(self.url.removesuffix(ENQUEUE) + CHANGE_ENQUEUE, change_event(change, self.routing_key, key))

    def _post(self, url: str, body: Mapping[str, Any]) -> None:
        headers = {"content-type": "application/json"}
        answer = post(url, msgspec.json.encode(body), headers, self.total_s, self.guard)
        accept(answer, self.clock.now(), only=ACCEPTED)


class _Person(msgspec.Struct):
    summary: str | None = None


class _Acknowledgement(msgspec.Struct):
    at: datetime
    acknowledger: _Person = msgspec.field(default_factory=_Person)


class _Incident(msgspec.Struct):
    incident_key: str | None = None
    acknowledgements: list[_Acknowledgement] = msgspec.field(default_factory=list)

    @property
    def is_ours(self) -> bool:
        """Whether the page is about an alert of ours that somebody has taken up."""
        return bool(self.acknowledgements) and (self.incident_key or "").startswith(OURS)

    def answered(self) -> Answered:
        """Return who took it up last."""
        last = max(self.acknowledgements, key=lambda one: one.at)
        who = clean(last.acknowledger.summary or "somebody", 100)
        return Answered((self.incident_key or "").removeprefix(OURS), f"{who} (PagerDuty)", last.at)


class _Incidents(msgspec.Struct):
    incidents: list[_Incident]
    more: bool = False


def event(message: Message, routing_key: str, key: str) -> dict[str, Any]:
    """Return the body of one event about `message`."""
    action = ACTIONS.get(message.kind, "trigger")
    sent: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": f"{OURS}{message.fingerprint}",
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


def change_event(change: ChangeNote, routing_key: str, key: str) -> dict[str, Any]:
    """Return the body of one change event: what was changed, where and when, in a line."""
    where = change.app or "every application"
    told = {"Application": change.app, "Kind": change.kind, "Told by": change.source, "Key": key}
    return {
        "routing_key": routing_key,
        "payload": {
            "summary": clean(f"{where}: {change.what} ({change.kind})", SUMMARY),
            "source": change.app or "plumbline",
            "timestamp": change.at.isoformat(),
            "custom_details": {name: text for name, text in told.items() if text},
        },
        "links": [{"href": change.link, "text": "Open in Plumbline"}] if change.link else [],
    }
