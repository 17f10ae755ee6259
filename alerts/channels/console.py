"""The console: one clear line, then the details. For the log of the agent and for trying things out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from alerts.channels import Means, ReceiverName
from alerts.message import Message, details
from monitor.config.schema import Section
from monitor.errors import RetryLater


class ConsoleReceiver(Section, frozen=True, tag_field="kind", tag="console"):
    """Prints to the log of the agent."""

    name: ReceiverName

    def channel(self, means: Means) -> Console:
        """Return the channel that prints."""
        return Console(self.name, means.stream)


@dataclass(frozen=True)
class Console:
    """Prints to `stream`. Not for pages: nobody is woken by a log."""

    name: str
    stream: TextIO

    def send(self, message: Message, *, key: str) -> None:
        """Print `message`; a closed or full stream is tried again."""
        state = "RESOLVED" if message.kind == "resolved" else message.severity.upper()
        lines = [f"[{state}] {message.title}"]
        lines += [f"    {name}: {text}" for name, text in details(message)]
        lines += [f"    Open: {message.link}"] if message.link else []
        text = "\n".join([*lines, f"    Key: {key}", ""])
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        try:
            self.stream.write(text.encode(encoding, "replace").decode(encoding))
            self.stream.flush()
        except (OSError, ValueError) as error:
            raise RetryLater(f"the console does not take text: {error}") from None
