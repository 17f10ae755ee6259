"""Which days are replayed, and in what stretches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from monitor.clock import naive_utc
from monitor.errors import UsageError

TURNS: Final = 1_000
"""Turns that are read and graded in one go: their texts are in memory."""

STEPS: Final = 500
"""Steps that are looked at in one go, however few turns they hold."""


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

    def stretches(self, turns: Mapping[int, int], *, alone: bool = False) -> Iterator[Stretch]:
        """Yield the steps in runs that are read at once; `turns` says how many each step (1, 2, ...) holds.

        With `alone` each step with turns is a run by itself: what is drawn in it goes by the traffic before.
        """
        run: list[datetime] = []
        # The first reaches one microsecond further back: `start` itself belongs to the history asked for.
        before, held = self.start - timedelta(microseconds=1), 0
        for number, moment in enumerate(self.moments(), 1):
            here = turns.get(number, 0)
            if run and (held + here > (0 if alone else TURNS) or len(run) == STEPS):
                yield Stretch(before, tuple(run))
                before, run, held = run[-1], [], 0
            run.append(moment)
            held += here
        yield Stretch(before, tuple(run))


@dataclass(frozen=True)
class Stretch:
    """Steps in a row that are read at once; the first begins after `before`."""

    before: datetime
    moments: tuple[datetime, ...]

    @property
    def steps(self) -> Iterator[tuple[datetime, datetime]]:
        """Yield where each step begins (which is the end of the one before) and ends."""
        return pairwise([self.before, *self.moments])
