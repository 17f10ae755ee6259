from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from monitor.config.schema import EstimateSettings
from monitor.estimates import estimate_rates
from monitor.stats.erring import Errors, Often

DAY = datetime(2026, 1, 5)  # noqa: DTZ001 the store keeps naive UTC
DAILY = EstimateSettings()


def grades(verdicts: list[str], **columns: Any) -> pl.DataFrame:
    n = len(verdicts)
    base = {
        "unit_id": [f"u{i}" for i in range(n)],
        "time": [DAY + timedelta(minutes=i) for i in range(n)],
        "app": ["support"] * n,
        "rule_id": ["no-secrets"] * n,
        "verdict": verdicts,
        "grader": ["secret"] * n,
        "inclusion_probability": [1.0] * n,
        "user_id": [None] * n,
        "session_id": [None] * n,
        "environment": ["prod"] * n,
    }
    kinds: dict[str, Any] = {"time": pl.Datetime("us"), "user_id": pl.String, "session_id": pl.String}
    return pl.DataFrame({**base, **columns}, schema_overrides=kinds)


def test_a_rate_has_its_interval_its_counts_and_the_name_of_its_method() -> None:
    rows = grades(["violates"] * 10 + ["complies"] * 90)
    [rate] = estimate_rates(rows, rows, DAILY)
    assert (rate.value, rate.n_units, rate.n_graded, rate.n_human) == (0.1, 100, 100, 0)
    assert (round(rate.low or 0, 4), round(rate.high or 0, 4)) == pytest.approx((0.0552, 0.1744), abs=1e-3)
    assert rate.method == "hajek-wilson, clustered by user; rule-based grader, not corrected by human labels"
    assert (rate.rule_id, rate.app, rate.segment, rate.confidence) == ("no-secrets", "support", "all", 0.95)


@pytest.mark.parametrize("window", ["1d", "1h", "6h"])
def test_windows_are_aligned_in_utc_and_share_no_unit(window: str) -> None:
    rows = grades(["complies"] * 3000)
    rates = estimate_rates(rows, rows, EstimateSettings(window=window))
    assert sum(rate.n_units for rate in rates) == 3000
    span = rates[0].window_end - rates[0].window_start
    for rate in rates:
        assert (rate.window_start - datetime(1970, 1, 1, tzinfo=UTC)) % span == timedelta(0)
    assert all(a.window_end == b.window_start for a, b in itertools.pairwise(rates))


def test_what_could_not_be_judged_is_counted_and_is_not_a_pass() -> None:
    rows = grades(["violates"] * 6 + ["complies"] * 6 + ["borderline"] * 5 + ["cannot_judge"] * 3 + ["not_graded"])
    [rate] = estimate_rates(rows, rows, DAILY)
    assert (rate.value, rate.n_graded, rate.n_units) == (0.5, 12, 21)
    assert rate.method.endswith("; left out: 5 borderline, 3 cannot_judge, 1 not_graded")


def test_without_a_decisive_verdict_the_rate_is_unknown_not_zero() -> None:
    rows = grades(["cannot_judge", "not_graded"])
    [rate] = estimate_rates(rows, rows, DAILY)
    assert (rate.value, rate.low, rate.high, rate.n_graded) == (None, None, None, 0)
    assert rate.method.startswith("no decisive verdict")


def test_units_nobody_graded_count_as_traffic_only() -> None:
    rows = grades(["complies"] * 40)
    [rate] = estimate_rates(rows.head(10), rows, DAILY)
    assert (rate.n_units, rate.n_graded) == (40, 10)


def test_a_unit_drawn_with_a_quarter_counts_for_four() -> None:
    rows = grades(["violates"] * 10 + ["complies"] * 10, inclusion_probability=[1.0] * 10 + [0.25] * 10)
    [rate] = estimate_rates(rows, rows, DAILY)
    assert rate.value == pytest.approx(10 / 50)


