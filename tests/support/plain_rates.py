"""Rates and observations the plain way: everything read anew, row by row as texts, as it was done before anything was kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from monitor.clock import aware_utc, naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import EstimateSettings
from monitor.estimates import ENOUGH, EPOCH
from monitor.model.values import Estimate
from monitor.recent import known_plans
from monitor.stats.estimators import Labelled, cluster_labels, clustered_interval, corrected, corrected_interval, hajek
from monitor.store.graded import graded_units
from monitor.store.opening import Store
from monitor.store.precedence import BY_MACHINE
from monitor.store.reads import unit_counts
from monitor.store.standing import STANDING
from monitor.weighing import weighted

DECISIVE = ("violates", "complies")
OTHERS = ("borderline", "cannot_judge", "not_graded")


def plain_rates(
    store: Store, settings: EstimateSettings, start: datetime, end: datetime, ending: datetime | None
) -> list[Estimate]:
    """Return the rates of turns with start <= time < end, as `monitor.estimates.estimate_rates` orders them."""
    grades, units = weighted(graded_units(store, start, end), known_plans(store)), unit_counts(store, start, end)
    grades = grades.with_columns(who=pl.coalesce("user_id", "session_id", "unit_id"))
    return [e for column in (None, *settings.segments) for e in _of_column(grades, units, column, settings, ending)]


def _of_column(
    grades: pl.DataFrame, units: pl.DataFrame, column: str | None, settings: EstimateSettings, ending: datetime | None
) -> Iterator[Estimate]:
    span = parse_duration(settings.window)
    shift = timedelta(0) if ending is None else (naive_utc(ending) - EPOCH) % span
    told: dict[tuple[str, str, str, datetime], list[dict[str, object]]] = {}
    counts: dict[tuple[str, str, datetime], int] = {}
    for row in units.iter_rows(named=True):
        if column is None or row[column] is not None:
            key = (row["app"], _segment(row, column), _window(row["time"], span, shift))
            counts[key] = counts.get(key, 0) + 1
    for row in grades.sort("unit_id").iter_rows(named=True):
        if column is None or row[column] is not None:
            window = _window(row["time"], span, shift)
            told.setdefault((row["rule_id"], row["app"], _segment(row, column), window), []).append(row)
    for (rule, app, segment, window), rows in sorted(told.items(), key=lambda item: item[0]):
        value, low, high, method, graded, human = _rate(
            pl.DataFrame(rows, infer_schema_length=None), settings.confidence
        )
        bounds, n = (aware_utc(window), aware_utc(window + span)), counts[app, segment, window]
        yield Estimate(rule, app, segment, *bounds, method, value, low, high, settings.confidence, n, graded, human)


def _segment(row: dict[str, object], column: str | None) -> str:
    return "all" if column is None else f"{column}={row[column]}"


def _window(time: datetime, span: timedelta, shift: timedelta) -> datetime:
    return time - (time - EPOCH - shift) % span


def _rate(rows: pl.DataFrame, confidence: float) -> tuple[float | None, float | None, float | None, str, int, int]:
    p = rows["inclusion_probability"].cast(pl.Float64).fill_null(0.0).to_numpy()
    q = rows["label_probability"].cast(pl.Float64).fill_null(0.0).to_numpy()
    verdict, label = (np.array([str(v) for v in rows[name]], dtype=object) for name in ("verdict", "label"))
    clusters = cluster_labels(rows["who"].to_list())
    machine, people = np.isin(verdict, DECISIVE) & (p > 0), np.isin(label, DECISIVE)
    planned, n_human = people & (q > 0), int(people.sum())
    corrects = planned & (p > 0) & (verdict != "None")
    left = [(name, int(((verdict == name) & (p > 0)).sum())) for name in OTHERS]
    left += [(f"{name} by people", int((label == name).sum())) for name in OTHERS]
    left += [("on which people disagree", int(rows["contested"].sum()))]
    named = ", ".join(f"{n} {name}" for name, n in left if n)
    tail = f"; left out: {named}" if named else ""
    n_graded = int((machine | people).sum())
    if machine.any() and corrects.sum() >= ENOUGH:
        guessed = (verdict != "None") & (p > 0)
        mean = hajek((verdict[machine] == "violates").astype(float), p[machine], clusters[machine]).value
        guess = np.where(machine, verdict == "violates", mean)[guessed]
        at = np.flatnonzero(corrects[guessed])
        truth = (label[guessed][at] == "violates").astype(float)
        told = corrected(guess, p[guessed], clusters[guessed], Labelled(at, truth, q[guessed][at]))
        low, high = corrected_interval(told, confidence)
        method = f"difference, clustered by user; rule-based grader, corrected by {len(at)} human labels{tail}"
        return told.value, low, high, method, n_graded, n_human
    if not machine.any() and not planned.any():
        return None, None, None, f"no decisive verdict{tail}", n_graded, n_human
    use, texts, weights = (machine, verdict, p) if machine.any() else (planned, label, q)
    found = hajek((texts[use] == "violates").astype(float), weights[use], clusters[use])
    (low, high), interval = clustered_interval(found, confidence)
    why = f" ({n_human} of them, on turns that somebody chose)" if n_human and not planned.any() else ""
    why = (
        f" ({corrects.sum()} of them on graded turns that a plan picked, {ENOUGH} are needed)" if planned.any() else why
    )
    by = f"rule-based grader, not corrected by human labels{why}" if machine.any() else "human labels"
    return found.value, low, high, f"hajek-{interval}, clustered by user; {by}{tail}", n_graded, n_human


def plain_observations(store: Store, start: datetime, end: datetime) -> pl.DataFrame:
    """Return app, rule_id, bucket, probability, n and bad of machines' decisive verdicts, by SQL over all rows."""
    return store.frame(
        f"""
        WITH standing AS ({STANDING.format(where=f"g.time >= ? AND g.time < ? AND {BY_MACHINE}")}),
        drawn AS (
            SELECT unit_id, 1 - product(1 - inclusion_probability) AS inclusion_probability FROM base.samples
            WHERE time >= ? AND time < ? GROUP BY unit_id),
        seen AS (
            SELECT t.app, s.rule_id, time_bucket(INTERVAL '15 minutes', t.time) AS bucket,
                   p.inclusion_probability AS probability, avg((s.verdict = 'violates')::DOUBLE) AS bad
            FROM standing s JOIN base.turns t ON t.trace_id = s.unit_id JOIN drawn p ON p.unit_id = s.unit_id
            WHERE s.verdict IN ('violates', 'complies') AND t.time >= ? AND t.time < ? AND p.inclusion_probability > 0
            GROUP BY t.app, s.rule_id, 3, 4, coalesce(t.user_id, t.session_id, t.trace_id))
        SELECT app, rule_id, bucket, probability, count(*)::DOUBLE AS n, sum(bad) AS bad FROM seen GROUP BY ALL
        ORDER BY bucket, app, rule_id""",
        [start, end] * 3,
    )
