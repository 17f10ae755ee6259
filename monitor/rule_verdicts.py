"""What machine and people said under one rule, as arrays: codes instead of words, and how probable it was to be asked."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.model.values import Verdict
from monitor.second_phase import SecondPhase
from monitor.stats.ranks import Floats

RULE: Final = "rule:"
"""What the name of the column of a rule begins with."""

PROBABILITY: Final = "probability:"
"""And that of how probable it was that the rule was asked, where it is not as probable as that the turn was picked."""

NOTHING: Final = 0
CODES: Final = {str(verdict): number for number, verdict in enumerate(Verdict, 1)}
VIOLATES, COMPLIES = CODES[Verdict.VIOLATES], CODES[Verdict.COMPLIES]
DECISIVE: Final = (VIOLATES, COMPLIES)

BELIEF: Final = "belief:"
"""And that of how sure a judge is that the rule is violated; NaN, or no column, where no judge can tell."""

Codes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Said(msgspec.Struct, frozen=True, dict=True):
    """What machine and people said of turns under one rule, as arrays; a row a turn.

    `verdict` and `label` are codes, `NOTHING` where nobody said anything that stands; a probability of 0 is one nobody knows.
    `belief` is how sure a judge is of a violation, NaN where the verdict is none of a judge's.
    `first` is what whoever looked first says, with one person's errors.
    """

    verdict: Codes
    belief: Floats
    probability: Floats
    label: Codes
    first: Codes
    label_probability: Floats
    cluster: Ints
    contested: Bools
    second: SecondPhase | None = None  # None: nothing was drawn but turns

    @cached_property
    def machine(self) -> Bools:
        """Rows with a decisive verdict of a machine on a turn that a plan picked."""
        return decisive(self.verdict) & (self.probability > 0)

    @property
    def judged(self) -> Bools:
        """Those of them whose verdict is a judge's."""
        return self.machine & ~np.isnan(self.belief)

    @cached_property
    def people(self) -> Bools:
        """Rows with a decisive label."""
        return decisive(self.label)

    @property
    def planned(self) -> Bools:
        """Rows with a decisive label on a turn that was picked for it with a known probability."""
        return self.people & (self.label_probability > 0)

    @property
    def rows(self) -> int:
        """How many turns somebody said anything of."""
        return int(((self.verdict != NOTHING) | (self.label != NOTHING) | self.contested).sum())

    @cached_property
    def content(self) -> bytes:
        """A digest of all of it: of rules of which the same was said of the same turns everything that follows is the same."""
        words: list[NDArray[np.generic]] = [self.verdict, self.probability]
        if not np.isnan(self.belief).all():
            words.append(self.belief)
        if self.label.any() or self.contested.any():
            words += [self.label, self.first, self.label_probability, self.contested]
        digest = hashlib.blake2b(bytes([len(words)]), digest_size=16)
        for part in words:
            one = part[:1] if part.size and (part == part[0]).all() else part  # most are the same all over
            digest.update(b"%d of %d," % (one.size, part.size))
            digest.update(np.ascontiguousarray(one).data)
        if self.second is not None:
            digest.update(self.second.content)
        return digest.digest()

    def cut(self, rows: slice, cluster: Ints) -> Said | None:
        """Return what was said of some rows, with their clusters; None where that is nothing."""
        verdict, label, contested = self.verdict[rows], self.label[rows], self.contested[rows]
        if not (verdict.any() or label.any() or contested.any()):
            return None
        more = (self.belief[rows], self.probability[rows], label, self.first[rows], self.label_probability[rows])
        return Said(verdict, *more, cluster, contested, None if self.second is None else self.second.cut(rows))


def decisive(codes: Codes) -> Bools:
    """Tell which of some words say that a rule is kept or violated."""
    says: Bools = (codes == VIOLATES) | (codes == COMPLIES)
    return says
