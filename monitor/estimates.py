"""Honest rates: what share of answers violates a rule, with an interval that knows how the grades were drawn.

Only decisive verdicts (violates, complies) enter the share; what could not be judged is counted and named, never taken for
a pass. What people say corrects what the machine says, by the errors they find on turns that were picked with a known
probability; turns that somebody chose correct nothing. Not for comparing two windows: that is what drift is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import polars as pl
from msgspec.structs import replace

from monitor.clock import aware_utc, naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import EstimateSettings
from monitor.model.values import Estimate, Unit, Verdict
from monitor.rule_verdicts import CODES, NOTHING, VIOLATES, Bools, Codes, Ints, Said
from monitor.second_phase import SecondPhase
from monitor.stats.erring import Errors, behind
from monitor.stats.estimators import Labelled, clustered_interval, corrected, corrected_interval, hajek
from monitor.stats.intervals import Interval, share_interval
from monitor.stats.ranks import Floats
from monitor.verdict_columns import Told, by_rule, told

EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the store keeps naive UTC
ENOUGH: Final = 20
"""Labels with a known probability below which a rate is not corrected: one error more or less would move it too far."""

TURNS_ALONE: Final[Mapping[str, Unit]] = MappingProxyType({})
"""Every rule is about turns."""

INDECISIVE: Final = (Verdict.BORDERLINE, Verdict.CANNOT_JUDGE, Verdict.NOT_GRADED)


def estimate_rates(
    grades: pl.DataFrame,
    units: pl.DataFrame,
    settings: EstimateSettings,
    *,
    ending: datetime | None = None,
    errors: Errors | None = None,
) -> list[Estimate]:
    """Return the violation rate per rule, app, segment and UTC window, in that order.

    `grades`: unit_id, time, app, rule_id, verdict, inclusion_probability, user_id, session_id and the segment columns; where there
    are people, label, first_label, label_probability and contested (`monitor.store.graded.graded_units` says what they are); one row a unit
    and rule. `units`, `ending` and `errors`: as in `estimate_told`, which is asked where what was said is kept a row a turn.
    """
    if grades.is_empty():
        return []
    columns = [name for name in settings.segments if name in grades.columns]
    return estimate_told(told(grades, columns), units, settings, ending=ending, errors=errors)


def estimate_told(
    said: Told,
    units: pl.DataFrame,
    settings: EstimateSettings,
    *,
    ending: datetime | None = None,
    about: Mapping[str, Unit] = TURNS_ALONE,
    errors: Errors | None = None,
) -> list[Estimate]:
    """Return the violation rate per rule, app, segment and UTC window, in that order.

    Windows are aligned to midnight UTC, or, with `ending`, so that one of them ends there: "the last 24 hours". `units`: the turns,
    graded or not, with time, app and the segment columns; one row a turn, or a row for `n` of them. A window of an app with no
    grade of a rule has no estimate; one with grades but no decisive verdict has an estimate without a value. Segments are those
    of `settings` that `said` has. `about` says which rules are about something else than turns, `errors` how often the people err whose
    labels correct a rate.
    """
    span = parse_duration(settings.window)
    shift = timedelta(0) if ending is None else (naive_utc(ending) - EPOCH) % span
    whole = units if "n" in units.columns else units.with_columns(n=pl.lit(1, pl.Int64), sessions=pl.lit(0, pl.Int64))
    graded, turns = (_in_windows(rows, span, shift) for rows in (said.turns, whole))
    columns = [None, *(name for name in settings.segments if name in said.turns.columns)]
    parts = ((_in_segments(graded, column), _in_segments(turns, column)) for column in columns)
    return [
        estimate
        for rows, counted in parts
        for estimate in _of_column(rows, said.labels, counted, _Manner(span, settings.confidence, about, errors))
    ]


def estimate_window(
    said: Told,
    units: pl.DataFrame,
    settings: EstimateSettings,
    ending: datetime,
    *,
    about: Mapping[str, Unit] = TURNS_ALONE,
) -> list[Estimate]:
    """Return the violation rates per rule and app over the one window that ends at `ending` (naive UTC), in that order, as `estimate_told` does.

    `said` is all that was said of its turns, and how often the people err who said it; `units` has app, n and sessions.
    """
    span = parse_duration(settings.window)
    manner = _Manner(span, settings.confidence, about, said.errors)
    n_units: dict[str | None, tuple[int, int]] = {}
    for app, n, sessions in zip(*(units[name].to_list() for name in ("app", "n", "sessions")), strict=True):
        before = n_units.get(app, (0, 0))
        n_units[app] = (before[0] + n, before[1] + sessions)
    made = [
        estimate
        for app, words in said.by_app.items()
        for estimate in _of_window((app, "all", ending - span), words.by_rule, n_units.get(app), manner)
    ]
    return sorted(made, key=lambda e: (e.rule_id, e.app or ""))


@dataclass(frozen=True)
class _Manner:
    """What is the same for all rates: how long a window is, how sure an interval, what rules are about, how often people err."""

    span: timedelta
    confidence: float
    about: Mapping[str, Unit]
    errors: Errors | None

    @property
    def erring(self) -> Errors | None:
        """The errors that are known well enough to correct by."""
        return self.errors if self.errors is not None and self.errors.known else None


def _in_windows(rows: pl.DataFrame, span: timedelta, shift: timedelta) -> pl.DataFrame:
    every, offset = span // timedelta(microseconds=1), shift // timedelta(microseconds=1)
    since = (pl.col("time").cast(pl.Datetime("us")).cast(pl.Int64) - offset) // every * every + offset
    return rows.with_columns(window_start=since.cast(pl.Datetime("us")))


def _in_segments(rows: pl.DataFrame, column: str | None) -> pl.DataFrame:
    if column is None:
        return rows.with_columns(segment=pl.lit("all"))
    known = rows.filter(pl.col(column).is_not_null())
    return known.with_columns(segment=pl.lit(f"{column}=") + pl.col(column).cast(pl.String))


def _of_column(graded: pl.DataFrame, labels: pl.DataFrame, turns: pl.DataFrame, manner: _Manner) -> list[Estimate]:
    keys = ["app", "segment", "window_start"]
    sums = turns.group_by(keys).agg(pl.col("n", "sessions").sum())
    n_units = {tuple(key): (n, sessions) for *key, n, sessions in sums.iter_rows()}
    made = [
        estimate
        for key, rows in graded.group_by(keys, maintain_order=True)
        for estimate in _of_window(key, dict(by_rule(rows, labels)), n_units.get(key), manner)
    ]
    return sorted(made, key=lambda e: (e.rule_id, e.app or "", e.segment, e.window_start))


def _of_window(
    key: tuple[Any, ...],
    words: Mapping[str, Said],
    counted: tuple[int, int] | None,
    manner: _Manner,
) -> Iterator[Estimate]:
    app, segment, start = key
    bounds = aware_utc(start), aware_utc(start + manner.span)
    known: dict[bytes, dict[str, Any]] = {}  # most rules are kept by most turns
    for rule, said in words.items():
        unit = manner.about.get(rule, "turn")
        n_units = said.rows if counted is None else counted[unit == "session"]
        rate = known.get(said.content) or known.setdefault(said.content, _rate(said, manner.confidence, manner.erring))
        yield Estimate(
            rule_id=rule,
            app=app,
            segment=segment,
            window_start=bounds[0],
            window_end=bounds[1],
            confidence=manner.confidence,
            n_units=n_units,
            unit=unit,
            **rate,
        )


def _rate(said: Said, confidence: float, errors: Errors | None) -> dict[str, Any]:
    """The value, its bounds, the method's name and the counts of one rule in one window."""
    counts = {"n_graded": int((said.machine | said.people).sum()), "n_human": int(said.people.sum())}
    left_out = _left_out(said)
    heard = said if errors is None else replace(said, label=said.first)
    if said.machine.any():
        corrects = _correcting(heard)
        if corrects.sum() < ENOUGH:
            told = _by_machine(said, confidence)
        else:
            told = _reckoned(_corrected(heard, corrects, confidence), errors)
    elif heard.planned.any():
        told = _reckoned(_by_people(heard, confidence), errors)
    else:
        return {"value": None, "low": None, "high": None, "method": f"no decisive verdict{left_out}", **counts}
    return {**told, "method": told["method"] + left_out, **counts}