@pytest.mark.parametrize("column", ["user_id", "session_id"])
def test_many_answers_of_one_user_are_one_witness(column: str) -> None:
    verdicts = ["violates"] * 50 + ["complies"] * 150
    alone = grades(verdicts)
    chatty = grades(verdicts, **{column: [f"p{i // 25}" for i in range(200)]})
    (free,), (tied,) = (estimate_rates(rows, rows, DAILY) for rows in (alone, chatty))
    assert free.value == tied.value
    assert (tied.high or 0) - (tied.low or 0) > 2 * ((free.high or 0) - (free.low or 0))


def test_segments_are_published_beside_the_whole_and_unknown_values_only_in_the_whole() -> None:
    places: list[str | None] = [*["prod"] * 60, *["test"] * 30, *[None] * 10]
    rows = grades(["complies"] * 60 + ["violates"] * 30 + ["complies"] * 10, environment=places)
    rates = {r.segment: r for r in estimate_rates(rows, rows, EstimateSettings(segments=("environment", "nonsense")))}
    assert {name: rate.n_units for name, rate in rates.items()} == {
        "all": 100,
        "environment=prod": 60,
        "environment=test": 30,
    }
    assert rates["environment=test"].value == 1.0
    assert "exact" in rates["environment=test"].method


def labelled(rows: pl.DataFrame, labels: dict[int, str], probability: float | None) -> pl.DataFrame:
    """The same rows where people said `labels` of some turns, picked for it with `probability`."""
    said = [labels.get(number) for number in range(rows.height)]
    known = [probability if label else None for label in said]
    kinds = {"label": pl.String, "label_probability": pl.Float64}
    return rows.with_columns(pl.DataFrame({"label": said, "label_probability": known}, kinds)).with_columns(
        contested=False
    )


def test_labels_of_picked_turns_correct_the_rate_and_are_named() -> None:
    """The machine says that 10 of 200 violate; people looked at every fifth and found 4 violations that it missed."""
    rows = grades(["violates"] * 10 + ["complies"] * 190)
    labels = {number: "violates" if number < 30 else "complies" for number in range(0, 200, 5)}
    [rate] = estimate_rates(labelled(rows, labels, 0.2), rows, DAILY)
    assert rate.value == pytest.approx(0.05 + 4 / 40)
    assert (rate.n_graded, rate.n_human) == (200, 40)
    assert rate.low is not None
    assert rate.high is not None
    assert 0 <= rate.low < 0.15 < rate.high
    assert rate.method == "difference, clustered by user; rule-based grader, corrected by 40 human labels"


def test_labels_of_chosen_turns_are_counted_and_correct_nothing() -> None:
    rows = grades(["violates"] * 10 + ["complies"] * 190)
    labels = dict.fromkeys(range(100, 140), "violates")
    [rate] = estimate_rates(labelled(rows, labels, None), rows, DAILY)
    assert (rate.value, rate.n_human) == (0.05, 40)
    assert "not corrected by human labels (40 of them, on turns that somebody chose)" in rate.method


def test_too_few_labels_correct_nothing_yet() -> None:
    rows = grades(["violates"] * 10 + ["complies"] * 190)
    [rate] = estimate_rates(labelled(rows, dict.fromkeys(range(19), "violates"), 0.1), rows, DAILY)
    assert (rate.value, rate.n_human) == (0.05, 19)
    assert "19 of them on graded turns that a plan picked, 20 are needed" in rate.method


def test_labels_of_turns_that_no_grader_was_given_are_not_told_as_if_they_corrected() -> None:
    share = [1.0 if number % 2 else 0.0 for number in range(200)]
    rows = grades(["violates"] * 10 + ["complies"] * 190, inclusion_probability=share)
    [rate] = estimate_rates(labelled(rows, dict.fromkeys(range(34), "violates"), 0.1), rows, DAILY)
    assert rate.n_human == 34
    assert "(17 of them on graded turns that a plan picked, 20 are needed)" in rate.method


def test_what_only_people_judge_is_estimated_from_their_labels() -> None:
    rows = grades(["cannot_judge"] * 100)
    [rate] = estimate_rates(
        labelled(rows, {n: "violates" if n < 5 else "complies" for n in range(25)}, 0.25), rows, DAILY
    )
    assert rate.value == pytest.approx(0.2)
    assert rate.method == "hajek-exact, clustered by user; human labels; left out: 100 cannot_judge"


