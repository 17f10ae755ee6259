"""The cycle: what Plumbline does with new traffic, as one list of steps read top to bottom.

A step says what it is fed with: new turns, scores that came after their turn, or nothing but the time. The same list runs
live (new turns as they finish) and in replay (stored turns fed in the order of their time). A new step is one line in the
list, and what it does in `monitor.steps`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from monitor import asking, comparing, steps
from monitor.catch_up import catch_up
from monitor.change_events import tell_changes
from monitor.judged import track_judged
from monitor.steps import House, Mark, ScoreBatch, TurnBatch, marked
from monitor.store import reads
from monitor.store.reads import Window
from monitor.store.score_order import hear_scores
from monitor.whole import grade_wholes

BATCH: Final = 5_000
"""Turns per pass: bounds memory, and lets the loader in between two passes."""

PIECE: Final = 1_000
"""Turns that are graded in one go: whoever waits for a stop waits for no more than that."""

B = TypeVar("B")
Decided = Mapping[str, int]


@dataclass(frozen=True)
class Step(Generic[B]):
    """One step: what it is fed with, and what it does with a batch of that; `run` returns how many things it decided.

    `after` names the step whose results it reads: it never overtakes that one, and no other. A step that is new to a store
    `begins` with all history, or with what comes from now on. It fails by itself: its mark stays, and the others go on. What
    takes long a turn is done in pieces of at most `piece` turns, and may stop after each.
    """

    name: str
    fed: Feed[B]
    run: Callable[[House, B], int]
    after: str | None = None
    begins: Literal["history", "now"] = "history"
    piece: int = BATCH


class Feed(Protocol[B]):
    """What steps are fed with."""

    def passes(self, house: House, fed: Sequence[Step[B]]) -> Iterator[Decided]:
        """Run the steps `fed` over everything that is new to them, batch by batch; yield what each batch decided."""


def attempt(house: House, step: Step[B], batch: B) -> int | None:
    """Run one batch of a step, a second time where it fails, since some failures pass; None when it did not succeed."""
    if house.health is None:
        return step.run(house, batch)
    part = part_of(step)
    for _ in range(2):
        if house.health.may_try(part):
            decided = None
            with house.health.guard(part):
                decided = step.run(house, batch)
            if decided is not None:
                return decided
    return None


def part_of(step: Step[Any]) -> str:
    """Return what a step is called among the parts that may fail."""
    return f"step {step.name}"


@dataclass
class Ahead:
    """What there is for steps to go on to, as of one moment: most stand at the same turn, so that each question is asked once.

    A span that comes late may move a turn in time while a step works: windows are asked for again once turns were written.
    """

    reader: reads.Reader
    newest: int
    turns: object = None
    windows: dict[tuple[int, int], Window | None] = field(default_factory=dict)

    def upto(self, after: int, limit: int) -> int:
        """Return the number up to which at most `limit` turns beyond `after` go."""
        return self.newest if self.newest - after <= limit else reads.last_turn(self.reader, after, limit)

    def window(self, after: int, upto: int) -> Window | None:
        """Return the turns between two numbers, or None where there are none."""
        if (now := self.reader.state(("turns",))) != self.turns:
            self.turns, self.windows = now, {}
        if (after, upto) not in self.windows:
            self.windows[after, upto] = reads.window(self.reader, after, upto)
        return self.windows[after, upto]


class NewTurns:
    """Turns in the order of finishing; each step from its own mark on, at most as far as the step it comes after."""

    def passes(self, house: House, fed: Sequence[Step[TurnBatch]]) -> Iterator[Decided]:
        """Feed each step at most `BATCH` turns a pass, until none gets on; one that fails has its next turn in the next cycle."""
        done = self._begun(house, fed)
        failed: set[str] = set()
        got_on = True
        while got_on:
            got_on = False
            ahead = Ahead(house.store, reads.newest_turn(house.store))
            for step in (step for step in fed if step.name not in failed):
                for decided in self._feed(house, step, ahead, done, failed):
                    got_on = True
                    yield decided

    def _begun(self, house: House, fed: Sequence[Step[TurnBatch]]) -> dict[str, int]:
        """Return how far each step has come; nobody else moves marks while a cycle runs."""
        done = {name: seq for name, (seq, _) in reads.marks(house.store).items()}
        for step in fed:
            if step.begins == "now" and step.name not in done:
                done[step.name] = reads.newest_turn(house.store)
                with marked(house.store, Mark(step.name, seq=done[step.name])):
                    pass
        return {step.name: 0 for step in fed} | done

    def _feed(
        self, house: House, step: Step[TurnBatch], ahead: Ahead, done: dict[str, int], failed: set[str]
    ) -> Iterator[Decided]:
        """Yield what a step decided of its next turns; nothing when none is new to it, or it fails."""
        goal = ahead.upto(done[step.name], BATCH)
        goal = min(goal, done.get(step.after, 0)) if step.after else goal
        while window := self._piece(step, ahead, done[step.name], goal):
            count = attempt(house, step, TurnBatch(window, Mark(step.name, seq=window.upto)))
            if count is None:
                failed.add(step.name)
                return
            done[step.name] = window.upto
            yield {step.name: count}

    def _piece(self, step: Step[TurnBatch], ahead: Ahead, after: int, goal: int) -> Window | None:
        """Return the next turns of a step, up to `goal`; None where there are none."""
        upto = goal if step.piece >= BATCH else min(goal, ahead.upto(after, step.piece))
        return ahead.window(after, upto) if upto > after else None


class NewScores:
    """Scores in the order in which they came to have a turn: feedback comes long after the turn it is about, or before it is finished."""

    def passes(self, house: House, fed: Sequence[Step[ScoreBatch]]) -> Iterator[Decided]:
        """Feed each step at most `BATCH` scores a pass, from its mark on; one that fails goes on in the next cycle."""
        hear_scores(house.store)
        newest, marks = reads.newest_score(house.store), reads.marks(house.store)
        for step in fed:
            after = marks.get(step.name, (0, None))[0]
            while after < newest and (upto := reads.last_score(house.store, after, BATCH)) is not None:
                batch = ScoreBatch(reads.new_scores(house.store, after, upto), Mark(step.name, seq=upto), after)
                count = attempt(house, step, batch)
                if count is None:
                    break
                after = upto
                yield {step.name: count}


class EveryCycle:
    """Nothing but the time: silence means something, too."""

    def passes(self, house: House, fed: Sequence[Step[None]]) -> Iterator[Decided]:
        """Run each step once."""
        for step in fed:
            yield {step.name: attempt(house, step, None) or 0}


TURNS, SCORES, TIME = NewTurns(), NewScores(), EveryCycle()

STEPS: Final[tuple[Step[Any], ...]] = (
    Step("sample", TURNS, steps.sample),
    Step("grade", TURNS, asking.grade, after="sample", piece=PIECE),
    Step("estimate", TURNS, steps.estimate, after="grade"),
    Step("drift", TURNS, steps.track_turns, after="grade"),
    Step("compare", TURNS, comparing.compare_turns, after="grade"),
    Step("drift:scores", SCORES, steps.track_scores),
    Step("compare:scores", SCORES, comparing.compare_scores),
    Step("grade:wholes", TIME, grade_wholes),
    Step("catch up", TIME, catch_up),
    Step("drift:judged", TIME, track_judged),
    Step("labels", TIME, comparing.take_labels),
    Step("compare:exposures", TIME, comparing.compare_again),
    Step("estimate:late", TIME, steps.estimate_again),
    Step("changes", TIME, tell_changes),
    Step("alerts", TIME, steps.watch),
)
"""In this order; the steps of one feed stand together."""


def run_cycle(house: House, listed: Sequence[Step[Any]] = STEPS) -> dict[str, int]:
    """Run all steps over everything that is new to them; return how many things were decided, by step.

    Finishing traces and rolling them up happen before this, when the loader brings them (`plumbline.agent`). When `house` is
    stopping, what is worked on by one step is the last: the next cycle goes on from the marks.
    """
    decided = dict.fromkeys([step.name for step in listed], 0)
    for feed in dict.fromkeys(step.fed for step in listed):
        for passed in feed.passes(house, [step for step in listed if step.fed is feed]):
            for name, count in passed.items():
                decided[name] += count
            if house.stopping():
                return decided
    return decided


def lags(house: House, listed: Sequence[Step[Any]] = STEPS) -> dict[str, dict[str, int]]:
    """Return per step how many turns it has yet to see, and how often it has failed in a row."""
    marks, newest = reads.marks(house.store), reads.newest_turn(house.store)
    return {
        step.name: {
            "lag": newest - marks.get(step.name, (0, None))[0] if step.fed is TURNS else 0,
            "failures": house.health.failures(part_of(step)) if house.health else 0,
        }
        for step in listed
    }
