"""Every other service by Apprise (the extra `plumbline[apprise]`), one address a receiver.

Apprise says only whether it went well, so that every failure is tried again; it resolves and connects by itself, so that the guard
of outgoing calls does not hold for it. Not for a pager that has a kind of its own: nothing is acknowledged or closed there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec

from alerts.channels import Means, ReceiverName
from alerts.channels.apprise_codes import ABSENT, TAKEN, UNKNOWN
from alerts.channels.posting import REFUSED_WAIT_S, TOTAL_S
from alerts.message import Message, clean, details, links
from monitor.config.schema import Section
from monitor.errors import RetryLater, Undeliverable

KINDS: Final = {"critical": "failure", "error": "failure", "warning": "warning"}


class AppriseReceiver(Section, frozen=True, tag_field="kind", tag="apprise"):
    """A service by its Apprise address (`discord://...`, `ntfys://...`). It holds secrets: give it as `${env:NAME}`."""

    name: ReceiverName
    url: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9+.-]+://.")]

    def channel(self, means: Means) -> AnyService:  # noqa: ARG002 - Apprise connects by itself
        """Return the channel that tells this service."""
        return AnyService(self.name, self.url)


@dataclass(frozen=True)
class AnyService:
    """Hands messages to a process that runs Apprise, for as long as `total_s`."""

    name: str
    url: str = field(repr=False)
    total_s: float = TOTAL_S

    def send(self, message: Message, *, key: str) -> None:
        """Send `message` once."""
        code = self._run({"url": self.url, **told(message, key)})
        if code == ABSENT:
            raise RetryLater("Apprise is not installed (pip install 'plumbline[apprise]')", REFUSED_WAIT_S)
        if code == UNKNOWN:
            raise Undeliverable("Apprise knows no such address")
        if code != TAKEN:
            raise RetryLater("Apprise says that the service did not take it")

    def _run(self, asked: dict[str, str]) -> int:
        command = [sys.executable, "-m", "alerts.channels.through_apprise"]
        try:
            done = subprocess.run(
                command, input=json.dumps(asked).encode(), capture_output=True, timeout=self.total_s, check=False
            )
        except subprocess.TimeoutExpired:
            raise RetryLater(f"no answer within {self.total_s:g} s") from None
        return done.returncode


def told(message: Message, key: str) -> dict[str, str]:
    """Return title, text and kind of `message`."""
    lines = [f"{name}: {text}" for name, text in details(message)]
    lines += [f"{name}: {url}" for url, name in links(message)]
    kind = "success" if message.kind == "resolved" else KINDS.get(message.severity, "info")
    return {"title": clean(message.title), "body": "\n".join([*lines, key]), "kind": kind}
