"""The agent's timetable: the only importer of APScheduler.

The memory job store is right: the configuration is the timetable, and progress lives in the marks of each step, so that
a restart loses nothing. A job that is still running is not started twice; missed runs are made up for once.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger


@dataclass(frozen=True)
class Job:
    """Something done every `every_s` seconds."""

    name: str
    every_s: float
    run: Callable[[], object]


@dataclass
class Paced:
    """Work that rests after each run for `rest` times what the run took, at most `most_s`: little traffic costs little.

    What came meanwhile is done in one go by the next run, which is cheaper than many small ones. A run of `most_s` or longer
    is followed by the next at once.
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
            now = self.monotonic()
            took = now - began
            # what takes that long has plenty to do: resting would only let more pile up
            self.ready_at = now if took >= self.most_s else now + min(self.rest * took, self.most_s)


def overdue(scheduler: BackgroundScheduler, name: str) -> float:
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


def start(jobs: list[Job]) -> BackgroundScheduler:
    """Start all jobs in threads of this process and return the running scheduler."""
    # A run that is left out because the one before still works is how this is meant to be, not worth a line each.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
    for job in jobs:
        scheduler.add_job(job.run, IntervalTrigger(seconds=job.every_s), id=job.name, misfire_grace_time=None)
    scheduler.start()
    return scheduler
