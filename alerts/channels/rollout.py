"""A guarded rollout: a signed webhook that tells what rolls an arm out to pause it, or that its guardrail is no longer crossed.

Standard Webhooks, as `alerts.channels.webhook`: `{type, timestamp, data}`. `rollout.pause` is said when the alert fires and again
with each reminder, so it has to be harmless to hear it twice; `rollout.clear` when the alert resolves. Nothing is resumed by us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from alerts.channels import Means, ReceiverName
from alerts.channels.posting import OverHttp
from alerts.channels.webhook import Webhook
from alerts.message import Message
from monitor.errors import Undeliverable

PAUSES: Final = frozenset({"firing", "severity", "reminder", "flapping"})
CLEARS: Final = frozenset({"resolved"})


class RolloutReceiver(OverHttp, frozen=True, tag_field="kind", tag="rollout"):
    """What rolls arms out: a deploy job or a feature-flag service behind a hook of yours. Route only rules on experiments to it."""

    name: ReceiverName
    url: str
    secret: Annotated[str, msgspec.Meta(min_length=8)]

    def channel(self, means: Means) -> Rollout:
        """Return the channel that posts here, signed."""
        return Rollout(self.name, Webhook(self.name, self.url, self.secret, means.clock, guard=self.guard(means)))


@dataclass(frozen=True)
class Rollout:
    """Posts to `hook`. Any 2xx is an acknowledgement."""

    name: str
    hook: Webhook

    def send(self, message: Message, *, key: str) -> None:
        """Tell what to do with the arm. That somebody has taken the alert up changes nothing for a rollout."""
        word = "pause" if message.kind in PAUSES else "clear" if message.kind in CLEARS else None
        arm = {name: message.labels.get(name, "") for name in ("app", "experiment", "arm")}
        if not arm["experiment"] or not arm["arm"]:
            raise Undeliverable(
                "a rollout receiver is told of arms only: route a rule on `ab` with `by: [experiment, arm]` to it"
            )
        if word is not None:
            data = {**arm, "reason": message.summary, "since": message.started_at, "link": message.link}
            self.hook.tell({"type": f"rollout.{word}", "timestamp": message.at, "data": data}, key=key)
