"""Days and nights on call, as whoever carries the pager lives them: the faults R11, R12, R13 and R22, in virtual time.

Each line is a time of day and what happens then; the stand-in of PagerDuty validates like the service, and what is asserted are the
pages that are open there and those that were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from alerts import acts
from alerts.channels.pagerduty import PagerDuty
from alerts.rounds import Rounds
from alerts.rules import Mute, Rulebook
from monitor.clock import FakeClock
from monitor.model.values import Signal
from monitor.outgoing import Guard
from monitor.state import ControlState
from plumbline.demo.stubs.kit import Mode, Stub, a_stub
from tests.alerts.builders import BAD, GOOD, RATE_RULE, Day, Recorder, a_book, a_day, a_rate

ROUTE = {"remind_every": "4h", "escalate": [{"after": "1h", "to": ["lead"]}]}
LOOKS = timedelta(minutes=5)
"""Between two cycles of the agent."""


@dataclass
class Shift:
    """The second of March on call: a pager, the chat of the lead, an application that is good or bad."""

    stub: Stub
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    began: datetime = datetime(2026, 3, 2, 9, tzinfo=UTC)
    book: Rulebook = field(default_factory=lambda: a_book(RATE_RULE, to=["pager"], others=["lead"], **ROUTE))
    file: Path | None = None
    rates: dict[str, float] = field(default_factory=lambda: {"support": GOOD})
    lead: Recorder = field(default_factory=lambda: Recorder("lead"))

    def __post_init__(self) -> None:
        self.clock = FakeClock(self.began)
        self.day = self._started()

    def _started(self) -> Day:
        day = a_day(self.book, self.lead, state=ControlState.open(self.file, self.clock), clock=self.clock)
        pager = PagerDuty(
            "pager", "k" * 32, self.stub.pagerduty_url, self.clock, guard=Guard(allow_http=True, allow_private=True)
        )
        day.desk.post.channels["pager"] = pager  # type: ignore[index]  # a dict behind a Mapping
        return day

    def until(self, moment: str, days: int = 0, **rates: float) -> None:
        """Live on until `moment` of the day (of one `days` later), with `rates` as they are from now on."""
        self.rates |= rates
        here = self.clock.now().astimezone(self.zone)
        end = datetime.combine(here.date() + timedelta(days=days), time.fromisoformat(moment), self.zone)
        while self.clock.now() < end:
            self.clock.move_to(min(self.clock.now() + LOOKS, end.astimezone(UTC)))
            self.looks()

    def looks(self) -> None:
        """One cycle."""
        self.day.look(*self.signals())
        self.day.desk.deliver_due()

    def signals(self) -> list[Signal]:
        return [a_rate(rate, app=app, at=self.clock.now()) for app, rate in self.rates.items()]

    def answers(self, mode: Mode) -> None:
        """From now on the pager service answers so."""
        self.stub.mode = mode

    def somebody_takes_it_up(self) -> None:
        [alert] = [row for row in self.day.desk.listed() if row["rule_id"] == "rate"]
        self.day.act(alert["fingerprint"], acts.acknowledge, "mira")

    def stops(self) -> None:
        """The agent is killed: nothing but the file is left."""
        self.day.desk.state.engine.dispose()

    def starts(self, moment: str, days: int = 0) -> None:
        """The agent is started again at `moment`."""
        end = datetime.combine(self.clock.now().date() + timedelta(days=days), time.fromisoformat(moment), UTC)
        self.clock.move_to(end)
        self.day = self._started()
        self.looks()

    @property
    def open(self) -> int:
        """Pages that are open at the service."""
        return len(self.stub.model.pages)

    @property
    def pages(self) -> tuple[int, int, int]:
        """Pages that were opened, closed, and that are open at the service."""
        model = self.stub.model
        assert (model.early_resolves, model.refusals) == ([], [])
        return len(model.opened), len(model.closed), len(model.pages)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with a_stub(None) as running:
        yield running


def test_a_day_at_ten_it_breaks_somebody_takes_it_up_at_noon_it_is_over(stub: Stub) -> None:
    """At 10:00 answers go wrong; want the page by 10:05; at 10:30 mira takes it up; want quiet; at 12:00 it is good; want it closed by 12:05."""
    shift = Shift(stub)
    shift.until("10:00")
    assert shift.pages == (0, 0, 0)
    shift.until("10:05", support=BAD)
    assert shift.pages == (1, 0, 1)
    shift.until("10:30")
    shift.somebody_takes_it_up()
    shift.until("12:00")
    assert list(stub.model.pages.values()) == ["acknowledged"]
    assert shift.lead.got == []
    shift.until("12:05", support=GOOD)
    assert shift.pages == (1, 1, 0)


def test_a_day_nobody_answers_the_lead_is_told_after_an_hour_once(stub: Stub) -> None:
    """At 10:00 answers go wrong; nobody answers; want the lead told by 11:10, once, and its end by 12:05."""
    shift = Shift(stub)
    shift.until("10:00")
    shift.until("11:00", support=BAD)
    assert shift.lead.got == []
    shift.until("11:10")
    assert shift.lead.kinds() == ["escalated"]
    shift.until("12:05")
    shift.until("12:10", support=GOOD)
    assert shift.lead.kinds() == ["escalated", "resolved"]


@pytest.mark.parametrize(
    "jump", [timedelta(hours=1), timedelta(hours=-2), timedelta(days=400)], ids=["+1h", "-2h", "+400d"]
)
def test_r11_the_clock_jumps_while_a_page_is_open(stub: Stub, jump: timedelta) -> None:
    """At 10:05 a page is open; the clock jumps; want no second page; it is good again; want it closed by the second look."""
    shift = Shift(stub)
    shift.until("10:00")
    shift.until("10:05", support=BAD)
    shift.clock.move_to(shift.clock.now() + jump)
    shift.looks()
    assert shift.pages == (1, 0, 1)
    shift.rates["support"] = GOOD
    for _ in range(2):
        shift.clock.advance(LOOKS)
        shift.looks()
    assert shift.pages == (1, 1, 0)


def test_r11_the_clock_goes_back_while_the_service_is_down(stub: Stub) -> None:
    """At 10:05 a page cannot leave; the clock goes back to 08:05; the service answers again; want the page at once, not at 10:06."""
    shift = Shift(stub)
    shift.answers("500")
    shift.until("10:00")
    shift.until("10:05", support=BAD)
    shift.clock.move_to(shift.clock.now() - timedelta(hours=2))
    shift.answers("ok")
    shift.looks()
    assert shift.pages == (1, 0, 1)


def test_r11_the_clock_goes_back_and_a_service_that_is_down_is_not_hammered(stub: Stub) -> None:
    shift = Shift(stub)
    shift.answers("500")
    shift.until("10:00")
    shift.until("10:05", support=BAD)
    shift.clock.move_to(shift.clock.now() - timedelta(hours=2))
    before = stub.model.attempts
    for _ in range(60):
        shift.clock.advance(timedelta(seconds=1))
        shift.day.desk.deliver_due()
    assert stub.model.attempts - before <= 6


def test_r11_the_clock_stands_still(stub: Stub) -> None:
    """At 10:05 the clock freezes for a hundred looks; want one page, and its end when it is good."""
    shift = Shift(stub)
    shift.until("10:05", support=BAD)
    for _ in range(100):
        shift.looks()
    assert shift.pages == (1, 0, 1)
    shift.rates["support"] = GOOD
    shift.looks()
    assert shift.pages == (1, 1, 0)


def test_r11_what_is_said_again_and_again_is_said_again_after_the_clock_went_back() -> None:
    rounds, noon = Rounds(), datetime(2026, 3, 2, 12, tzinfo=UTC)
    minute = timedelta(minutes=1)
    assert rounds.comes_to("alertmanager", minute, noon)
    assert rounds.comes_to("alertmanager", minute, noon - timedelta(hours=2))
    assert not rounds.comes_to("alertmanager", minute, noon - timedelta(hours=2) + minute / 2)


NIGHTS = [
    ("Europe/Berlin", "2026-03-28", 7.0),
    ("Europe/Berlin", "2026-10-24", 9.0),
    ("America/New_York", "2026-03-07", 7.0),
    ("America/New_York", "2026-10-31", 9.0),
    ("Australia/Lord_Howe", "2026-10-03", 7.5),
    ("Australia/Lord_Howe", "2026-04-04", 8.5),
    ("Europe/Berlin", "2028-02-28", 8.0),  # into a leap day
]


@pytest.mark.parametrize(("zone", "evening", "hours"), NIGHTS, ids=[f"{zone} {day}" for zone, day, _ in NIGHTS])
def test_r12_a_mute_night_ends_at_six_by_the_clock_on_the_wall_however_long_it_was(
    stub: Stub, zone: str, evening: str, hours: float
) -> None:
    """Nobody is paged between 22:00 and 06:00; at 22:30 answers go wrong; want silence until 06:00 and the page by 06:05."""
    here = ZoneInfo(zone)
    quiet = Mute(reason="nobody works at night", start="22:00", end="06:00", zone=zone)
    book = msgspec.structs.replace(a_book(RATE_RULE, to=["pager"], others=["lead"]), mute=(quiet,))
    began = datetime.fromisoformat(f"{evening}T21:00").replace(tzinfo=here).astimezone(UTC)
    shift = Shift(stub, zone=here, began=began, book=book)
    shift.until("22:00")
    ten = shift.clock.now()
    shift.until("22:30")
    shift.until("05:55", days=1, support=BAD)
    assert shift.pages == (0, 0, 0)
    shift.until("06:00")
    assert shift.clock.now() - ten == timedelta(hours=hours)
    shift.until("06:05")
    assert shift.pages == (1, 0, 1)


@pytest.mark.parametrize(
    ("end", "opened"), [(BAD, (1, 0, 1)), (GOOD, (1, 1, 0))], ids=["it goes on", "it ended meanwhile"]
)
def test_r13_the_agent_is_down_for_26_hours_while_a_page_is_open(
    stub: Stub, tmp_path: Path, end: float, opened: tuple[int, int, int]
) -> None:
    """At 10:05 a page is open; the agent is killed; it starts at 12:05 the next day; want no second page, one reminder, and an end that is told."""
    shift = Shift(stub, file=tmp_path / "control.sqlite")
    shift.until("10:00")
    shift.until("10:05", support=BAD)
    shift.stops()
    shift.rates["support"] = end
    shift.starts("12:05", days=1)
    assert shift.pages == opened
    told = [row["kind"] for row in shift.day.messages(receiver="pager")]
    assert told == (["firing", "reminder"] if end is BAD else ["firing", "resolved"])
    assert shift.lead.kinds() == (["escalated"] if end is BAD else [])


def test_r13_killed_with_a_page_that_had_not_left_it_leaves_after_the_start(stub: Stub, tmp_path: Path) -> None:
    """At 10:05 the service is down and the agent is killed; at 12:05 the next day both are back; want the page then."""
    shift = Shift(stub, file=tmp_path / "control.sqlite")
    shift.answers("500")
    shift.until("10:05", support=BAD)
    shift.stops()
    shift.answers("ok")
    shift.starts("12:05", days=1)
    assert shift.pages == (1, 0, 1)


def test_r22_the_service_is_down_for_three_hours_and_what_came_and_went_meanwhile_is_not_lost(stub: Stub) -> None:
    """At 10:00 the pager goes down. support breaks at 10:05 and is good at 10:30; shop breaks at 11:00. At 13:00 it is back.

    Want by 13:05 one page that opened and closed, and one that is open; in that order, without one that closes before it opens.
    """
    shift = Shift(stub, rates={"support": GOOD, "shop": GOOD})
    shift.until("10:00")
    shift.answers("500")
    shift.until("10:30", support=BAD)
    shift.until("11:00", support=GOOD)
    shift.until("13:00", shop=BAD)
    assert shift.pages == (0, 0, 0)
    shift.answers("ok")
    shift.until("13:05")
    assert shift.pages == (2, 1, 1)
    shift.until("13:10", shop=GOOD)
    assert shift.pages == (2, 2, 0)


def test_r22_one_of_two_is_down_and_the_other_hears_of_it(stub: Stub) -> None:
    """At 10:00 the pager goes down and answers go wrong; want chat told by 10:05, and by 10:20 that the pager is out of reach; once."""
    shift = Shift(stub, book=a_book(RATE_RULE, to=["pager", "lead"]))
    shift.until("10:00")
    shift.answers("500")
    shift.until("10:05", support=BAD)
    assert [message.rule_id for _, message in shift.lead.got] == ["rate"]
    shift.until("12:00")
    assert [message.title for _, message in shift.lead.got][1:] == ["Messages do not reach a receiver (receiver=pager)"]
    shift.answers("ok")
    shift.until("12:10")
    assert shift.lead.kinds()[2:] == ["resolved"]
    assert shift.pages == (1, 0, 1)


@pytest.mark.parametrize("mode", ["lost", "429", "reset", "false"])
def test_r22_an_end_never_overtakes_its_beginning(stub: Stub, mode: Mode) -> None:
    """The beginning fails at 10:05, by whatever fault; at 10:10 it is over; want the beginning first, then the end."""
    shift = Shift(stub)
    shift.until("10:00")
    shift.answers(mode)
    shift.until("10:05", support=BAD)
    shift.answers("ok")
    shift.until("10:30", support=GOOD)
    assert shift.pages == (1, 1, 0)
