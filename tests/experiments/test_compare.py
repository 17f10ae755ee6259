from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.schema import ExperimentSettings, MetricSettings
from monitor.experiments import compare_arms
from monitor.model.values import Comparison
from monitor.stats.confidence_sequence import compare_ratios, ratio_mean

NOW = datetime(2026, 1, 10, tzinfo=UTC)


def arm(name: str, users: int, mean: float, metric: str = "rule:x", seed: int = 0, first: int = 0) -> pl.DataFrame:
    """Users of one arm with about three outputs each; the metric is 0 or 1 with the given mean."""
    rng = np.random.default_rng([seed, users, first])
    n = rng.poisson(2, users) + 1
    return pl.DataFrame(
        {
            "experiment": "tone",
            "arm": name,
            "metric": metric,
            "unit": [f"{name}-{first + i}" for i in range(users)],
            "n": n,
            "total": rng.binomial(n, mean).astype(float),
        }
    )


def compare(*parts: pl.DataFrame, **options: object) -> list[Comparison]:
    return compare_arms(pl.concat(parts), ExperimentSettings(**options), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metric", "low", "high", "decision"),
    [
        ("rule:x", 0.3, 0.1, "better"),
        ("rule:x", 0.1, 0.3, "worse"),
        ("error", 0.3, 0.1, "better"),
        ("duration_ms", 0.1, 0.3, "worse"),
        ("cost_usd", 0.1, 0.3, "worse"),
        ("score:thumbs", 0.1, 0.3, "better"),
        ("score:thumbs", 0.3, 0.1, "worse"),
        ("output_chars", 0.1, 0.3, "differs"),
        ("rule:x", 0.2, 0.2, "undecided"),
    ],
)
def test_a_difference_is_called_by_what_is_good_for_the_metric(
    metric: str, low: float, high: float, decision: str
) -> None:
    [found] = compare(arm("a", 1500, low, metric), arm("b", 1500, high, metric))
    assert (found.control, found.arm, found.decision) == ("a", "b", decision)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= (found.effect or 0) <= found.high


def test_the_reason_names_effect_interval_users_and_what_more_users_would_bring() -> None:
    [found] = compare(arm("a", 1000, 0.3), arm("b", 990, 0.1))
    assert (found.n_control, found.n_arm) == (1000, 990)
    assert found.effect is not None
    for part in (
        f"{100 * found.effect:+.4g} points",
        "% in b",
        "990 and 1000 users",
        "more users would halve the width",
        "clustered by user",
    ):
        assert part in found.reason


def test_alpha_is_shared_by_all_metrics_and_arms() -> None:
    alone = compare(arm("a", 500, 0.2), arm("b", 500, 0.2))[0]
    several = [arm(name, 500, 0.2, metric) for name in "abc" for metric in ("rule:x", "rule:y", "error")]
    shared = compare(*several)
    assert len(shared) == 6
    assert "error 0.05 shared by 6 comparisons" in shared[0].reason
    assert "error 0.05 shared by 1 comparison;" in f"{alone.reason};"
    one = next(c for c in shared if (c.metric, c.arm) == ("rule:x", "b"))
    assert (one.high or 0) - (one.low or 0) > ((alone.high or 0) - (alone.low or 0)) * 1.1


def test_a_lopsided_split_blocks_the_readout() -> None:
    [found] = compare(arm("a", 3000, 0.1), arm("b", 2400, 0.5))
    assert (found.decision, found.effect) == ("blocked", None)
    assert "a 3000 : b 2400" in found.reason
    assert "50 % : 50 %" in found.reason


def test_a_lopsided_split_that_was_designed_is_read() -> None:
    [found] = compare(arm("a", 3000, 0.1), arm("b", 600, 0.5), split={"tone": {"a": 5, "b": 1}})
    assert found.decision == "worse"


def test_an_arm_that_nobody_designed_blocks_and_says_where_to_add_it() -> None:
    [found] = compare(arm("a", 50, 0.1), arm("b", 50, 0.1), split={"tone": {"a": 1}})
    assert found.decision == "blocked"
    assert "experiments.split" in found.reason


