"""What is remembered of how an application words its answers: sums over many of them, no text, at most 40 KB as JSON.

The reference has two halves, of which one teaches the classifier and the other is what its scores are held against, and four parts
of the week (Monday to Friday and weekends, by day and by night), since who writes at night may be answered otherwise.
"""

from __future__ import annotations

import zlib
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.drift.calendar import BLOCKS, KIND_OF_DAY
from monitor.drift.ngrams import GRAIN, PLACES
from monitor.drift.points import Ints
from monitor.drift.state import Combo, Trail
from monitor.stats.classifier import Learner
from monitor.stats.edetector import Evidence, no_evidence
from monitor.stats.ranks import Floats

HALF: Final = 1_000
"""Outputs of each half of a reference, unless parts of the week come later."""

OWN: Final = 250
"""Outputs of each half that every part of the week has room for, so that a busy Monday does not leave weekends unwatched."""

ENOUGH: Final = 100
"""Outputs of each half, at a part of the week, before others are held against them there."""

SURE: Final = 5.0
BACK: Final = 0.35
"""What may be left of a change, as a share of its score, when it has returned."""

LEAST_LEVEL: Final = 0.2
"""A change of which the scores say less is held to say this much."""

PARTS: Final = 4
_DAYTIME: Final = range(3, 7)
"""Blocks of three hours, from 9 to 21 o'clock."""

Shape = NDArray[np.uint16]


class Open(msgspec.Struct, kw_only=True):
    """A change that was told: its finding, when it was noticed (milliseconds), the mean score since it began and of late, in standard deviations."""

    finding: str
    at: int
    level: float
    late: float

    def take(self, score: float) -> None:
        """Take in a score; of late are as many as tell the level from nothing five standard errors apart."""
        self.late += (score - self.late) * (self.level / SURE) ** 2

    @property
    def back(self) -> bool:
        """Whether little of the change is left."""
        return self.late <= BACK * self.level


class Wording(msgspec.Struct, kw_only=True):
    """How one application words its answers. `sums` and `lead` are packed numbers; scores in `trail` are standard deviations."""

    version: Literal["wording-1"] = "wording-1"
    seen: int = 0
    born: int = 0  # milliseconds
    last: int = 0
    counts: list[list[int]] = msgspec.field(default_factory=lambda: [[0] * PARTS, [0] * PARTS])
    sums: bytes = b""
    lead: bytes = b""
    learnt: int = 0
    mean: float = 0.0
    variance: float = 0.0
    scored: int = 0
    evidence: Evidence = msgspec.field(default_factory=lambda: no_evidence(1))
    trail: Trail = msgspec.field(default_factory=Trail)
    combos: list[Combo] = []
    open: Open | None = None

    @property
    def stage(self) -> str:
        """How far the watching is, in words."""
        if self.open is not None:
            return "a change is open: further ones are not looked for until it returned, was accepted or expired"
        if not any(self.watched_against(part) for part in range(PARTS)):
            return (
                f"not enough baseline ({sum(map(sum, self.counts))} of {2 * ENOUGH}, or more at one part of the week)"
            )
        return "watched"

    def halves(self) -> Shape:
        """Return the sums of both halves at each part of the week (halves x parts x places), in grains."""
        shape = (2, PARTS, PLACES)
        if not self.sums:
            return np.zeros(shape, dtype=np.uint16)
        return np.frombuffer(zlib.decompress(self.sums), dtype=np.uint16).reshape(shape).copy()

    def learner(self) -> Learner:
        """Return the classifier as it was left."""
        known = zlib.decompress(self.lead) if self.lead else b""
        lead = np.frombuffer(known, dtype=np.float32).astype(np.float64) if known else np.zeros(PLACES)
        return Learner(lead, self.learnt, self.mean, self.variance, self.scored)

    def keep(self, halves: Shape, learner: Learner) -> None:
        """Pack what has been learnt."""
        self.sums = zlib.compress(halves.tobytes(), 1)
        self.lead = zlib.compress(learner.lead.astype(np.float32).tobytes(), 1)
        self.learnt, self.scored = learner.learnt, learner.scored
        self.mean, self.variance = learner.mean, learner.variance

    def takes(self, half: int, part: int) -> bool:
        """Whether half of the reference still takes outputs of this part of the week."""
        return sum(self.counts[half]) < HALF or self.counts[half][part] < OWN

    def watched_against(self, part: int) -> bool:
        """Whether there is a reference for this part of the week."""
        return min(self.counts[0][part], self.counts[1][part]) >= ENOUGH


def read_wording(state: str | None) -> Wording:
    """Return a stored state; one that starts anew where there is none or it cannot be understood."""
    try:
        return msgspec.json.decode(state, type=Wording) if state else Wording()
    except msgspec.MsgspecError:
        return Wording()


def is_wording(state: str) -> bool:
    """Tell whether a stored state is one of these."""
    return '"version":"wording-1"' in state[:40]


def parts_of_day(parts_of_week: Ints) -> Ints:
    """Return which of the four parts of the week each of the 56 is in."""
    day, block = parts_of_week // BLOCKS, parts_of_week % BLOCKS
    by_day = np.isin(block, _DAYTIME).astype(np.int64)
    parts: Ints = KIND_OF_DAY[day] * 2 + by_day
    return parts


def add(halves: Shape, half: int, part: int, output: Floats) -> None:
    """Add an output to the sums."""
    halves[half, part] += np.rint(output * GRAIN).astype(np.uint16)
