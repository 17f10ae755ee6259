"""The phases of an experiment: stretches of time with the same arms, and the shares in which users were to fall into them.

An arm ends when its turns stop while others go on, and begins when they come later. Users who came in a phase are held against the
design of that phase, and two arms are compared over the phases in which both ran: what ran side by side, nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor.config.schema import PhaseSettings

PAUSE: Final = timedelta(days=1)
"""An arm without a turn for less has not ended, and one that is later by less did not begin later."""

GAPS: Final = 20
"""The same in usual gaps between two turns of the arm: a small one rests for longer."""


@dataclass(frozen=True, eq=False)
class Phase:
    """`start` and `end` are naive UTC; an end of None is now. `split` is the design as far as it was declared."""

    start: datetime
    end: datetime | None
    arms: tuple[str, ...]
    split: Mapping[str, float] | None

    def holds(self, column: str = "first") -> pl.Expr:
        """Return whether a unit came in this phase."""
        after = pl.col(column) >= self.start
        return after if self.end is None else after & (pl.col(column) < self.end)

    @property
    def words(self) -> str:
        """The phase as a reader knows it."""
        end = "now" if self.end is None else f"{self.end:%Y-%m-%d}"
        return f"{self.start:%Y-%m-%d} to {end}"


@dataclass(frozen=True)
class Life:
    """When the first and the last turn of an arm came, and whether it has ended."""

    start: datetime
    last: datetime
    ended: bool


def lives(rows: pl.DataFrame) -> dict[str, Life]:
    """Return the life of each arm; `rows` have arm, first, last and n of units."""
    spans = rows.group_by("arm").agg(pl.col("first").min(), pl.col("last").max(), pl.col("n").sum()).sort("arm")
    begun: datetime = spans["first"].min()  # type: ignore[assignment]  # a time column has times
    newest: datetime = spans["last"].max()  # type: ignore[assignment]
    found = {}
    for arm, first, last, n in spans.iter_rows():
        calm = max(PAUSE, GAPS * (last - first) / max(1, n))
        found[arm] = Life(first if first - begun > calm else begun, last, newest - last > calm)
    return found


def phases(
    arms: Mapping[str, Life], split: Mapping[str, float] | None, declared: Sequence[PhaseSettings] = ()
) -> list[Phase]:
    """Return the phases, oldest first. `declared` ones begin at their dates; others where an arm begins or ends."""
    told = sorted(((_day(phase.since), phase.split) for phase in declared), key=lambda pair: pair[0])
    starts = {life.start for life in arms.values()} | {day for day, _ in told}
    ends = {life.last for life in arms.values() if life.ended}
    first = min(life.start for life in arms.values())
    bounds = sorted(bound for bound in starts | ends if bound >= first)
    found = []
    for start, end in zip(bounds, [*bounds[1:], None], strict=True):
        here = tuple(
            arm for arm, life in arms.items() if life.start <= start and not (life.ended and life.last <= start)
        )
        design = next((shares for day, shares in reversed(told) if day <= start), split)
        if here:
            found.append(Phase(start, end, here, design))
    return found


def together(known: Sequence[Phase], control: str, arm: str) -> tuple[list[Phase], bool]:
    """Return the phases in which two arms ran side by side and may be pooled, and whether some had to be left out.

    Pooled are those in which the two had the same shares: else what changed over time would look like a difference of arms.
    """
    both = [phase for phase in known if {control, arm} <= set(phase.arms)]
    alike = [phase for phase in both if _ratio(phase, control, arm) == _ratio(both[-1], control, arm)]
    return alike, len(alike) < len(both)


def stretches(known: Sequence[Phase], control: str, arm: str) -> int:
    """Return how many stretches of two arms cannot be pooled: each is read by itself, so that they share the error."""
    both = [phase for phase in known if {control, arm} <= set(phase.arms)]
    return max(1, len({_ratio(phase, control, arm) for phase in both}))


def _ratio(phase: Phase, control: str, arm: str) -> float | None:
    if phase.split is None:
        return 1.0
    shares = phase.split.get(control, 0.0), phase.split.get(arm, 0.0)
    return round(shares[1] / shares[0], 6) if shares[0] > 0 else None


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)