def test_a_designed_arm_without_any_user_is_a_mismatch() -> None:
    design = {"tone": {"a": 1.0, "b": 1.0, "c": 1.0}}
    found = compare(arm("a", 500, 0.1), arm("b", 500, 0.1), split=design)
    assert [c.decision for c in found] == ["blocked"]
    assert "c 0" in found[0].reason


def test_users_of_two_arms_are_left_out_and_reported() -> None:
    both = arm("b", 200, 1.0).with_columns(unit=pl.format("a-{}", pl.int_range(200)))
    [found] = compare(arm("a", 1000, 0.2), arm("b", 800, 0.2, first=5000), both)
    assert (found.n_control, found.n_arm) == (800, 800)
    assert found.decision == "undecided"
    assert "200 users seen in two arms and left out" in found.reason


def test_too_few_users_is_undecided_with_no_number() -> None:
    [found] = compare(arm("a", 29, 0.0), arm("b", 35, 1.0))
    assert (found.decision, found.effect, found.low) == ("undecided", None, None)
    assert "29 in a, 35 in b, 30 needed" in found.reason


def test_the_control_can_be_named_and_is_the_first_arm_otherwise() -> None:
    parts = (arm("new", 100, 0.1), arm("old", 100, 0.1))
    assert compare(*parts)[0].control == "new"
    assert compare(*parts, control={"tone": "old"})[0].control == "old"


@pytest.mark.parametrize("ignored", ["tone", "rule:x"])
def test_ignored_experiments_and_metrics_are_not_read(ignored: str) -> None:
    assert compare(arm("a", 100, 0.1), arm("b", 100, 0.1), ignore=(ignored,)) == []


def test_an_arm_alone_is_no_comparison_and_no_rows_are_none() -> None:
    assert compare(arm("a", 100, 0.1)) == []
    assert compare(arm("a", 100, 0.1).clear()) == []


def test_a_broken_sum_does_not_spoil_the_others() -> None:
    broken = arm("b", 1, 0.5, first=900).with_columns(total=pl.lit(float("nan")))
    [found] = compare(arm("a", 200, 0.2), arm("b", 200, 0.2), broken)
    assert (found.n_arm, found.decision) == (200, "undecided")


def test_a_metric_that_never_varies_gets_no_interval() -> None:
    """Nothing seen in 200 users is not the knowledge that there is nothing: an interval of width zero would say so."""
    [found] = compare(arm("a", 100, 0.0), arm("b", 100, 0.0))
    assert (found.effect, found.low, found.high, found.decision) == (None, None, None, "undecided")
    assert "no variation" in found.reason


def test_an_arm_in_which_nothing_was_seen_is_not_known_to_be_without_it() -> None:
    """None of thirty users is a rate of up to a third, at the error of a look: the other arm may be like that."""
    [found] = compare(arm("a", 120, 0.06), arm("b", 30, 0.0))
    assert (found.effect or 0) < 0
    assert found.decision == "undecided"
    assert compare(arm("a", 2000, 0.06), arm("b", 2000, 0.0))[0].decision == "better"


def test_experiments_do_not_mix() -> None:
    other = pl.concat([arm("a", 50, 0.1), arm("z", 50, 0.9)]).with_columns(experiment=pl.lit("length"))
    found = compare(arm("a", 40, 0.1), arm("b", 40, 0.1), other)
    assert [(c.experiment, c.arm) for c in found] == [("length", "z"), ("tone", "b")]


@pytest.mark.parametrize(
    ("metric", "decision"),
    [
        ("score:toxicity", "worse"),
        ("score:hallucination_rate", "worse"),
        ("score:helpful", "better"),
        ("score:warmth", "differs"),
        ("score:non_toxic", "differs"),
        ("score:harmRefusal", "differs"),
    ],
)
def test_a_score_is_better_only_where_its_direction_is_known_or_assumed_from_its_name(
    metric: str, decision: str
) -> None:
    [found] = compare(arm("a", 1500, 0.1, metric), arm("b", 1500, 0.3, metric))
    assert found.decision == decision
    assert ("is assumed from its name" in found.reason) == (decision != "differs")
    assert ("is not declared" in found.reason) == (decision == "differs")


def judged(metrics: dict[str, MetricSettings], *parts: pl.DataFrame) -> list[Comparison]:
    return compare_arms(pl.concat(parts), ExperimentSettings(), NOW, metrics)


