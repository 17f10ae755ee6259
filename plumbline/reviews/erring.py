"""How often the people of a house err, from what its reviews of the last months tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from monitor.state import ControlState, Transaction, labels, reviews
from monitor.state.parts import LABELS
from monitor.stats.erring import Errors
from plumbline.reviews.outcome import Words, checked, own_errors

LOOK_BACK: Final = timedelta(days=91)
"""How far back answers that were looked at twice tell of how often reviewers err, and labels of what violates."""


def errors_until(txn: Transaction, until: datetime, before: datetime, decided: datetime) -> Errors | None:
    """Return how often people erred in the reviews that were opened in the months before `until`; None where nothing tells of it.

    Answers of before `before` whose verdict was decided until `decided` are those that are known.
    """
    known = labels.adjudicated(txn, before, decided)
    recent = reviews.opened_between(txn, until - LOOK_BACK, until)
    told = labels.telling(txn, recent, {unit for unit, _ in known})
    verdicts = {item: verdict for item, (verdict, _) in known.items()}
    since = {item: number for item, (_, number) in known.items()}
    return own_errors([checked(Words.of(told), verdicts, since)])


def errors_now(state: ControlState, now: datetime) -> Errors | None:
    """Return how often people erred in the months before now; reckoned anew when anybody said something, and once a day."""
    return state.kept("errors", LABELS, now.toordinal(), lambda txn: errors_until(txn, now, now, now))
