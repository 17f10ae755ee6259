"""From the receivers of the rule file to channels that send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TextIO

from alerts.channels import Channel
from alerts.channels.console import Console
from alerts.channels.slack import Slack
from alerts.channels.webhook import Webhook
from alerts.rules import ConsoleReceiver, Receiver, WebhookReceiver
from monitor.clock import Clock


def build_channels(receivers: Sequence[Receiver], stream: TextIO, clock: Clock) -> Mapping[str, Channel]:
    """Return a channel per receiver, by name; `stream` is where consoles print."""
    return {receiver.name: _channel(receiver, stream, clock) for receiver in receivers}


def _channel(receiver: Receiver, stream: TextIO, clock: Clock) -> Channel:
    if isinstance(receiver, ConsoleReceiver):
        return Console(receiver.name, stream)
    if isinstance(receiver, WebhookReceiver):
        return Webhook(receiver.name, receiver.url, receiver.secret, clock)
    return Slack(receiver.name, receiver.url, clock)
