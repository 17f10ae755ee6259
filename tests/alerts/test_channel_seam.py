"""A channel nobody knew before: one file with settings and channel, and one word in the union; nothing else changes."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import msgspec

from alerts.channels import Means, ReceiverName
from alerts.channels.registered import Receiver, build_channels
from alerts.message import Message
from monitor.clock import FakeClock
from monitor.config.schema import Section
from monitor.errors import Undeliverable
from tests.alerts.builders import BAD, MORNING, a_book, a_day, a_rate


@dataclass
class Bell:
    """Rings as often as there is something to say."""

    name: str
    loudest: int
    rung: list[str] = field(default_factory=list)

    def send(self, message: Message, *, key: str) -> None:
        if len(self.rung) >= self.loudest:
            raise Undeliverable("the bell is worn out")
        self.rung.append(f"{key} {message.title}")


class BellReceiver(Section, frozen=True, tag_field="kind", tag="bell"):
    name: ReceiverName
    loudest: int = 3

    def channel(self, means: Means) -> Bell:
        return Bell(self.name, self.loudest, [f"built at {means.clock.now():%H:%M}"])


def test_a_new_kind_is_read_from_the_file_built_and_told() -> None:
    given = [{"kind": "bell", "name": "tower"}, {"kind": "console", "name": "log"}]
    receivers = msgspec.convert(given, tuple[Receiver | BellReceiver, ...])
    channels = build_channels(receivers, Means(io.StringIO(), FakeClock(MORNING)))
    bell = channels["tower"]
    assert isinstance(bell, Bell)
    a_day(a_book(to=["tower"]), bell).tick(a_rate(BAD))
    built, rung = bell.rung
    assert built == "built at 09:00"
    assert "Answers break the policy" in rung


def test_a_kind_that_is_not_registered_is_refused() -> None:
    try:
        msgspec.convert([{"kind": "bell", "name": "tower"}], tuple[Receiver, ...])
    except msgspec.ValidationError as error:
        assert "bell" in str(error)
    else:
        raise AssertionError
