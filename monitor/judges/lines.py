"""Open lines to judges: one HTTP client a judge for as long as a batch of questions takes, or a file that is replayed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.config.schema import OutgoingSettings
from monitor.judges.judge import ConnectedJudge, Line
from monitor.judges.question import Item, Prompt
from monitor.judges.reply import Heard
from monitor.judges.transport import NoReply, Transport
from monitor.judges.transports.chat import Chat
from monitor.judges.transports.decisions import Decisions
from monitor.judges.transports.messages import Messages
from monitor.judges.transports.recorded import Recorded
from monitor.judges.wire import Wire, wired
from monitor.outgoing import Guard

TRANSPORTS = {"openai": Chat, "anthropic": Messages, "systemone": Decisions}


@dataclass(frozen=True)
class HttpLine:
    """Questions that leave this machine."""

    transport: Transport
    wire: Wire

    async def hear(self, prompt: Prompt, item: Item) -> Heard:
        """Post the question and read what comes back. Raises `NoReply`."""
        body = await self.wire.post(self.transport.request(prompt, item))
        try:
            return self.transport.heard(body, prompt)
        except (AttributeError, TypeError, ValueError, OverflowError):
            raise NoReply("form", "its answers are not in the agreed form") from None

    def give_way(self, refused: str) -> bool:
        """Return whether another request is worth a try."""
        return self.transport.give_way(refused)


@dataclass(frozen=True)
class FileLine:
    """Questions that are looked up."""

    recorded: Recorded
    lines: Mapping[tuple[str, str], Mapping[str, Any]] | NoReply

    async def hear(self, prompt: Prompt, item: Item) -> Heard:
        """Return what is recorded. Raises `NoReply`."""
        if isinstance(self.lines, NoReply):
            raise self.lines
        return self.recorded.heard(item, prompt, self.lines)

    def give_way(self, refused: str) -> bool:  # noqa: ARG002, PLR6301, RUF100 the signature is the line's
        """A file says the same again."""
        return False


@asynccontextmanager
async def line_to(judge: ConnectedJudge, outgoing: OutgoingSettings, kept: dict[str, Transport]) -> AsyncIterator[Line]:
    """A line to `judge` as long as the block; `kept` holds transports, which learn what a service refuses."""
    settings = judge.settings
    if settings.transport == "recorded":
        yield _file_line(Path(settings.file or ""))
        return
    transport = kept.setdefault(judge.name, TRANSPORTS[settings.transport](settings))
    guard = Guard(allow_private=settings.allow_private, proxy=outgoing.proxy, ca=outgoing.ca)
    async with wired(guard, judge.patience_s) as wire:
        yield HttpLine(transport, wire)


def _file_line(file: Path) -> FileLine:
    recorded = Recorded(file)
    try:
        return FileLine(recorded, recorded.lines())
    except NoReply as failed:
        return FileLine(recorded, failed)
