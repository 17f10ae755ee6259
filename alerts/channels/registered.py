"""The channels there are. The `kind` in the rule file picks one; the union is the schema of `receivers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.channels import Channel, Means, ReceiverSettings
from alerts.channels.console import ConsoleReceiver
from alerts.channels.pagerduty import PagerDutyReceiver
from alerts.channels.slack import SlackReceiver
from alerts.channels.webhook import WebhookReceiver

Receiver = ConsoleReceiver | WebhookReceiver | SlackReceiver | PagerDutyReceiver


def build_channels(receivers: Sequence[ReceiverSettings], means: Means) -> Mapping[str, Channel]:
    """Return a channel per receiver, by name."""
    return {receiver.name: receiver.channel(means) for receiver in receivers}
