from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.stats.edetector import BETS, Band, advance, no_evidence, onset
from monitor.stats.ranks import FUNCTIONS, mid_ranks, rank_functions


def a_band(low: float = 0.1, high: float = 0.2) -> Band:
    return Band(np.array([low]), np.array([high]))


def textbook(values: list[float], low: float, high: float) -> list[float]:
    """The recurrences of the paper, one number at a time."""
    up, down, path = [0.0] * len(BETS), [0.0] * len(BETS), []
    for x in values:
        up = [(u + 1) * (1 + g / high * (x - high)) for u, g in zip(up, BETS, strict=True)]
        down = [(d + 1) * (1 - g / (1 - low) * (x - low)) for d, g in zip(down, BETS, strict=True)]
        path.append((sum(up) / len(up) + sum(down) / len(down)) / 2)
    return path


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_it_is_the_recurrence_of_the_paper(values: list[float]) -> None:
    step = advance(no_evidence(1), np.array(values)[:, None], a_band(), np.inf)
    assert step.e_value == pytest.approx(textbook(values, 0.1, 0.2)[-1], rel=1e-9)


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=40), st.integers(1, 39), st.floats(1, 1e3))
def test_how_the_values_are_cut_into_batches_does_not_matter(values: list[float], cut: int, threshold: float) -> None:
    whole = advance(no_evidence(1), np.array(values)[:, None], a_band(), threshold)
    cut = min(cut, len(values) - 1)
    first = advance(no_evidence(1), np.array(values[:cut])[:, None], a_band(), threshold)
    used, last = first.used, first
    if not first.alarm:
        last = advance(json.loads(json.dumps(first.evidence)), np.array(values[cut:])[:, None], a_band(), threshold)
        used += last.used
    assert (last.alarm, used) == (whole.alarm, whole.used)
    assert last.e_value == pytest.approx(whole.e_value)


def test_the_alarm_stops_at_the_crossing_and_not_before() -> None:
    values = np.array([0.0] * 700 + [1.0] * 30)[:, None]
    step = advance(no_evidence(1), values, a_band(0.0, 0.2), 1e4)
    assert step.alarm
    assert 700 < step.used <= 712
    assert textbook(values[: step.used, 0].tolist(), 0.0, 0.2)[-1] == pytest.approx(step.e_value)
    assert textbook(values[: step.used - 1, 0].tolist(), 0.0, 0.2)[-1] < 1e4


def test_a_fall_is_found_as_well_as_a_rise() -> None:
    step = advance(no_evidence(1), np.zeros((200, 1)), a_band(0.3, 0.5), 1e4)
    assert step.alarm
    assert step.used < 40


@pytest.mark.parametrize("band", [a_band(0.0, 1.0), a_band(0.0, 1e-12), a_band(1.0, 1.0), a_band(0.0, 0.0)])
def test_extreme_bands_and_endless_evidence_stay_numbers(band: Band) -> None:
    for value in (0.0, 1.0):
        step = advance(no_evidence(1), np.full((3000, 1), value), band, np.inf)
        assert np.isfinite(step.evidence).all()
        assert np.isfinite(step.e_value)
        json.dumps(step.evidence, allow_nan=False)


def test_evidence_of_many_functions_that_is_too_large_to_add_up_is_an_alarm_without_a_warning() -> None:
    """Seven equal statistics are numbers yet while their sum is none; warnings are errors here."""
    band = Band(np.full(7, 0.4), np.full(7, 0.5))
    step = advance(no_evidence(7), np.ones((1500, 7)), band, np.inf)
    assert step.alarm
    assert np.isfinite(step.e_value)


def test_no_values_change_nothing() -> None:
    step = advance([[1.0] * 24], np.zeros((0, 1)), a_band(), 1e4)
    assert step.evidence == [[1.0] * 24]
    assert not step.alarm
    assert step.used == 0


@pytest.mark.parametrize("mean", [0.1, 0.15, 0.2])
def test_the_mean_evidence_is_at_most_the_number_of_outputs(mean: float) -> None:
    """M - t is a supermartingale: over coins with a mean in the band, edges included, E[M] <= t."""
    rng = np.random.default_rng(11)
    ends = [
        advance(no_evidence(1), (rng.random((30, 1)) < mean).astype(float), a_band(), np.inf).e_value
        for _ in range(3000)
    ]
    assert np.mean(ends) <= 30 * 1.15


@pytest.mark.parametrize(("before", "after"), [(0.1, 0.5), (0.6, 0.1), (0.1, 0.25)])
def test_the_start_of_a_change_is_where_it_was_made(before: float, after: float) -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(60):
        values = np.concatenate((rng.random(400) < before, rng.random(120) < after)).astype(float)[:, None]
        found = onset(values, Band(np.array([before - 0.03]), np.array([before + 0.03])))
        inside += found.low <= 400 <= found.high
        assert found.low <= found.best <= found.high
        assert found.direction == (1 if after > before else -1)
    assert inside >= 54


def test_the_function_that_moved_is_named() -> None:
    rng = np.random.default_rng(2)
    reference = np.sort(rng.normal(0, 1, 500))
    values = rank_functions(mid_ranks(reference, np.concatenate((rng.normal(0, 1, 300), rng.normal(0, 3, 60)))))
    means = rank_functions(mid_ranks(reference, reference)).mean(axis=0)
    found = onset(values, Band(means - 0.05, means + 0.05))
    assert FUNCTIONS[found.function] in {"spread", "top tenth", "bottom tenth"}
    assert found.low <= 300 <= found.high
    assert found.high - found.low < 80


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50), st.lists(st.floats(-1e9, 1e9), max_size=50))
def test_ranks_lie_in_zero_to_one_and_keep_the_order(reference: list[float], values: list[float]) -> None:
    ranks = mid_ranks(np.sort(reference), sorted(values))
    assert ((ranks >= 0) & (ranks <= 1)).all()
    assert (np.diff(ranks) >= 0).all()
    assert rank_functions(ranks).shape == (len(values), 7)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_the_mean_rank_of_the_reference_in_itself_is_one_half(values: list[int]) -> None:
    assert mid_ranks(np.sort(np.array(values, dtype=float)), values).mean() == pytest.approx(0.5)
