"""A signed webhook in the manner of Standard Webhooks: the body is `{type, timestamp, data}`, the id is the key.

`type` is `alert.firing`, `alert.resolved`, `alert.severity`, `alert.reminder`, `alert.flapping` or `alert.no_data`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from alerts.channels import Means, ReceiverName
from alerts.channels.posting import TOTAL_S, OverHttp, accept, post
from alerts.channels.signature import sign
from alerts.message import Message
from monitor.clock import Clock
from monitor.outgoing import OPEN, Guard


class WebhookReceiver(OverHttp, frozen=True, tag_field="kind", tag="webhook"):
    """Any HTTP service that verifies Standard Webhooks signatures. `secret` is `whsec_` and base64, or plain text."""

    name: ReceiverName
    url: str
    secret: Annotated[str, msgspec.Meta(min_length=8)]

    def channel(self, means: Means) -> Webhook:
        """Return the channel that posts here, signed."""
        return Webhook(self.name, self.url, self.secret, means.clock, guard=self.guard(means))


@dataclass(frozen=True)
class Webhook:
    """Posts to `url`, signed with `secret`. Any 2xx is an acknowledgement."""

    name: str
    url: str = field(repr=False)
    secret: str = field(repr=False)
    clock: Clock
    total_s: float = TOTAL_S
    guard: Guard = OPEN

    def send(self, message: Message, *, key: str) -> None:
        """Post `message` once."""
        self.tell({"type": f"alert.{message.kind}", "timestamp": message.at, "data": message}, key=key)

    def tell(self, event: Mapping[str, Any], *, key: str) -> None:
        """Post an event `{type, timestamp, data}` once. Raises as `send` does."""
        now = self.clock.now()
        stamp = int(now.timestamp())
        body = msgspec.json.encode(event)
        headers = {
            "content-type": "application/json",
            "user-agent": "plumbline",
            "webhook-id": key,
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign(self.secret, key, stamp, body),
        }
        accept(post(self.url, body, headers, self.total_s, self.guard), now)
