"""Read every experiment: each arm against control on each metric, by user, valid however often one looks.

The sample ratio comes first: a readout of an experiment whose arms did not get the users they were meant to get is blocked,
because any difference may then be one of who came and not of what they got.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

import polars as pl

from monitor.clock import naive_utc
from monitor.config.schema import ExperimentSettings, MetricSettings
from monitor.experiments.corrections import ENOUGH
from monitor.experiments.direction import declared, direction
from monitor.experiments.phases import lives, phases
from monitor.experiments.readout import Pair, Readout, last_readings, pair_of
from monitor.experiments.sides import Sides, sides_of, sums_of, told, with_zeros
from monitor.experiments.units import assign
from monitor.experiments.verdict import Decision, Pace, Reading, decide, role, sentence
from monitor.health import Guarding
from monitor.measures import NO_TITLES, Titles
from monitor.model.values import Comparison
from monitor.stats.confidence_sequence import Difference, compare_ratios, users_to_halve
from monitor.wording import counted

DAY: Final = timedelta(days=1)

SHARES: Final = ("rule:", "error")
"""Metrics that are shares of yes and no whatever is declared: their intervals lie between 0 and 1."""

UNCHECKED: Final = f"graded by a judge, not yet checked by people: it decides nothing before {ENOUGH} labels in each arm tell how the judge errs there"


def compare_arms(
    units: pl.DataFrame,
    settings: ExperimentSettings,
    now: datetime,
    metrics: Mapping[str, MetricSettings] = MappingProxyType({}),
    guard: Guarding = nullcontext,
    labels: Mapping[tuple[str, str], int] = MappingProxyType({}),
    earlier: Sequence[Comparison] = (),
    judged: AbstractSet[str] = frozenset(),
    titles: Titles = NO_TITLES,
) -> list[Comparison]:
    """Return a comparison per experiment, metric and arm other than control.

    `units`: experiment, arm, metric, unit, n, total of one app; one row a user, arm and metric with the count and the sum of the
    values known so far, and, where that is known, when the `first` and the `last` of its turns came, and the count and sum of
    before (`past_n`, `past_total`): arms that end keep what `earlier` readouts said of them, later ones are compared with who came
    at their time, and what users did before is taken out. `metrics` says which way each is good and what it may decide. The error `alpha` of an experiment is split over its metrics and arms, so that all its intervals hold at
    once and at all times. `labels` says by how many of people's labels the sums of an experiment and metric were corrected; metrics that a judge
    grades (`judged`) decide nothing before they are. `titles` are what sentences call rules. Not for arms that were switched on one after the other: compare what ran side by side. An experiment
    that fails within `guard` has no readout; the others have theirs.
    """
    known = _dated(units, now).filter((pl.col("n") > 0) & pl.col("total").is_finite())
    read = known.filter(~pl.col("experiment").is_in(settings.ignore) & ~pl.col("metric").is_in(settings.ignore))
    groups = read.sort("experiment", "metric", "arm", "unit").partition_by("experiment", maintain_order=True)
    comparisons: list[Comparison] = []
    for rows in groups:
        with guard(f"experiment {rows['experiment'][0]}"):
            comparisons.extend(list(_read(rows, settings, now, metrics, labels, earlier, judged, titles)))
    return comparisons


def _read(
    rows: pl.DataFrame,
    settings: ExperimentSettings,
    now: datetime,
    metrics: Mapping[str, MetricSettings],
    labels: Mapping[tuple[str, str], int],
    earlier: Sequence[Comparison],
    judged: AbstractSet[str],
    titles: Titles,
) -> Iterator[Comparison]:
    experiment = rows["experiment"][0]
    alive = lives(rows)
    known = phases(alive, settings.split.get(experiment), settings.phases.get(experiment, ()))
    kept, assignment = assign(rows, known)
    arms = list(assignment.users)
    control = settings.control.get(experiment, arms[0])
    names = rows["metric"].unique(maintain_order=True).to_list()
    others = [arm for arm in arms if arm != control]
    looks = len(names) * len(others)
    alpha = settings.alpha / max(1, looks)
    own = {metric: n for (of, metric), n in labels.items() if of == experiment}
    unchecked = judged - own.keys()
    last = {
        (told.metric, told.arm): told for told in earlier if (told.experiment, told.control) == (experiment, control)
    }
    readout = Readout(
        experiment,
        kept,
        assignment,
        control,
        alpha,
        looks,
        settings,
        metrics,
        now,
        own,
        unchecked,
        known,
        alive,
        last,
        titles,
    )
    for arm in others:
        if kept_readings := last_readings(readout, arm):
            yield from kept_readings
        else:
            pair = pair_of(readout, arm)
            yield from _answer_first(readout, pair, [_compare(readout, metric, pair) for metric in names])


def _dated(units: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Units of before times were kept came and went now: they are of the phase that goes on."""
    missing = [name for name in ("first", "last") if name not in units.columns]
    dated = with_zeros(units).with_columns(pl.lit(None, pl.Datetime("us")).alias(name) for name in missing)
    at = pl.lit(naive_utc(now))
    return dated.with_columns(pl.col("first", "last").fill_null(at)).drop_nulls()


