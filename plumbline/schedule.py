"""The agent's timetable: the only importer of APScheduler.

The memory job store is right: the configuration is the timetable, and progress lives in the marks of each step, so that
a restart loses nothing. A job that is still running is not started twice; missed runs are made up for once. A clock that jumps is
noticed, against one that cannot: what it jumped over is not gone through run by run, and what it put off is done now.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

JUMP_S: Final = 5.0
"""How far the clock of the machine may move beside the time that passed before that is a jump."""

LOOK_AT_CLOCK_S: Final = 2.0

_log = logging.getLogger("plumbline.schedule")


@dataclass(frozen=True)
class Job:
    """Something done every `every_s` seconds."""

    name: str
    every_s: float
    run: Callable[[], object]


@dataclass
class Paced:
    """Work that rests after each run for `rest` times what the run took: little traffic costs little.

    It begins again so early that what came just after it began is done `most_s` later, or at once where it takes longer than that. What
    came meanwhile is done in one go by the next run, which is cheaper than many small ones.
    """

    work: Callable[[], object]
    rest: float
    most_s: float
    monotonic: Callable[[], float] = time.monotonic
    ready_at: float = 0.0

    def __call__(self) -> None:
        """Do the work, unless it still rests."""
        began = self.monotonic()
        if began < self.ready_at:
            return
        try:
            self.work()
        finally:
            took = self.monotonic() - began
            self.ready_at = began + max(took, min(took + self.rest * took, self.most_s - took))


class Every(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Every so long. After a pause of any length the next run is one such time from now, reckoned in one step."""

    def __init__(self, every: timedelta) -> None:
        """Run each `every`."""
        self.every = every

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return when the run after that of `previous` is due."""
        due = now + self.every if previous is None else previous + self.every
        return due if due > now else now + self.every


class Timetable(BackgroundScheduler):  # type: ignore[misc]  # APScheduler has no types
    """Jobs in threads of this process. End it with `stop`: `shutdown` waits with its locks held, for jobs that may want them."""

    def __init__(self, jobs: int) -> None:
        """Make one that holds nothing yet, with a thread for each of so many jobs: what is due does not wait for another to end."""
        self.threads = ThreadPoolExecutor(max(1, jobs))
        super().__init__(
            timezone="UTC",
            executors={"default": self.threads},
            job_defaults={"coalesce": True, "max_instances": 1},
        )

    def stop(self) -> None:
        """Begin nothing more, and wait until what works has ended; it may still hurry others, in vain."""
        self.shutdown(wait=False)
        self.threads.shutdown(wait=True)


@dataclass
class Clocks:
    """The clock on the wall, held against one that only runs ahead."""

    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    last: tuple[datetime, float] | None = None

    def jumped(self) -> float:
        """Return by how many seconds the clock on the wall jumped since this was last asked; 0.0 where it did not."""
        seen, before = (self.wall(), self.monotonic()), self.last
        self.last = seen
        if before is None:
            return 0.0
        moved = (seen[0] - before[0]).total_seconds() - (seen[1] - before[1])
        return moved if abs(moved) > JUMP_S else 0.0


def follow_clock(scheduler: Timetable, clocks: Clocks) -> float:
    """Let jobs that a clock which went back has put off run now; return by how many seconds it jumped, and log it."""
    jumped = clocks.jumped()
    if not jumped:
        return 0.0
    now = clocks.wall()
    _log.warning("the clock of this machine jumped %s by %.0f s", "ahead" if jumped > 0 else "back", abs(jumped))
    for job in scheduler.get_jobs():
        if job.next_run_time is not None and job.next_run_time - now > job.trigger.every:
            job.modify(next_run_time=now)
    return jumped


def watch_clock(scheduler: Timetable, stopping: threading.Event) -> None:
    """Look after the clock, in a thread of its own."""
    clocks = Clocks()

    def look() -> None:
        while not stopping.wait(LOOK_AT_CLOCK_S):
            follow_clock(scheduler, clocks)

    clocks.jumped()
    threading.Thread(target=look, name="clock", daemon=True).start()


def hurry(scheduler: Timetable, name: str) -> None:
    """Let a job run now, and then in its own time again; one that works already goes on, and nothing more."""
    with contextlib.suppress(JobLookupError):  # it stops: nothing begins any more
        scheduler.modify_job(name, next_run_time=datetime.now(UTC))


def overdue(scheduler: Timetable, name: str) -> float:
    """Return by how many seconds a job is late that the timetable should have begun; one that still works is not late."""
    job = scheduler.get_job(name)
    if job is None or job.next_run_time is None:
        return math.inf
    return float((datetime.now(UTC) - job.next_run_time).total_seconds())


def stand_by(
    late: Callable[[], float], patience_s: float, work: Callable[[], object], stopping: threading.Event
) -> None:
    """Do `work` in a thread of its own whenever the timetable is `late` by more than `patience_s`: it may be what is dead."""

    def look() -> None:
        while not stopping.wait(patience_s / 2):
            if late() > patience_s:
                work()

    threading.Thread(target=look, name="stand-by", daemon=True).start()


def start(jobs: list[Job]) -> Timetable:
    """Start all jobs in threads of this process and return the running scheduler."""
    # A run that is left out because the one before still works is how this is meant to be, not worth a line each.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = Timetable(len(jobs))
    for job in jobs:
        scheduler.add_job(job.run, Every(timedelta(seconds=job.every_s)), id=job.name, misfire_grace_time=None)
    scheduler.start()
    return scheduler
