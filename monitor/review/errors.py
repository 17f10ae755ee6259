"""How often reviewers err, from answers whose verdict is known and from answers that two people looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass

from monitor.stats.erring import Errors, Often
from monitor.stats.intervals import Interval, share_interval


@dataclass(frozen=True)
class Checked:
    """Counts: judgements of answers that are known to comply or violate, those that were wrong, and pairs with their splits."""

    comply: int = 0
    alarms: int = 0
    violate: int = 0
    missed: int = 0
    pairs: int = 0
    splits: int = 0


def errors(checked: Checked, confidence: float = 0.95) -> Errors | None:
    """Return how often reviewers err, None where nothing tells of it.

    Two people who err independently with probability e split on 2 e (1 - e) of the answers (Hui and Walter, Biometrics 1980, for
    the idea): pairs tell of the error without anybody knowing the truth. Where no answer is known to violate, misses are taken to be
    as frequent as false alarms.
    """
    alone, judgements = _of_pairs(checked)
    n = checked.comply + judgements
    if n <= 0:
        return None
    alarms = _often(checked.alarms + alone * judgements, n, confidence)
    missed = alone * judgements + checked.missed
    misses = _often(missed, judgements + checked.violate, confidence) if judgements + checked.violate else alarms
    return Errors(alarms, misses, checked.comply + checked.violate + checked.pairs)


def _of_pairs(checked: Checked) -> tuple[float, float]:
    """The error that splits tell of, and of how many judgements of known answers it is worth as much."""
    if not checked.pairs:
        return 0.0, 0.0
    split = min(0.5, checked.splits / checked.pairs)
    error = (1 - math.sqrt(1 - 2 * split)) / 2
    if not 0 < split < 0.5:
        return error, float(checked.pairs)
    slope = 2 - 4 * error  # of 2 e (1 - e)
    variance = split * (1 - split) / checked.pairs / slope**2
    return error, min(2.0 * checked.pairs, error * (1 - error) / variance)


def _often(wrong: float, n: float, confidence: float) -> Often:
    interval: Interval = share_interval(min(wrong, n), n, confidence).interval
    return Often(wrong / n, *interval)
