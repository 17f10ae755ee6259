"""What users did before an experiment is taken out of it: narrower intervals, the same effect, and no effect taken out."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

from monitor.config.schema import ExperimentSettings
from monitor.experiments import compare_arms
from monitor.experiments.sums import added, reopened, unit_sums, with_past, without_past
from monitor.model.values import Comparison
from monitor.stats.confidence_sequence import compare_ratios, ratio_mean
from monitor.stats.cuped import Sums, adjusted
from monitor.stats.ranks import Floats

NOW = datetime(2026, 1, 10, tzinfo=UTC)
CAME = datetime(2026, 1, 5)  # noqa: DTZ001 the store keeps naive UTC


def users(rng: np.random.Generator, n: int, effect: float = 0.0, known: float = 1.0) -> Sums:
    """Users whose answers are as long as they were before, give or take; some are heavy."""
    usual = rng.normal(10.0, 3.0, n)
    now, before = rng.poisson(3, n) + 1.0, np.where(rng.random(n) < known, rng.poisson(3, n) + 1.0, 0.0)
    later, earlier = (rng.normal(0.0, 2.0, n) * np.sqrt(counts) for counts in (now, before))
    sides = (now, (usual + effect) * now + later, before, usual * before + earlier)
    return Sums(*(np.asarray(values, dtype=np.float64) for values in sides))


def test_the_interval_is_narrower_and_the_effect_the_same_on_average() -> None:
    rng = np.random.default_rng(1)
    widths, effects = [], []
    for _ in range(200):
        sides = users(rng, 400), users(rng, 400, 1.0)
        fair = adjusted(*sides)
        assert fair is not None
        found = compare_ratios(*fair, 0.05)
        control, arm = (ratio_mean(side.n, side.total) for side in sides)
        bare = compare_ratios(control, arm, 0.05)
        widths.append(found.standard_error / bare.standard_error)
        effects.append((found.effect - 1.0) / found.standard_error)
    assert np.mean(widths) < 0.8
    assert abs(np.mean(effects)) < 0.25
    assert 0.85 < np.std(effects) < 1.15


def test_without_a_past_nothing_is_taken_out() -> None:
    rng = np.random.default_rng(2)
    assert adjusted(users(rng, 400, known=0.05), users(rng, 400)) is None
    still = Sums(np.ones(80), np.arange(80.0), np.ones(80), np.ones(80))
    assert adjusted(still, still) is None


def readout(sides: tuple[Sums, Sums]) -> Comparison:
    frames = [
        pl.DataFrame(
            {"experiment": "tone", "arm": arm, "metric": "output_chars", "unit": [f"{arm}{i}" for i in range(len(s.n))]}
        ).with_columns(n=s.n, total=s.total, past_n=s.past_n, past_total=s.past_total)
        for arm, s in zip("AB", sides, strict=True)
    ]
    [found] = compare_arms(pl.concat(frames), ExperimentSettings(), NOW)
    return found


def test_a_readout_says_what_was_taken_out() -> None:
    rng = np.random.default_rng(4)
    found = readout((users(rng, 300), users(rng, 300)))
    assert "what users did before is taken out (known of 600 of 600), which leaves" in found.reason
    assert "before" not in readout((users(rng, 300, known=0.0), users(rng, 300, known=0.0))).reason


def turns(at: Floats, user: str, arm: str | None) -> pl.DataFrame:
    days = [CAME.replace(day=int(day)) for day in at]
    named = {"app": "shop", "user_id": user, "session_id": None, "experiment": arm and "tone", "variant": arm}
    return pl.DataFrame({"unit_id": [f"{user}{day}" for day in at], "time": days, "error": 0.0}).with_columns(
        pl.lit(value, pl.String).alias(name) for name, value in named.items()
    )


def test_a_past_that_comes_late_is_looked_up_again() -> None:
    known = with_past(unit_sums(turns(np.array([5, 6]), "kim", "A")), pl.DataFrame(schema=FOUND))
    assert without_past(known).is_empty()
    assert known["past_n"].to_list() == [0]
    later = reopened(known, turns(np.array([7]), "kim", None))
    assert later.equals(known)
    late = reopened(known, turns(np.array([3]), "kim", None))
    [row] = without_past(late).to_dicts()
    assert (row["unit"], row["since"].day) == ("kim", 5)
    assert added(late, unit_sums(turns(np.array([8]), "kim", "A")))["past_n"].to_list() == [None]


FOUND = {
    "app": pl.String,
    "experiment": pl.String,
    "unit": pl.String,
    "metric": pl.String,
    "past_n": pl.Int64,
    "past_total": pl.Float64,
}
