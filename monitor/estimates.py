"""Honest rates: what share of answers violates a rule, with an interval that knows how the grades were drawn.

Only decisive verdicts (violates, complies) enter the share; what could not be judged is counted and named, never taken for
a pass. What people say corrects what the machine says, by the errors they find on turns that were picked with a known
probability; turns that somebody chose correct nothing. Not for comparing two windows: that is what drift is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from monitor.clock import aware_utc, naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import EstimateSettings
from monitor.model.values import Estimate, Verdict
from monitor.stats.estimators import Labelled, clustered_interval, corrected, corrected_interval, hajek
from monitor.stats.ranks import Floats

DECISIVE: Final = (Verdict.VIOLATES, Verdict.COMPLIES)
EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the store keeps naive UTC
ENOUGH: Final = 20
"""Labels with a known probability below which a rate is not corrected: one error more or less would move it too far."""

OF_PEOPLE: Final = {"label": pl.String, "label_probability": pl.Float64, "contested": pl.Boolean}
"""Columns that are not there where nobody labels."""

Texts = NDArray[np.object_]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def estimate_rates(
    grades: pl.DataFrame, units: pl.DataFrame, settings: EstimateSettings, *, ending: datetime | None = None
) -> list[Estimate]:
    """Return the violation rate per rule, app, segment and UTC window, in that order.

    Windows are aligned to midnight UTC, or, with `ending`, so that one of them ends there: "the last 24 hours".

    `grades`: unit_id, time, app, rule_id, verdict, inclusion_probability, user_id, session_id and the segment columns; where there
    are people, label, label_probability and contested (`monitor.store.verdicts.graded_units` says what they are); one row a unit
    and rule. `units`: one row a turn, graded or not, with time, app and the segment columns. A window of an
    app with no grade of a rule has no estimate; one with grades but no decisive verdict has an estimate without a value.
    """
    if grades.is_empty():
        return []
    span = parse_duration(settings.window)
    shift = timedelta(0) if ending is None else (naive_utc(ending) - EPOCH) % span
    whole = grades.with_columns(
        pl.lit(None, kind).alias(name) for name, kind in OF_PEOPLE.items() if name not in grades.columns
    )
    graded, turns = _in_windows(_with_clusters(whole), span, shift), _in_windows(units, span, shift)
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


@dataclass(frozen=True)
class Said:
    """What machine and people said of the turns of one rule in one window, as arrays; a row a turn.

    `verdict` and `label` are NULL (None) where nobody said anything that stands.
    """

    verdict: Texts
    probability: Floats
    label: Texts
    label_probability: Floats
    cluster: Ints
    contested: int

    @classmethod
    def of(cls, group: pl.DataFrame) -> Said:
        """Return what a group of rows says."""
        return cls(
            group["verdict"].to_numpy(),
            group["inclusion_probability"].cast(pl.Float64).fill_null(0.0).to_numpy(),
            group["label"].to_numpy(),
            group["label_probability"].cast(pl.Float64).fill_null(0.0).to_numpy(),
            group["cluster"].to_numpy(),
            int(group["contested"].sum()),
        )

    @property
    def machine(self) -> Bools:
        """Rows with a decisive verdict of a machine on a turn that a plan picked."""
        return np.isin(self.verdict, DECISIVE) & (self.probability > 0)

    @property
    def people(self) -> Bools:
        """Rows with a decisive label."""
        return np.isin(self.label, DECISIVE)

    @property
    def planned(self) -> Bools:
        """Rows with a decisive label on a turn that was picked for it with a known probability."""
        return self.people & (self.label_probability > 0)


def _rate(group: pl.DataFrame, confidence: float) -> dict[str, Any]:
    """The value, its bounds, the method's name and the counts of one rule in one window."""
    said = Said.of(group)
    counts = {"n_graded": int((said.machine | said.people).sum()), "n_human": int(said.people.sum())}
    left_out = _left_out(said)
    if said.machine.any():
        corrects = said.planned & (said.probability > 0) & (said.verdict != None)  # noqa: E711 - of an array
        told = _corrected(said, corrects, confidence) if corrects.sum() >= ENOUGH else _by_machine(said, confidence)
    elif said.planned.any():
        told = _by_people(said, confidence)
    else:
        return {"value": None, "low": None, "high": None, "method": f"no decisive verdict{left_out}", **counts}
    return {**told, "method": told["method"] + left_out, **counts}


def _by_machine(said: Said, confidence: float) -> dict[str, Any]:
    rows = said.machine
    told = _share(said.verdict[rows], said.probability[rows], said.cluster[rows], confidence)
    n = int(said.people.sum())
    return told | {"method": f"{told['method']}; rule-based grader, not corrected by human labels{_why_not(said, n)}"}


def _why_not(said: Said, n: int) -> str:
    if not n:
        return ""
    planned = int(said.planned.sum())
    if not planned:
        return f" ({n} of them, on turns that somebody chose)"
    return f" ({planned} of them on turns that a plan picked, {ENOUGH} are needed)"


def _by_people(said: Said, confidence: float) -> dict[str, Any]:
    rows = said.planned
    told = _share(said.label[rows], said.label_probability[rows], said.cluster[rows], confidence)
    return told | {"method": f"{told['method']}; human labels"}


def _share(verdicts: Texts, probability: Floats, clusters: Ints, confidence: float) -> dict[str, Any]:
    estimated = hajek(_violates(verdicts), probability, clusters)
    (low, high), interval = clustered_interval(estimated, confidence)
    return {"value": estimated.value, "low": low, "high": high, "method": f"hajek-{interval}, clustered by user"}


def _corrected(said: Said, corrects: Bools, confidence: float) -> dict[str, Any]:
    """The machine's verdicts as guesses, corrected by people's; where the machine could not tell, its mean is the guess."""
    guessed = (said.verdict != None) & (said.probability > 0)  # noqa: E711 - of an array
    mean = hajek(
        _violates(said.verdict[said.machine]), said.probability[said.machine], said.cluster[said.machine]
    ).value
    guess = np.where(said.machine, _violates(said.verdict), mean)[guessed]
    rows = np.flatnonzero(corrects[guessed])
    labelled = Labelled(rows, _violates(said.label[guessed][rows]), said.label_probability[guessed][rows])
    estimated = corrected(guess, said.probability[guessed], said.cluster[guessed], labelled)
    low, high = corrected_interval(estimated, confidence)
    value = min(1.0, max(0.0, estimated.value))
    method = f"difference, clustered by user; rule-based grader, corrected by {len(rows)} human labels"
    return {"value": value, "low": low, "high": high, "method": method}


def _violates(verdicts: Texts) -> Floats:
    violates: Floats = (verdicts == Verdict.VIOLATES).astype(np.float64)
    return violates


def _left_out(said: Said) -> str:
    """What entered no rate, by name: of the machine, and of people where they say what no machine does."""
    verdicts = said.verdict[said.probability > 0].tolist()
    counted = [(str(name), verdicts.count(name)) for name in Verdict if name not in DECISIVE]
    labels = said.label.tolist()
    counted += [(f"{name} by people", labels.count(name)) for name in Verdict if name not in DECISIVE]
    counted += [("on which people disagree", said.contested)]
    named = ", ".join(f"{n} {name}" for name, n in counted if n)
    return f"; left out: {named}" if named else ""
