"""Run a replay: the stored turns are fed, in the order of their time, into an empty scratch store in memory, stretch by stretch.

Of a stretch of steps all turns are read, drawn, graded and measured at once (`monitor.replay.stretch`); then its steps are lived through
one by one in arrays, under a clock that is moved by hand. What comes out is merged back by `monitor.store.replayed.merge`, so that a
replay can be repeated at will, and nothing a live cycle told is ever lost. Rules about whole traces and sessions are left out: their
texts are not copied.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from monitor.clock import FakeClock, naive_utc
from monitor.replay.plan import Plan
from monitor.replay.stepping import Lived
from monitor.replay.stretch import read_stretch
from monitor.steps import House
from monitor.store.opening import Store
from monitor.store.reads import all_findings
from monitor.store.replayed import merge, turns_by_step
from monitor.wording import minute

Progress = Callable[[float, str], None]

GARBAGE: Final = 20_000
"""New objects after which a replay has cycles of garbage looked for; usual are 700."""


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
        with _seldom_collected():
            _run(main, turns_alone, clock, plan, progress)
        added = merge(main, scratch, plan.start, plan.end)
        return all_findings(scratch).to_dicts(), added
    finally:
        scratch.close()


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Look for cycles of garbage seldom: a step makes thousands, which are kept for days or let go of at once."""
    usual = gc.get_threshold()
    gc.set_threshold(GARBAGE, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _run(main: Store, house: House, clock: FakeClock, plan: Plan, progress: Progress) -> None:
    total, done, fed = (plan.end - plan.start) / plan.step, 0, 0
    turns = turns_by_step(main, naive_utc(plan.start), naive_utc(plan.end), plan.step)
    lived = Lived(house)
    for stretch in plan.stretches(turns, alone=bool(house.settings.sampling.quota or house.settings.sampling.changed)):
        read = read_stretch(main, house, stretch, fed)
        lived.begin(read)
        for step in read.steps:
            clock.move_to(step.moment)
            lived.live(step)
            fed, done = fed + step.turns, done + 1
            progress(min(1.0, done / total), f"{minute(step.moment)}, {fed} turns")
    lived.end()