def test_a_declared_direction_wins_over_the_name() -> None:
    parts = (arm("a", 1500, 0.1, "score:toxicity"), arm("b", 1500, 0.3, "score:toxicity"))
    assert judged({"toxicity": MetricSettings(better="higher")}, *parts)[0].decision == "better"
    assert judged({"score:toxicity": MetricSettings(better="neither")}, *parts)[0].decision == "differs"


def both(*of_metrics: tuple[str, float, float]) -> list[pl.DataFrame]:
    return [arm(name, 2000, mean, m) for m, *means in of_metrics for name, mean in zip("ab", means, strict=True)]


def test_an_arm_that_is_more_toxic_never_wins() -> None:
    primary = {"helpful": MetricSettings(better="higher", role="primary")}
    found = judged(primary, *both(("score:helpful", 0.5, 0.8), ("score:toxicity", 0.1, 0.3)))
    assert {c.metric: c.decision for c in found} == {"score:helpful": "better", "score:toxicity": "worse"}
    assert all(c.reason.startswith("Stop b: score toxicity is worse than in a. ") for c in found)


@pytest.mark.parametrize(
    ("declared", "means", "start"),
    [
        (MetricSettings(role="primary"), (0.3, 0.5), "Ship b: score helpful is better than in a and no guardrail"),
        (MetricSettings(role="primary"), (0.5, 0.3), "Stop b: score helpful is worse than in a"),
        (MetricSettings(role="primary"), (0.3, 0.3), "Keep running b: score helpful is undecided"),
        (MetricSettings(role="primary", smallest=0.01), (0.3, 0.3), "Keep running b: about "),
        (MetricSettings(role="primary", smallest=0.2), (0.3, 0.3), "Stop b: a difference of 0.2 or more"),
        (
            MetricSettings(role="primary", better="neither"),
            (0.3, 0.5),
            "Nothing is recommended for b: score helpful differs",
        ),
        (MetricSettings(), (0.3, 0.5), "Nothing is recommended for b: no primary metric is declared"),
    ],
)
def test_the_reason_begins_with_what_to_do(declared: MetricSettings, means: tuple[float, float], start: str) -> None:
    [found] = judged({"helpful": declared}, *both(("score:helpful", *means)))
    assert found.reason.startswith(start)


def test_the_users_that_are_still_needed_are_enough() -> None:
    goal = {"helpful": MetricSettings(role="primary", smallest=0.015)}
    [found] = judged(goal, *both(("score:helpful", 0.3, 0.3)))
    more = int(found.reason.split("about ")[1].split()[0].replace(",", ""))
    half = (2000 + more // 2, 0.3, "score:helpful")
    [later] = judged(goal, arm("a", *half), arm("b", *half))
    assert ((later.high or 0) - (later.low or 0)) / 2 == pytest.approx(0.015, rel=0.07)


def test_an_interval_of_a_share_lies_inside_what_is_possible_however_heavy_a_user_is() -> None:
    heavy = arm("b", 1, 0.9, first=900).with_columns(n=pl.lit(600, pl.Int64), total=pl.lit(540.0))
    [found] = compare(arm("a", 200, 0.05), arm("b", 200, 0.05), heavy)
    assert found.decision == "undecided"
    assert -1 < (found.low or 0) < (found.high or 0) < 1


def test_bounds_that_a_user_breaks_are_no_bounds() -> None:
    bounds = {"stars": MetricSettings(bounds=(0.0, 1.0))}
    parts = [p.with_columns(total=pl.col("n") * 4.0 + pl.col("total")) for p in both(("score:stars", 0.2, 0.3))]
    [found] = judged(bounds, *parts)
    assert (found.high or 0) > (found.low or 0)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 300), st.floats(0, 1)), min_size=2, max_size=40))
def test_intervals_of_shares_never_leave_minus_one_to_one(users: list[tuple[int, float]]) -> None:
    counts = [n for n, _ in users]
    sides = [ratio_mean(counts, [n * (x if way else 1 - x) for n, x in users]) for way in (0, 1)]
    low, high = compare_ratios(sides[0], sides[1], 0.05, (0.0, 1.0)).interval
    assert -1 <= low <= sides[1].value - sides[0].value + 1e-9
    assert sides[1].value - sides[0].value - 1e-9 <= high <= 1
