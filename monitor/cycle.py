"""The cycle: what Plumbline does with new traffic, as one list of steps read top to bottom.

A step says what it is fed with: new turns, scores that came after their turn, or nothing but the time. The same list runs
live (new turns as they finish) and in replay (stored turns fed in the order of their time). A new step is one line in the
list, and what it does in `monitor.steps`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from monitor import steps
from monitor.steps import House, Mark, ScoreBatch, TurnBatch, marked
from monitor.store import reads

BATCH: Final = 5_000
"""Turns per pass: bounds memory, and lets the loader in between two passes."""

B = TypeVar("B")
Decided = Mapping[str, int]


@dataclass(frozen=True)
class Step(Generic[B]):
    """One step: what it is fed with, and what it does with a batch of that; `run` returns how many things it decided."""

    name: str
    fed: Feed[B]
    run: Callable[[House, B], int]


class Feed(Protocol[B]):
    """What steps are fed with."""

    def passes(self, house: House, fed: Sequence[Step[B]]) -> Iterator[Decided]:
        """Run the steps `fed` over everything that is new to them, batch by batch; yield what each batch decided."""


class NewTurns:
    """Turns in the order of finishing, the same batch to every step; a step that is ahead of the others waits."""

    def passes(self, house: House, fed: Sequence[Step[TurnBatch]]) -> Iterator[Decided]:
        """Feed at most `BATCH` turns a pass."""
        while (decided := self._pass(house, fed)) is not None:
            yield decided

    def _pass(self, house: House, fed: Sequence[Step[TurnBatch]]) -> Decided | None:
        marks = reads.marks(house.store)
        done = {step.name: marks.get(step.name, (0, None))[0] for step in fed}
        first = min(done.values(), default=0)
        upto = reads.last_turn(house.store, first, BATCH)
        if upto == first:
            return None
        windows = {after: reads.window(house.store, after, upto) for after in set(done.values())}
        return {
            step.name: step.run(house, TurnBatch(window, Mark(step.name, seq=upto)))
            for step in fed
            if (window := windows[done[step.name]])
        }


class NewScores:
    """Scores by time of receipt: feedback comes long after the turn it is about."""

    def passes(self, house: House, fed: Sequence[Step[ScoreBatch]]) -> Iterator[Decided]:
        """Feed each step with all that came since its mark."""
        for step in fed:
            yield {step.name: self._feed(house, step)}

    def _feed(self, house: House, step: Step[ScoreBatch]) -> int:
        after = reads.marks(house.store).get(step.name, (0, None))[1] or reads.BEGINNING
        upto = reads.last_score(house.store, after)
        if upto is None:
            return 0
        batch = ScoreBatch(reads.new_scores(house.store, after, upto), Mark(step.name, time=upto))
        if not batch.metrics.is_empty():
            return step.run(house, batch)
        with marked(house.store, batch.mark):  # scores that belong to no turn are done with, too
            return 0


class EveryCycle:
    """Nothing but the time: silence means something, too."""

    def passes(self, house: House, fed: Sequence[Step[None]]) -> Iterator[Decided]:
        """Run each step once."""
        for step in fed:
            yield {step.name: step.run(house, None)}


TURNS, SCORES, TIME = NewTurns(), NewScores(), EveryCycle()

STEPS: Final[tuple[Step[Any], ...]] = (
    Step("sample", TURNS, steps.sample),
    Step("grade", TURNS, steps.grade),
    Step("estimate", TURNS, steps.estimate),
    Step("drift", TURNS, steps.track_turns),
    Step("compare", TURNS, steps.compare_turns),
    Step("drift:scores", SCORES, steps.track_scores),
    Step("compare:scores", SCORES, steps.compare_scores),
    Step("compare:exposures", TIME, steps.compare_again),
    Step("alerts", TIME, steps.watch),
)
"""In this order; the steps of one feed stand together."""


def run_cycle(house: House, listed: Sequence[Step[Any]] = STEPS) -> dict[str, int]:
    """Run all steps over everything that is new to them; return how many things were decided, by step.

    Finishing traces and rolling them up happen before this, when the loader brings them (`plumbline.agent`).
    """
    decided = dict.fromkeys([step.name for step in listed], 0)
    for feed in dict.fromkeys(step.fed for step in listed):
        for passed in feed.passes(house, [step for step in listed if step.fed is feed]):
            for name, count in passed.items():
                decided[name] += count
    return decided
