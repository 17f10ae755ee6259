"""Who is new to reviewing begins with answers whose verdict is known; whoever judges those otherwise is looked at by somebody else, too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from monitor.state import Transaction, labels
from plumbline.reviews.erring import LOOK_BACK

ASKED: Final = 10
"""Known answers that tell of somebody, the newest."""

FEWEST: Final = 5
"""Of known answers, below which nothing is said of anybody."""

RIGHT: Final = 0.8
"""Share of them that has to be judged as it was decided."""


@dataclass(frozen=True)
class Trial:
    """How somebody judged the newest answers whose verdict was decided before they looked."""

    n: int = 0
    right: int = 0

    @property
    def begins(self) -> bool:
        """Whether too little is known of them: known answers come first, where there are any."""
        return self.n < ASKED

    @property
    def failed(self) -> bool:
        """Whether their word does not yet stand alone."""
        return self.n >= FEWEST and self.right < RIGHT * self.n


def trial_of(txn: Transaction, person: str, now: datetime) -> Trial:
    """Return what the months before `now` tell of `person`."""
    return trials(txn, [person], now)[person]


def trials(txn: Transaction, people: Iterable[str], now: datetime) -> dict[str, Trial]:
    """Return the same of several."""
    known = labels.adjudicated(txn, now, now)
    told: dict[str, list[bool]] = {person: [] for person in people}
    for row in labels.said_by(txn, list(told), {unit for unit, _ in known}, now - LOOK_BACK):
        verdict, since = known.get((row["unit_id"], row["rule_id"]), ("", 0))
        if verdict and row["seq"] > since:
            told[row["person"]].append(row["verdict"] == verdict)
    return {person: Trial(len(right[-ASKED:]), sum(right[-ASKED:])) for person, right in told.items()}
