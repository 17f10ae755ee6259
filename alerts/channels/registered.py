"""The channels there are. The `kind` in the rule file picks one; the union is the schema of `receivers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.channels import Channel, Means, ReceiverSettings
from alerts.channels.alertmanager import AlertmanagerReceiver
from alerts.channels.any_service import AppriseReceiver
from alerts.channels.console import ConsoleReceiver
from alerts.channels.mail import EmailReceiver
from alerts.channels.pagerduty import PagerDutyReceiver
from alerts.channels.rollout import RolloutReceiver
from alerts.channels.slack import SlackReceiver
from alerts.channels.slack_bot import SlackBotReceiver
from alerts.channels.teams import TeamsReceiver
from alerts.channels.webhook import WebhookReceiver

Receiver = (
    ConsoleReceiver
    | WebhookReceiver
    | RolloutReceiver
    | SlackReceiver
    | SlackBotReceiver
    | TeamsReceiver
    | PagerDutyReceiver
    | AlertmanagerReceiver
    | EmailReceiver
    | AppriseReceiver
)


def build_channels(receivers: Sequence[ReceiverSettings], means: Means) -> Mapping[str, Channel]:
    """Return a channel per receiver, by name."""
    return {receiver.name: receiver.channel(means) for receiver in receivers}
