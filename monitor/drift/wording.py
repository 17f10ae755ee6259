"""Follow how one application words its answers: collect a reference, watch against it, tell a change, and whether it is gone.

Beside the streams of numbers, which do not see that answers of the same length say other words. While a change is open the
classifier rests: it tells whether the change is still there, not what else changes. A person who accepts it, or time, starts anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.drift.combos import numbered
from monitor.drift.points import Ints, Points
from monitor.drift.state import COMBOS, Combo, Trail, short
from monitor.drift.trail import LOOSE, SECOND_MS, longer, read_trail, spans, thinned
from monitor.drift.wording_state import HALF, LEAST_LEVEL, Open, Shape, Wording, add
from monitor.stats.classifier import MEMORY, NO_NEWS, Learner, won
from monitor.stats.edetector import Onset, advance, no_evidence, onset
from monitor.stats.ranks import Floats


@dataclass(frozen=True)
class Answers:
    """Answers in order of time, one a user and hour: when (milliseconds), at which part of the week, in which half, what words."""

    time: Ints
    part: Ints
    half: Ints
    combo: Ints
    words: Floats

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class Watching:
    """How it is watched: the standard errors that a mean of the reference may be off, and the evidence that is worth an alarm."""

    z: float
    threshold: float


@dataclass(frozen=True)
class Told:
    """An alarm: the points known (scores as values), how many outputs each stands for, where the change began, and how strong."""

    points: Points
    weights: Ints
    onset: Onset
    at: int
    e_value: float
    combos: tuple[Combo, ...]

    @property
    def level(self) -> float:
        """The mean score since the change, nearer to nothing by two standard errors: few that stood out exaggerate."""
        since = self.points.value[self.onset.best :]
        return max(LEAST_LEVEL, float(since.mean() - 2 * since.std() / np.sqrt(len(since))))


def follow(state: Wording, answers: Answers, combos: Sequence[Combo], watching: Watching) -> Told | None:
    """Feed `answers` into `state`, which is changed, and return the change that they tell, if they do.

    Answers of a part of the week without a reference say nothing; those after an alarm say only whether the change is still there.
    """
    state.combos, own = numbered(state.combos, answers.combo.tolist(), combos)
    answers = replace(answers, combo=np.asarray(own, dtype=np.int64))
    state.seen += len(answers)
    state.born, state.last = state.born or int(answers.time[0]), max(state.last, int(answers.time[-1]))
    halves, learner = state.halves(), state.learner()
    scores, judged = _scored(state, halves, learner, answers)
    state.keep(halves, learner)
    if state.open is not None or not judged.any():
        _remember(state, answers, scores, judged)
        return None
    return _watch(state, answers, scores, judged, watching)


def _scored(state: Wording, halves: Shape, learner: Learner, answers: Answers) -> tuple[Floats, NDArray[np.bool_]]:
    """Score each answer before anything is learnt from it, and say which can be judged."""
    scores, judged = np.zeros(len(answers)), np.zeros(len(answers), dtype=bool)
    rests = state.open is not None
    for i, (part, half) in enumerate(zip(answers.part.tolist(), answers.half.tolist(), strict=True)):
        output = answers.words[i]
        if state.watched_against(part):
            judged[i] = True
            scores[i] = _score(state, halves, learner, output, part)
        if not rests and state.takes(half, part):
            add(halves, half, part, output)
            state.counts[half][part] += 1
    return scores, judged


def _score(state: Wording, halves: Shape, learner: Learner, output: Floats, part: int) -> float:
    n = state.counts[0][part], state.counts[1][part]
    taught, held = (halves[half, part] / (64 * n[half]) for half in (0, 1))
    raw = float(learner.weights(taught, n[0]) @ (output - held))
    if state.open is not None:
        score = raw / max(1.0, float(np.sqrt(learner.variance)))
        state.open.take(score)
        return score
    score = learner.score(raw)
    learner.take(output, taught)
    return score


def _watch(
    state: Wording, answers: Answers, scores: Floats, judged: NDArray[np.bool_], watching: Watching
) -> Told | None:
    rows = np.flatnonzero(judged)
    shares = np.asarray([_won(state, answers, scores, row, watching) for row in rows.tolist()])
    step = advance(state.evidence, shares[:, None], NO_NEWS, watching.threshold)
    state.evidence = step.evidence
    if not step.alarm:
        _remember(state, answers, scores, judged)
        return None
    last = int(rows[step.used - 1])
    _remember(state, answers, scores, judged & (np.arange(len(answers)) <= last))
    told = _told(state, watching, step.e_value)
    state.evidence, state.combos = no_evidence(1), list(told.combos)
    _remember(state, answers, scores, judged & (np.arange(len(answers)) > last))
    return told


def _won(state: Wording, answers: Answers, scores: Floats, row: int, watching: Watching) -> float:
    return won(float(scores[row]), state.counts[1][int(answers.part[row])], watching.z)


def _told(state: Wording, watching: Watching, e_value: float) -> Told:
    """The alarm, as the trail shows it: where a change began is asked of the scores, as if each had the smallest margin."""
    points, positions = read_trail(state.trail)
    shares = np.asarray([won(score, HALF, watching.z) for score in points.value.tolist()])
    began = _earlier(onset(shares[:, None], NO_NEWS), positions)
    return Told(points, spans(positions), began, int(points.time[-1]), e_value, tuple(state.combos))


def _earlier(began: Onset, positions: Ints) -> Onset:
    """A start as it is told: the classifier knows nothing of a change at first, so that it may have begun as long before as that remembers."""
    low = int(np.searchsorted(positions, positions[began.low] - MEMORY))
    return replace(began, low=low)


def _remember(state: Wording, answers: Answers, scores: Floats, judged: NDArray[np.bool_]) -> None:
    """Add scores to the trail, which is thinned once in a while."""
    rows = np.flatnonzero(judged)
    values = [short(score, 4) for score in scores[rows].tolist()]
    fresh = (answers.time[rows] // SECOND_MS).tolist(), answers.combo[rows].tolist(), values
    state.trail = longer(state.trail, fresh)
    if state.trail.loose > LOOSE:
        [state.trail] = thinned([state.trail])
    _forget_combos(state)


def _forget_combos(state: Wording) -> None:
    """Keep the composition rows of the newest answers."""
    if len(state.combos) <= COMBOS:
        return
    if state.trail.loose:
        [state.trail] = thinned([state.trail])
    recent = list(dict.fromkeys(number for number, _ in reversed(state.trail.combo) if number >= 0))[:COMBOS]
    place = {old: new for new, old in enumerate(recent)}
    state.combos = [state.combos[old] for old in recent]
    state.trail.combo = [(place.get(old, -1), n) for old, n in state.trail.combo]


def hold(state: Wording, finding: str, told: Told) -> None:
    """Keep a change that was told open."""
    level = short(told.level)
    state.open = Open(finding=finding, at=told.at, level=level, late=level)


def returned(state: Wording) -> str | None:
    """Return the finding whose change is gone, and watch for the next one; None while it is there."""
    if state.open is None or not state.open.back:
        return None
    finding = state.open.finding
    _begin_again(state)
    return finding


def _begin_again(state: Wording) -> None:
    """Watch against the same reference with nothing learnt."""
    state.open, state.evidence, state.trail = None, no_evidence(1), Trail()
    state.lead, state.learnt, state.mean, state.variance, state.scored = b"", 0, 0.0, 0.0, 0
