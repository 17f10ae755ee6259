"""Honest rates: what share of answers violates a rule, with an interval that knows how the grades were drawn.

Only decisive verdicts (violates, complies) enter the share; what could not be judged is counted and named, never taken for
a pass. Not for comparing two windows: that is what drift is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from monitor.clock import aware_utc, naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import EstimateSettings
from monitor.model.values import Estimate, Verdict
from monitor.stats.estimators import clustered_interval, hajek

DECISIVE: Final = (Verdict.VIOLATES, Verdict.COMPLIES)
EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the store keeps naive UTC
HUMAN: Final = "human"
"""Graders whose name begins like this are people."""


def estimate_rates(
    grades: pl.DataFrame, units: pl.DataFrame, settings: EstimateSettings, *, ending: datetime | None = None
) -> list[Estimate]:
    """Return the violation rate per rule, app, segment and UTC window, in that order.

    Windows are aligned to midnight UTC, or, with `ending`, so that one of them ends there: "the last 24 hours".

    `grades`: unit_id, time, app, rule_id, verdict, grader, inclusion_probability, user_id, session_id and the segment columns;
    one row a unit and rule. `units`: one row a turn, graded or not, with time, app and the segment columns. A window of an
    app with no grade of a rule has no estimate; one with grades but no decisive verdict has an estimate without a value.
    """
    if grades.is_empty():
        return []
    span = parse_duration(settings.window)
    shift = timedelta(0) if ending is None else (naive_utc(ending) - EPOCH) % span
    graded, turns = _in_windows(_with_clusters(grades), span, shift), _in_windows(units, span, shift)
    columns = [None, *(name for name in settings.segments if name in grades.columns)]
    return [estimate for column in columns for estimate in _of_column(graded, turns, column, span, settings.confidence)]


def _with_clusters(grades: pl.DataFrame) -> pl.DataFrame:
    """One user is one cluster; where the user is unknown the session is, and else the turn stands for itself."""
    names = [name for name in ("user_id", "session_id", "unit_id") if name in grades.columns]
    return grades.with_columns(cluster=pl.coalesce(names).rank("dense").cast(pl.Int64))


def _in_windows(rows: pl.DataFrame, span: timedelta, shift: timedelta) -> pl.DataFrame:
    every, offset = span // timedelta(microseconds=1), shift // timedelta(microseconds=1)
    since = (pl.col("time").cast(pl.Datetime("us")).cast(pl.Int64) - offset) // every * every + offset
    return rows.with_columns(window_start=since.cast(pl.Datetime("us")))


def _of_column(
    graded: pl.DataFrame, turns: pl.DataFrame, column: str | None, span: timedelta, confidence: float
) -> Iterator[Estimate]:
    graded, turns = _in_segments(graded, column), _in_segments(turns, column)
    counts = turns.group_by("app", "segment", "window_start").len()
    n_units = {(app, segment, start): n for app, segment, start, n in counts.iter_rows()}
    keys = ["rule_id", "app", "segment", "window_start"]
    for _, group in graded.sort(*keys, "unit_id").group_by(keys, maintain_order=True):
        rule, app, segment, start = (group[name][0] for name in keys)
        yield Estimate(
            rule_id=rule,
            app=app,
            segment=segment,
            window_start=aware_utc(start),
            window_end=aware_utc(start + span),
            confidence=confidence,
            n_units=n_units.get((app, segment, start), group.height),
            **_rate(group, confidence),
        )


def _in_segments(rows: pl.DataFrame, column: str | None) -> pl.DataFrame:
    if column is None:
        return rows.with_columns(segment=pl.lit("all"))
    known = rows.filter(pl.col(column).is_not_null())
    return known.with_columns(segment=pl.lit(f"{column}=") + pl.col(column).cast(pl.String))


def _rate(group: pl.DataFrame, confidence: float) -> dict[str, Any]:
    """The value, its bounds, the method's name and the counts of one rule in one window."""
    verdicts = group["verdict"].to_numpy()
    probability = group["inclusion_probability"].to_numpy()
    decisive = np.isin(verdicts, DECISIVE) & (probability > 0)
    left_out = _left_out(verdicts.tolist())
    n = int(decisive.sum())
    n_human = (
        int((group["grader"].str.starts_with(HUMAN).to_numpy() & decisive).sum()) if "grader" in group.columns else 0
    )
    counts = {"n_graded": n, "n_human": n_human}
    if not n:
        return {"value": None, "low": None, "high": None, "method": f"no decisive verdict{left_out}", **counts}
    violates = (verdicts[decisive] == Verdict.VIOLATES).astype(np.float64)
    estimated = hajek(violates, probability[decisive], group["cluster"].to_numpy()[decisive])
    (low, high), interval = clustered_interval(estimated, confidence)
    method = f"hajek-{interval}, clustered by user; {_graders(n_human, n)}{left_out}"
    return {"value": estimated.value, "low": low, "high": high, "method": method, **counts}


def _graders(n_human: int, n: int) -> str:
    if n_human == 0:
        return "rule-based grader, not corrected by human labels"
    return "human labels" if n_human == n else f"{n_human} of {n} labels by people, the rest rule-based"


def _left_out(verdicts: Sequence[str]) -> str:
    counted = [(name, verdicts.count(name)) for name in Verdict if name not in DECISIVE]
    named = ", ".join(f"{n} {name}" for name, n in counted if n)
    return f"; left out: {named}" if named else ""