def test_the_errors_of_people_are_in_a_rate_that_their_labels_correct() -> None:
    """People who call one answer in ten a violation that is none find 10 % where nothing is wrong."""
    rows = grades(["complies"] * 1000)
    labels = {number: "violates" if number % 50 == 0 else "complies" for number in range(0, 1000, 5)}
    said = labelled(rows, labels, 0.2).with_columns(first_label="label")
    alarms = Errors(Often(0.1, 0.06, 0.15), Often(0.1, 0.03, 0.3), 200)
    (plain,), (told,) = (estimate_rates(said, rows, DAILY, errors=errors) for errors in (None, alarms))
    assert plain.value == pytest.approx(0.1)
    assert told.value == pytest.approx(0.0)
    assert told.high is not None
    assert 0.02 < told.high < 0.2
    assert "200 human labels, whose own errors (200 judgements tell of them) are reckoned in" in told.method
    few = replace(alarms, n=29)
    assert estimate_rates(said, rows, DAILY, errors=few) == [plain], "too few to know"
    unlabelled = estimate_rates(rows, rows, DAILY, errors=alarms)
    assert unlabelled == estimate_rates(rows, rows, DAILY), "a machine's verdicts have other errors"


def test_turns_on_which_people_disagree_are_named() -> None:
    rows = grades(["complies"] * 50).with_columns(contested=pl.int_range(pl.len()) < 3)
    [rate] = estimate_rates(rows, rows, DAILY)
    assert rate.method.endswith("; left out: 3 on which people disagree")


def test_a_few_labels_that_agree_are_no_proof() -> None:
    rows = grades(["complies"] * 1000)
    [rate] = estimate_rates(labelled(rows, dict.fromkeys(range(0, 1000, 25), "complies"), 1 / 25), rows, DAILY)
    assert rate.value == 0
    assert (rate.high or 0) > 0.05


def test_nothing_graded_is_no_estimate() -> None:
    rows = grades(["complies"])
    assert estimate_rates(rows.clear(), rows, DAILY) == []


def test_the_order_of_the_rows_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    verdicts = rng.choice(["violates", "complies", "borderline"], 300).tolist()
    rows = grades(verdicts, rule_id=rng.choice(["a", "b"], 300), user_id=rng.choice(["x", "y", "z"], 300).tolist())
    assert estimate_rates(rows, rows, DAILY) == estimate_rates(
        rows.sample(fraction=1, shuffle=True, seed=2), rows, DAILY
    )


def test_a_rate_of_a_judge_says_whether_people_have_checked_it() -> None:
    rows = grades(["violates"] * 20 + ["complies"] * 180, belief=[0.9] * 20 + [0.1] * 180)
    [alone] = estimate_rates(rows, rows, DAILY)
    assert alone.value == 0.1
    assert alone.method == "hajek-wilson, clustered by user; graded by a judge, not yet checked by people"
    [few] = estimate_rates(labelled(rows, dict.fromkeys(range(7), "violates"), 0.1), rows, DAILY)
    assert few.method.endswith("not yet checked by people (7 labels on graded turns that a plan picked, 20 are needed)")
    labels = {number: "violates" if number < 20 else "complies" for number in range(0, 200, 4)}
    [checked] = estimate_rates(labelled(rows, labels, 0.25), rows, DAILY)
    assert checked.method == "difference, clustered by user; graded by a judge, corrected by 50 human labels"


def test_what_a_judge_believes_is_more_than_its_word() -> None:
    """A judge that says "complies" of all and is unsure where something is wrong narrows a rate by its belief alone."""
    verdicts = ["complies"] * 1400
    belief = [0.45 if number % 10 == 0 else 0.05 for number in range(1400)]
    labels = {number: "violates" if number % 10 == 0 else "complies" for number in range(350)}
    rows = labelled(grades(verdicts), labels, 0.25)
    (word,), (sure,) = (
        estimate_rates(said, rows, DAILY) for said in (rows, rows.with_columns(belief=pl.Series(belief)))
    )
    assert word.value == pytest.approx(sure.value)
    assert (sure.high or 0) - (sure.low or 0) < 0.8 * ((word.high or 0) - (word.low or 0))
