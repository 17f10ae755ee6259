"""Signals of operation, which need no policy: errors, time to answer, traffic, spending, thumbs, each held against what is usual.

Usual is what the application did in the seven days before. Until enough of them is known, the numbers are unknown, which neither
fires nor resolves anything. Gradual changes are for drift; these are for what breaks within the hour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from monitor.affected import title_of
from monitor.clock import naive_utc
from monitor.counted import Counted
from monitor.model.values import About, Signal
from monitor.policy.watching import Watched
from monitor.recent import Recent
from monitor.stats.intervals import newcombe, wilson
from monitor.stats.special import normal_quantile
from monitor.store.reads import Reader
from monitor.store.workload import LATELY, thumbs, workload

AGAIN: Final = timedelta(minutes=1)

CONFIDENCE: Final = 0.99
"""Of the intervals: a look is taken every few seconds, and each is a chance to be wrong."""

DAYS: Final = 2.0
WEEK: Final = 7.0
TURNS: Final = 200
"""How much of the time before must be known before anything is called unusual."""

Row = Mapping[str, Any]
UNKNOWN: Final = (None, None, None)
Measured = tuple[float | None, float | None, float | None]
"""Value, low, high."""


def operation(reader: Reader, now: datetime, recent: Recent) -> list[Signal]:
    """Return `operating_signals`, read anew once a minute: eight days of turns are not worth reading at every look."""
    known = recent.operation
    if known is None or not timedelta(0) <= now - known[0] < AGAIN:
        recent.operation = known = (now, operating_signals(reader, now))
    return known[1]


def operating_signals(reader: Reader, now: datetime) -> list[Signal]:
    """Return how each application does at `now`."""
    return operating_at(reader, [now])[now]


def operating_at(reader: Reader, moments: Sequence[datetime]) -> dict[datetime, list[Signal]]:
    """Return how each application did at each of `moments`, which are in order."""
    known = {naive_utc(now): now for now in moments}
    found: dict[datetime, list[Signal]] = {now: [] for now in moments}
    for row in workload(reader, list(known)).iter_rows(named=True):
        found[known[row["moment"]]] += [make(row, known[row["moment"]]) for make in MAKERS]
    for row in thumbs(reader, list(known)).iter_rows(named=True):
        found[known[row["moment"]]].append(_feedback(row, known[row["moment"]]))
    return found


def _errors(row: Row, now: datetime) -> Signal:
    measured = _share(row["failed"], row["n"])
    before = row["failed_before"] / row["n_before"] if _known(row) else None
    about = About("turns with an error", before=before, turns=row["failed"], seen=row["n"])
    return _signal("error_rate", row, now, measured, row["n"], about)


def _latency(row: Row, now: datetime) -> Signal:
    usual = row["p95_before"] if _known(row) else None
    measured = _times(_slowest(row["durations"] or []), usual)
    about = About("time in which 95 of 100 turns are answered", unit="ms", before=usual)
    return _signal("latency", row, now, measured, len(row["durations"] or []), about)


def _volume(row: Row, now: datetime) -> Signal:
    """Turns of the last hour, in times of what this hour usually has; `n` is that usual number.

    Usual is anything between the mean of this hour of the day and what it had a week ago: Saturdays are not Fridays.
    """
    found, about = _against(row["n"], *_usual_here(row)), About("turns in an hour", unit="turns")
    least, most = _usual_here(row)
    about = replace(about, before=least if row["n"] < most else most) if most else about
    return _signal("volume", row, now, found, round(least), about)


def _usual_here(row: Row) -> tuple[float, float]:
    """Return the least and the most that is usual at this hour; 0 and 0 before a week is known."""
    if row["days"] < WEEK or not _known(row):
        return 0.0, 0.0
    mean, week_ago = row["at_this_hour"] / 7, float(row["week_ago"])
    return min(mean, week_ago), max(mean, week_ago)


def _against(n: int, least: float, most: float) -> Measured:
    if not least:
        return UNKNOWN
    _, low, high = _counted(n)
    value = n / least if n < least else n / most if n > most else 1.0
    return value, low / most, high / least


def _cost(row: Row, now: datetime) -> Signal:
    days = min(row["days"] - 1, 7.0)
    usual = row["spent_before"] / days if _known(row) and row["spent_before"] else None
    spent = row["spent"] or 0.0
    about = About("spending in a day", unit="dollars", before=usual)
    return _signal("cost", row, now, _times((spent, spent, spent), usual), row["n_before"], about)


def budgets(
    counts: Iterable[Counted], rules: Mapping[str, Watched], now: datetime, history: timedelta
) -> Iterator[Signal]:
    """How much of its error budget each rule has used within `history`, the time of `counts`: the violations that its warning rate allows are 1."""
    for app, rule_id, n, bad in sorted((c.app, c.rule_id, *c.sums) for c in counts):
        limit = rules[rule_id].limits.get("warn") if rule_id in rules else None
        if limit and n > 0:
            low, high = wilson(min(bad, n), n)
            about = About(title_of(rule_id, rules), unit="", seen=round(n))
            labels, used = {"app": app, "rule": rule_id}, (bad / n / limit, low / limit, high / limit)
            yield Signal("budget", labels, now, *used, round(n), now - history, (), "", about=about)


MAKERS: Final[tuple[Callable[[Row, datetime], Signal], ...]] = (_errors, _latency, _volume, _cost)


def _feedback(row: Row, now: datetime) -> Signal:
    """By how much the share of bad scores of the last day lies above that of the days before."""
    enough = row["n"] and row["n_before"] >= TURNS
    before = row["bad_before"] / row["n_before"] if enough else None
    measured: Measured = UNKNOWN
    if before is not None:
        low, high = newcombe((row["bad_before"], row["n_before"]), (row["bad"], row["n"]), CONFIDENCE)
        measured = (row["bad"] / row["n"] - before, low, high)
    about = About("answers that users are unhappy with", before=before, turns=row["bad"], seen=row["n"])
    return _signal("feedback", row, now, measured, row["n"], about)


def _signal(name: str, row: Row, now: datetime, measured: Measured, n: int, about: About) -> Signal:
    value, low, high = measured
    since = now - (timedelta(days=1) if name in {"cost", "feedback"} else LATELY)
    return Signal(name, {"app": row["app"]}, now, value, low, high, n, since, (), "", about=about)


def _known(row: Row) -> bool:
    return bool(row["days"] >= DAYS and row["n_before"] >= TURNS)


def _share(bad: int, n: int) -> Measured:
    return (bad / n, *wilson(bad, n, CONFIDENCE)) if n else UNKNOWN


def _times(measured: Measured, usual: float | None) -> Measured:
    """Return a measure in times of what is usual."""
    if not usual:
        return UNKNOWN
    value, low, high = (None if number is None else number / usual for number in measured)
    return value, low, high


def _slowest(durations: Sequence[float]) -> Measured:
    """Return the 95th percentile of sorted `durations` with the order statistics that enclose it.

    >>> _slowest([float(n) for n in range(1, 1001)])
    (950.0, 933.0, 968.0)
    """
    n = len(durations)
    if not n:
        return UNKNOWN
    spread = normal_quantile((1 + CONFIDENCE) / 2) * math.sqrt(0.95 * 0.05 * n)
    return tuple(durations[_within(rank, n)] for rank in (0.95 * n, 0.95 * n - spread, 0.95 * n + spread))  # type: ignore[return-value]


def _within(rank: float, n: int) -> int:
    return min(max(math.ceil(rank) - 1, 0), n - 1)


def _counted(n: int) -> tuple[int, float, float]:
    """Return a count of things that come by chance, with its interval (Byar).

    >>> [round(x, 1) for x in _counted(100)]
    [100, 76.1, 128.8]
    """
    z = normal_quantile((1 + CONFIDENCE) / 2)
    low = n * (1 - 1 / (9 * n) - z / (3 * math.sqrt(n))) ** 3 if n else 0.0
    high = (n + 1) * (1 - 1 / (9 * (n + 1)) + z / (3 * math.sqrt(n + 1))) ** 3
    return n, max(low, 0.0), high