def _correcting(said: Said) -> Bools:
    """Labels by lot on turns that a grader drawn by lot decided, too: what a correction of it is made from."""
    decided: Bools = (said.probability > 0) & (said.verdict != NOTHING)
    return said.planned & decided


def _reckoned(told: dict[str, Any], errors: Errors | None) -> dict[str, Any]:
    """The rate behind what one person says, which is whose errors are known."""
    if errors is None:
        return told
    value, (low, high) = behind(told["value"], Interval(told["low"], told["high"]), errors)
    method = f"{told['method']}, whose own errors ({errors.n:,} judgements tell of them) are reckoned in"
    return {"value": value, "low": low, "high": high, "method": method}


def _by_machine(said: Said, confidence: float) -> dict[str, Any]:
    rows = said.machine
    drawn = said.verdict[rows], said.probability[rows], said.cluster[rows]
    told = _share(*drawn, confidence) if said.second is None else _by_strata(said, said.second, confidence)
    if said.judged.any():
        checked = f"not yet checked by people{_why_not(said, 'labels')}"
    else:
        checked = f"not corrected by human labels{_why_not(said, 'of them')}"
    return told | {"method": f"{told['method']}; {_graders(said)}, {checked}"}


def _by_strata(said: Said, second: SecondPhase, confidence: float) -> dict[str, Any]:
    found = second.share(_violates(said.verdict), said.machine, said.probability, said.cluster)
    (low, high), interval = share_interval(found.value * found.worth, found.worth, confidence)
    method = f"stratified-{interval}, by what local graders say, clustered by user"
    return {"value": found.value, "low": low, "high": high, "method": method}


