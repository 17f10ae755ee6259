"""Replay: the same cycle over stored history in virtual time. It answers "what would Plumbline have told me?".

The stored turns are fed, in the order of their time, into an empty scratch store in memory; the cycle runs on it step by
step under a clock that is moved by hand. What comes out is merged back by `monitor.store.replayed.merge`, so that a
replay can be repeated at will, and nothing a live cycle told is ever lost. Rules about whole traces and sessions are left out: their
texts are not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from monitor.clock import FakeClock, naive_utc
from monitor.cycle import run_cycle
from monitor.errors import UsageError
from monitor.steps import House, watch
from monitor.store.opening import Store
from monitor.store.reads import all_findings
from monitor.store.replayed import busy_steps, feed, forget_texts, merge
from monitor.wording import minute

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Plan:
    """The virtual days to run: from `start` to `end`, both included, one cycle every `step`.

    Texts of before `kept_from` (naive UTC) are gone. What was published while they were there must not be replaced by less.
    """

    start: datetime
    end: datetime
    step: timedelta
    kept_from: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse days that cannot be run."""
        if self.end <= self.start:
            raise UsageError(f"--to {self.end:%Y-%m-%dT%H:%M} is not after --from {self.start:%Y-%m-%dT%H:%M}")
        if self.step <= timedelta(0):
            raise UsageError("--step must be longer than zero")
        if self.kept_from is not None and naive_utc(self.start) < self.kept_from:
            least = f"{self.kept_from + timedelta(minutes=1):%Y-%m-%dT%H:%M}"
            raise UsageError(
                f"--from {self.start:%Y-%m-%dT%H:%M} lies before the texts that are still kept (replay from {least} on)"
            )

    def moments(self) -> Iterator[datetime]:
        """Yield the virtual instants at which the cycle runs."""
        moment = self.start
        while moment < self.end:
            moment = min(moment + self.step, self.end)
            yield moment


def run_replay(
    main: Store, furnish: Callable[[Store, FakeClock], House], plan: Plan, progress: Progress
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Run the cycle over `plan` in a scratch store and merge what came of it; return the findings, and rows added per table.

    `furnish` builds the house around the scratch store: settings, policies and who is told. An exception raised by
    `progress` stops the replay; the main store is untouched until the merge.
    """
    clock = FakeClock(plan.start)
    scratch = Store.scratch(clock)
    try:
        house = furnish(scratch, clock)
        turns_alone = replace(house, policies=[policy.about({"turn"}) for policy in house.policies])
        _run(main, scratch, turns_alone, clock, plan, progress)
        added = merge(main, scratch, plan.start, plan.end)
        return all_findings(scratch).to_dicts(), added
    finally:
        scratch.close()


def _run(main: Store, scratch: Store, house: House, clock: FakeClock, plan: Plan, progress: Progress) -> None:
    busy = busy_steps(main, naive_utc(plan.start), naive_utc(plan.end), plan.step)
    total = (plan.end - plan.start) / plan.step
    # The first slice reaches one microsecond further back: `start` itself belongs to the history asked for.
    before, fed = plan.start - timedelta(microseconds=1), 0
    for number, moment in enumerate(plan.moments(), 1):
        clock.move_to(moment)
        if number in busy:
            fed += feed(main, scratch, fed, naive_utc(before), naive_utc(moment))
            run_cycle(house)
            forget_texts(scratch)
        elif fed:
            watch(house)
        progress(min(1.0, number / total), f"{minute(moment)}, {fed} turns")
        before = moment
