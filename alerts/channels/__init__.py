"""Channels: one way of reaching people a file, with its settings. A channel sends one message once; policy lives in `alerts.deliver`.

A new one is a file here and a word in `registered.py`: its settings are the schema of the rule file, and build it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Protocol, TextIO, runtime_checkable

import msgspec

from alerts.message import ChangeNote, Message
from monitor.clock import Clock
from monitor.outgoing import OPEN, Guard

ReceiverName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


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


@runtime_checkable
class Threaded(Channel, Protocol):
    """A receiver that keeps the messages about one episode together, and names each when it has it."""

    def send_in(self, thread: str, message: Message, *, key: str) -> str:
        """Send `message` once, below the one named `thread` ("" begins); return its name."""


@runtime_checkable
class Kept(Channel, Protocol):
    """A receiver that forgets what is not said again."""

    @property
    def again(self) -> timedelta:
        """How often it wants to hear it."""

    def keep(self, messages: Sequence[Message]) -> None:
        """Say once more what is true. Raises as `send` does."""


@dataclass(frozen=True)
class Answered:
    """Somebody has taken up an alert at its receiver: which one, who, and when."""

    fingerprint: str
    person: str
    at: datetime


@runtime_checkable
class Asked(Channel, Protocol):
    """A receiver at which people take alerts up, and which can be asked who did."""

    @property
    def asks_every(self) -> timedelta | None:
        """How often it is asked; None: never, since nothing here may."""

    def taken_up(self) -> Sequence[Answered]:
        """Return what is taken up there now. Raises as `send` does."""


@dataclass(frozen=True)
class Pressed:
    """Somebody pressed a button below a message: what it does, to which alert, and who, as the receiver names them.

    `key` is the same for every repeat of one press.
    """

    receiver: str
    act: str
    fingerprint: str
    user: str
    name: str
    key: str


@runtime_checkable
class Pressable(Channel, Protocol):
    """A receiver whose messages may have buttons."""

    @property
    def people(self) -> Mapping[str, str]:
        """Whom its users are here, by their id there."""

    @property
    def has_buttons(self) -> bool:
        """Whether its messages have some."""

    def listen(self, press: Callable[[Pressed], str], opened: Callable[[], None], stopping: Callable[[], bool]) -> None:
        """Hand over what is pressed until the line ends; what `press` returns is told to who did. Raises as `send` does."""


@runtime_checkable
class Timeline(Channel, Protocol):
    """A receiver that shows what was changed beside what is wrong, and pages nobody for it."""

    @property
    def changes(self) -> Sequence[str]:
        """The applications whose changes it is told; "*" is every one."""

    def note(self, change: ChangeNote, *, key: str) -> None:
        """Send `change` once. Raises as `send` does."""


@dataclass(frozen=True)
class Means:
    """What a channel is given to work with: where consoles print, the time, and how calls leave this machine."""

    stream: TextIO
    clock: Clock
    guard: Guard = OPEN


class ReceiverSettings(Protocol):
    """A receiver as it stands in the rule file."""

    @property
    def name(self) -> str:
        """What routes call it."""

    def channel(self, means: Means) -> Channel:
        """Return the channel that these settings describe."""
