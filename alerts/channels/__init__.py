"""Channels: one way of reaching people a file. A channel sends one message once; policy lives in `alerts.deliver`."""

from __future__ import annotations

from typing import Protocol

from alerts.message import Message


class Channel(Protocol):
    """One receiver.

    `send` returns when the receiver has the message; it raises `RetryLater` or `Undeliverable`, and anything else is a
    bug. No retry loop, no dedup inside: `key` is the same for every repeat, which is what makes a repeat harmless.
    """

    @property
    def name(self) -> str:
        """The receiver's name in the rule file."""

    def send(self, message: Message, *, key: str) -> None:
        """Send `message` once, within 15 s."""
