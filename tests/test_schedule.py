"""Work that is paced by what it cost, and a timetable whose clock jumps: on clocks that the test moves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from plumbline.schedule import Clocks, Every, Job, Paced, Timetable, follow_clock, hurry, start


@dataclass
class Busy:
    """Work that takes `costs` seconds of its own clock."""

    costs: float
    now: float = 100.0
    runs: list[float] = field(default_factory=list)

    def work(self) -> None:
        self.runs.append(self.now)
        self.now += self.costs


def ran_within(busy: Busy, paced: Paced, seconds: float) -> int:
    """How often it ran when it was asked every 0.1 s."""
    end = busy.now + seconds
    while busy.now < end:
        paced()
        busy.now += 0.1
    return len(busy.runs)


@pytest.mark.parametrize(("costs", "most"), [(0.05, 42), (0.2, 17), (2.0, 5)])
def test_it_rests_by_what_it_cost_and_not_at_all_when_there_is_plenty_to_do(costs: float, most: int) -> None:
    busy = Busy(costs)
    runs = ran_within(busy, Paced(busy.work, rest=4.0, most_s=0.8, monotonic=lambda: busy.now), 10.0)
    assert 0.6 * most <= runs <= most
    gaps = [later - earlier for earlier, later in zip(busy.runs, busy.runs[1:], strict=False)]
    assert max(gaps) + costs <= max(0.8, 2 * costs) + 0.2  # what came just after one began is done by the next


def test_it_rests_after_a_failure_too() -> None:
    now, tries = [0.0], []

    def fails() -> None:
        tries.append(now[0])
        now[0] += 0.1
        raise ValueError("it broke")

    paced = Paced(fails, rest=4.0, most_s=0.8, monotonic=lambda: now[0])
    with pytest.raises(ValueError, match="it broke"):
        paced()
    paced()
    assert tries == [0.0]


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_the_next_run_is_one_time_from_the_last_also_where_it_is_a_little_late() -> None:
    assert Every(MINUTE).get_next_fire_time(None, NOON) == NOON + MINUTE
    assert Every(MINUTE).get_next_fire_time(NOON, NOON + MINUTE / 2) == NOON + MINUTE


@pytest.mark.parametrize("pause", [timedelta(hours=1), timedelta(hours=26), timedelta(days=400)], ids=str)
def test_after_a_pause_of_any_length_there_is_one_run_and_not_one_for_each_that_was_missed(pause: timedelta) -> None:
    """R13, and R11 ahead: 400 days of a job of each second are 34 million runs, which nobody steps through."""
    now, trigger = NOON + pause, Every(timedelta(seconds=1))
    assert trigger.get_next_fire_time(NOON, now) == now + timedelta(seconds=1)


@dataclass
class TwoClocks:
    """A wall clock that somebody sets, and one that only runs."""

    at: datetime = NOON
    ran: float = 0.0

    def passes(self, seconds: float, *, jumping: timedelta = timedelta(0)) -> None:
        self.at, self.ran = self.at + timedelta(seconds=seconds) + jumping, self.ran + seconds

    def held(self) -> Clocks:
        return Clocks(lambda: self.at, lambda: self.ran)


@pytest.mark.parametrize(
    ("jump", "seen"),
    [(timedelta(hours=1), 3600.0), (timedelta(hours=-2), -7200.0), (timedelta(days=400), 34_560_000.0)],
    ids=str,
)
def test_r11_a_jump_is_told_by_how_far_it_went_once(jump: timedelta, seen: float) -> None:
    two = TwoClocks()
    clocks = two.held()
    assert clocks.jumped() == 0.0
    two.passes(2, jumping=jump)
    assert clocks.jumped() == seen
    two.passes(2)
    assert clocks.jumped() == 0.0


def test_r11_a_leap_second_smeared_over_a_day_and_a_machine_that_slept_are_no_jumps() -> None:
    two = TwoClocks()
    clocks = two.held()
    clocks.jumped()
    for _ in range(100):
        two.passes(2, jumping=timedelta(microseconds=23))
        assert clocks.jumped() == 0.0
    two.passes(8 * 3600)
    assert clocks.jumped() == 0.0


@pytest.fixture
def timetable() -> Iterator[tuple[Timetable, threading.Event]]:
    """One job that is due in an hour, and the event that it sets."""
    ran = threading.Event()
    running = start([Job("deliver", 3600.0, ran.set)])
    yield running, ran
    running.stop()


def test_r11_what_a_clock_that_went_back_has_put_off_is_done_now_and_said(
    timetable: tuple[Timetable, threading.Event], caplog: pytest.LogCaptureFixture
) -> None:
    """At 12:00 the next delivery is due at 13:00; the clock goes back to 10:00: want it now, not in three hours."""
    running, ran = timetable
    two = TwoClocks(datetime.now(UTC))
    clocks = two.held()
    follow_clock(running, clocks)
    two.passes(2, jumping=timedelta(hours=-2))
    with caplog.at_level(logging.WARNING):
        assert follow_clock(running, clocks) == -7200.0
    assert ran.wait(30)
    assert "the clock of this machine jumped back by 7200 s" in caplog.text


def test_without_a_jump_nothing_is_hurried(timetable: tuple[Timetable, threading.Event]) -> None:
    running, ran = timetable
    due = running.get_job("deliver").next_run_time
    two = TwoClocks(datetime.now(UTC))
    clocks = two.held()
    follow_clock(running, clocks)
    two.passes(2)
    assert follow_clock(running, clocks) == 0.0
    assert running.get_job("deliver").next_run_time == due
    assert not ran.is_set()


def test_r13_a_job_that_takes_longer_than_its_period_never_runs_beside_itself() -> None:
    beside, most, runs, enough = [0], [0], [0], threading.Event()

    def slow() -> None:
        beside[0] += 1
        most[0], runs[0] = max(most[0], beside[0]), runs[0] + 1
        enough.wait(0.05)
        beside[0] -= 1
        if runs[0] == 5:
            enough.set()

    running = start([Job("cycle", 0.01, slow)])
    assert enough.wait(30)
    running.stop()
    assert most == [1]


def test_what_a_look_owes_leaves_at_once_and_not_when_its_time_comes(
    timetable: tuple[Timetable, threading.Event],
) -> None:
    running, ran = timetable
    hurry(running, "deliver")
    assert ran.wait(30)
    hurry(running, "nobody")


def test_it_stops_while_a_job_that_works_hurries_another() -> None:
    """A look that ends while the agent is stopped owes a delivery; want both ended, and nobody waiting for the other."""
    began, stopping = threading.Event(), threading.Event()

    def look() -> None:
        began.set()
        stopping.wait(30)
        hurry(running, "deliver")

    running = start([Job("cycle", 0.01, look), Job("deliver", 3600.0, began.set)])
    assert began.wait(30)
    ender = threading.Thread(target=running.stop, daemon=True)
    ender.start()
    for _ in range(3_000):
        if not running.running:
            break
        time.sleep(0.01)
    stopping.set()
    ender.join(30)
    assert not ender.is_alive()


def test_every_job_that_is_due_works_though_all_others_do() -> None:
    """Eleven jobs, ten of which take their time: want the last begun, too, not waiting for one of them."""
    began, stopping = threading.Barrier(13), threading.Event()

    def work() -> None:
        if not stopping.is_set():
            began.wait(30)
            stopping.set()

    running = start([Job(f"job {number}", 0.01, work) for number in range(12)])
    began.wait(30)
    running.stop()
    assert stopping.is_set()
