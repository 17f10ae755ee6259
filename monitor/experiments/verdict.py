"""The answer first: what to do with an arm, in one sentence over all its metrics, before any number.

A guardrail can only forbid; a primary metric decides; without a primary metric nothing is ever recommended to ship.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from monitor.config.schema import MetricSettings
from monitor.experiments.direction import Direction, declared, direction
from monitor.stats.confidence_sequence import Difference, users_until

Role = Literal["primary", "guardrail", "other"]
Decision = Literal["better", "worse", "differs", "undecided", "blocked"]
SAFETY: Final = ("rule:", "error")
NAMED: Final = 2
"""Metrics that are worse that are named; of more, how many there are."""

FURTHEST_DAYS: Final = 366
"""Beyond this a date would be one to laugh at."""


@dataclass(frozen=True)
class Reading:
    """What is known of one arm on one metric; `found` is None where nothing could be compared, `name` is what it is called."""

    metric: str
    decision: str
    found: Difference | None
    name: str


@dataclass(frozen=True)
class Pace:
    """How many users a day came to the two arms so far; 0 is not known."""

    now: datetime
    users_a_day: float

    def until(self, more: int) -> str:
        """When so many more users will have come, in words that follow "Keep running ARM".

        >>> Pace(datetime(2026, 11, 1), 100.0).until(1250)
        ' until about 2026-11-13: 1,250 more users'
        """
        if self.users_a_day <= 0:
            return f": about {more:,} more users"
        days = more / self.users_a_day
        if days > FURTHEST_DAYS:
            return f" for more than a year, or end it: {more:,} more users"
        return f" until about {self.now + timedelta(days=days):%Y-%m-%d}: {more:,} more users"


def decide(way: Direction, found: Difference) -> Decision:
    """Return what may be said: nothing while the interval holds zero, and "differs" where no direction is the good one."""
    if found.interval.low <= 0 <= found.interval.high:
        return "undecided"
    if way.better == "neither":
        return "differs"
    return "better" if (found.effect > 0) == (way.better == "higher") else "worse"


def role(metric: str, metrics: Mapping[str, MetricSettings]) -> Role:
    """Return what a metric may decide: as declared; else rules, errors and scores known to be harms are guardrails.

    >>> role("score:toxicity", {}), role("score:helpful", {})
    ('guardrail', 'other')
    """
    said = declared(metric, metrics)
    if said is not None:
        return said.role
    harm = metric.startswith("score:") and direction(metric, metrics).better == "lower"
    return "guardrail" if harm or metric.startswith(SAFETY) else "other"


def sentence(
    arm: str,
    control: str,
    readings: Sequence[Reading],
    metrics: Mapping[str, MetricSettings],
    alpha: float,
    pace: Pace,
) -> str:
    """Return what to do with `arm`, and why, in one sentence without a full stop."""
    if any(reading.decision == "blocked" for reading in readings):
        return f"No decision on {arm}: users did not fall into the arms as they were meant to"
    deciding = [reading for reading in readings if role(reading.metric, metrics) != "other"]
    worse = [reading.name for reading in deciding if reading.decision == "worse"]
    if worse:
        more = f" and {len(worse) - NAMED} more" if len(worse) > NAMED else ""
        return f"Stop {arm}: {' and '.join(worse[:NAMED])}{more} {'is' if len(worse) == 1 else 'are'} worse than in {control}"
    primary = [reading for reading in deciding if role(reading.metric, metrics) == "primary"]
    if not primary:
        return f"Nothing is recommended for {arm}: no primary metric is declared (metrics: role: primary)"
    if all(reading.decision == "better" for reading in primary):
        return f"Ship {arm}: {primary[0].name} is better than in {control} and no guardrail is known to be worse"
    waiting = next(reading for reading in primary if reading.decision != "better")
    return _wait(arm, waiting, declared(waiting.metric, metrics), alpha, pace)


def _wait(arm: str, reading: Reading, settings: MetricSettings | None, alpha: float, pace: Pace) -> str:
    smallest = settings.smallest if settings else None
    if reading.decision == "differs":
        return f"Nothing is recommended for {arm}: {reading.name} differs, and which way is better is not declared"
    if reading.found is None:
        return f"Keep running {arm}: {reading.name} is undecided"
    if smallest is None:
        return (
            f"Keep running {arm}: {reading.name} is undecided, and until when is not known (metrics: smallest, the "
            "smallest effect that matters)"
        )
    low, high = reading.found.interval
    if -smallest < low and high < smallest:
        return f"Stop {arm}: a difference of {smallest:g} or more in {reading.name} is ruled out"
    more = users_until(reading.found, alpha, smallest)
    if more == 0:
        return f"Keep running {arm}: {reading.name} is near the smallest difference that matters ({smallest:g})"
    return f"Keep running {arm}{pace.until(more)} make {reading.name} known to {smallest:g} either way"