def _graders(said: Said) -> str:
    """Who gave the verdicts of machines."""
    judged = said.judged
    if not judged.any():
        return "rule-based grader"
    return f"graded by a judge{'' if judged[said.machine].all() else ' and a rule-based grader'}"


def _why_not(said: Said, labels: str) -> str:
    n, corrects = int(said.people.sum()), int(_correcting(said).sum())
    if not n:
        return ""
    if not said.planned.any():
        return f" ({n:,} {labels}, on turns that somebody chose)"
    return f" ({corrects:,} {labels} on graded turns that a plan picked, {ENOUGH} are needed)"


def _by_people(said: Said, confidence: float) -> dict[str, Any]:
    rows = said.planned
    told = _share(said.label[rows], said.label_probability[rows], said.cluster[rows], confidence)
    return told | {"method": f"{told['method']}; human labels"}


def _share(verdicts: Codes, probability: Floats, clusters: Ints, confidence: float) -> dict[str, Any]:
    estimated = hajek(_violates(verdicts), probability, clusters)
    (low, high), interval = clustered_interval(estimated, confidence)
    return {"value": estimated.value, "low": low, "high": high, "method": f"hajek-{interval}, clustered by user"}


def _corrected(said: Said, corrects: Bools, confidence: float) -> dict[str, Any]:
    """What machines guess, corrected by people's verdicts: what a judge believes, others' words; the mean where none could tell."""
    guessed = (said.verdict != NOTHING) & (said.probability > 0)
    says = np.where(np.isnan(said.belief), _violates(said.verdict), said.belief)
    tells = guessed & (said.machine | ~np.isnan(said.belief))
    mean = hajek(says[tells], said.probability[tells], said.cluster[tells]).value
    guess = np.where(tells, says, mean)[guessed]
    rows = np.flatnonzero(corrects[guessed])
    labelled = Labelled(rows, _violates(said.label[guessed][rows]), said.label_probability[guessed][rows])
    found = corrected(guess, said.probability[guessed], said.cluster[guessed], labelled)
    low, high = corrected_interval(found, confidence)
    method = f"difference, clustered by user; {_graders(said)}, corrected by {len(rows):,} human labels"
    return {"value": found.value, "low": low, "high": high, "method": method}


def _violates(verdicts: Codes) -> Floats:
    violates: Floats = (verdicts == VIOLATES).astype(np.float64)
    return violates


def _left_out(said: Said) -> str:
    """What entered no rate, by name: of the machine, and of people where they say what no machine does."""
    picked = said.verdict[said.probability > 0]
    counted = [(str(name), int((picked == CODES[name]).sum())) for name in INDECISIVE]
    counted += [(f"{name} by people", int((said.label == CODES[name]).sum())) for name in INDECISIVE]
    counted += [("on which people disagree", int(said.contested.sum()))]
    named = ", ".join(f"{n:,} {name}" for name, n in counted if n)
    return f"; left out: {named}" if named else ""