def _answer_first(
    readout: Readout, pair: Pair, read: Sequence[tuple[Comparison, Difference | None]]
) -> Iterator[Comparison]:
    readings = [
        Reading(comparison.metric, comparison.decision, found, readout.called(comparison.metric))
        for comparison, found in read
    ]
    pace = _pace(readout, pair)
    answer = sentence(pair.arm, readout.control, readings, readout.metrics, pair.alpha, pace)
    # where the first sentence ends is where the numbers begin, whatever a rule is called
    answer = answer.replace(". ", "; ")
    for comparison, _ in read:
        yield replace(comparison, reason=f"{answer}. {comparison.reason}")


def _pace(readout: Readout, pair: Pair) -> Pace:
    """How fast users come to an arm and its control together, over the phases in which both ran."""
    rows = pair.rows.filter(pl.col("arm").is_in([pair.arm, readout.control]))
    begun: datetime | None = rows["first"].min()  # type: ignore[assignment]  # a time column has times
    if begun is None or begun >= naive_utc(readout.now):  # not known when they came
        return Pace(readout.now, 0.0)
    return Pace(readout.now, rows["unit"].n_unique() / max(1.0, (naive_utc(readout.now) - begun) / DAY))


def _compare(readout: Readout, metric: str, pair: Pair) -> tuple[Comparison, Difference | None]:
    arm, shared = pair.arm, pair.shared
    base, treated = (sums_of(pair.cells.get((metric, name))) for name in (readout.control, arm))
    users = (len(base.n) if base else 0, len(treated.n) if treated else 0)
    least = readout.settings.min_users
    if not shared:
        reason = f"{arm} and {readout.control} never ran side by side"
        return _comparison(readout, metric, arm, users, None, "blocked", reason), None
    blocked = next((readout.assignment.blocked[phase] for phase in shared if phase in readout.assignment.blocked), None)
    if blocked is not None:
        return _comparison(readout, metric, arm, users, None, "blocked", blocked), None
    if base is None or treated is None or min(users) < least:
        reason = f"Not enough users: {users[0]} in {readout.control}, {users[1]} in {arm}, {least} needed in each"
        return _comparison(readout, metric, arm, users, None, "undecided", reason), None
    bounds = _bounds(readout, metric)
    sides = sides_of(base, treated, bounds)
    found = compare_ratios(sides.control, sides.arm, pair.alpha, bounds)
    if found.standard_error <= 0:  # an interval without width would claim to know what nothing was seen of
        name = readout.called(metric)
        reason = f"{name[:1].upper()}{name[1:]} is {sides.control.value:g} for every one of {users[0]} and {users[1]} users: no variation, no interval"
        return _comparison(readout, metric, arm, users, None, "undecided", reason), None
    way = direction(metric, readout.metrics)
    reason = _reason(readout, metric, pair, found, sides) + (f"; {way.remark}" if way.remark else "")
    reason += _over(readout, pair)
    if metric in readout.unchecked:  # a judge may err more often on one arm than on the other
        return _comparison(readout, metric, arm, users, found, "undecided", f"{reason}; {UNCHECKED}"), None
    return _comparison(readout, metric, arm, users, found, decide(way, found), reason), found


def _over(readout: Readout, pair: Pair) -> str:
    """Over which stretch of time it was read, where that is not all of it."""
    if pair.parted:
        return f"; stretches with other shares cannot be pooled: read over {pair.shared[0].words}"
    if len(pair.shared) < len(readout.phases):
        return f"; over {', '.join(phase.words for phase in pair.shared)}, when both ran"
    return ""


def _bounds(readout: Readout, metric: str) -> tuple[float, float] | None:
    """The bounds that a metric is said to have, unless a user was seen outside."""
    said = declared(metric, readout.metrics)
    bounds = said.bounds if said else None
    if bounds is None and metric.startswith(SHARES):
        bounds = (0.0, 1.0)
    if bounds is None:
        return None
    cells = readout.rows_of(metric)
    n, total = cells["n"].to_numpy(), cells["total"].to_numpy()
    return bounds if bool(((total >= bounds[0] * n) & (total <= bounds[1] * n)).all()) else None


def _reason(readout: Readout, metric: str, pair: Pair, found: Difference, sides: Sides) -> str:
    more = counted(users_to_halve(found, pair.alpha), "more user")
    return (
        f"{told(sides, found, (metric, readout.called(metric)), (pair.arm, readout.control))}; {more} would halve the width; "
        f"error {readout.settings.alpha:g} shared by {counted(readout.comparisons, 'comparison')}{sides.remark}"
        + (f"; machine verdicts, corrected by {labels} human labels" if (labels := readout.labels.get(metric)) else "")
    )


def _comparison(
    readout: Readout,
    metric: str,
    arm: str,
    users: tuple[int, int],
    found: Difference | None,
    decision: Decision,
    reason: str,
) -> Comparison:
    both = readout.assignment.contaminated
    left_out = f"; {counted(both, 'user')} seen in two arms and left out" if both else ""
    return Comparison(
        experiment=readout.experiment,
        metric=metric,
        control=readout.control,
        arm=arm,
        effect=found.effect if found else None,
        low=found.interval.low if found else None,
        high=found.interval.high if found else None,
        n_control=users[0],
        n_arm=users[1],
        decision=decision,
        reason=reason + left_out,
        computed_at=readout.now,
        role=role(metric, readout.metrics),
    )
