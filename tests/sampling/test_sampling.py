"""The draw depends on seed and turn alone, and takes the share it says it takes."""

from datetime import UTC, datetime
from math import sqrt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.schema import SamplingSettings
from monitor.sampling import draw_samples, position

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def turns(n: int, app: str | None = "shop", start: int = 0) -> pl.DataFrame:
    ids = [f"{number:032x}" for number in range(start, start + n)]
    times = [datetime(2026, 11, 1, 12)] * n  # noqa: DTZ001 the store hands out naive UTC
    return pl.DataFrame({"unit_id": ids, "time": times, "app": [app] * n}, schema_overrides={"app": pl.String})


def drawn(frame: pl.DataFrame, settings: SamplingSettings) -> set[str]:
    return {sample.unit_id for sample in draw_samples(frame, settings, NOW)}


def test_same_seed_same_list() -> None:
    settings = SamplingSettings(rate=0.3)
    assert draw_samples(turns(500), settings, NOW) == draw_samples(turns(500), settings, NOW)


def test_another_seed_another_list() -> None:
    assert drawn(turns(500), SamplingSettings(rate=0.3, seed=1)) != drawn(
        turns(500), SamplingSettings(rate=0.3, seed=2)
    )


@given(st.permutations(range(60)), st.integers(1, 59))
def test_order_and_batches_do_not_matter(order: list[int], cut: int) -> None:
    settings = SamplingSettings(rate=0.4)
    whole = turns(60)
    mixed = whole[order]
    assert drawn(mixed[:cut], settings) | drawn(mixed[cut:], settings) == drawn(whole, settings)


def test_a_higher_rate_keeps_what_a_lower_one_drew() -> None:
    assert drawn(turns(2000), SamplingSettings(rate=0.1)) < drawn(turns(2000), SamplingSettings(rate=0.2))


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5, 0.9])
def test_the_share_drawn_is_the_rate(rate: float) -> None:
    n = 40_000
    share = len(draw_samples(turns(n), SamplingSettings(rate=rate), NOW)) / n
    assert abs(share - rate) < 4 * sqrt(rate * (1 - rate) / n)  # seeded: this cannot fail by chance


def test_the_weighted_total_is_unbiased() -> None:
    """Horvitz-Thompson over 200 seeds: the mean of sum(1/p) is the number of turns, within four standard errors."""
    n, rate, seeds = 300, 0.2, 200
    totals = [
        sum(
            1 / sample.inclusion_probability
            for sample in draw_samples(turns(n), SamplingSettings(rate=rate, seed=s), NOW)
        )
        for s in range(seeds)
    ]
    assert abs(sum(totals) / seeds - n) < 4 * sqrt(n * (1 - rate) / rate / seeds)


def test_draws_of_two_turns_are_independent() -> None:
    pairs = [(position("a" * 32, seed) < 0.5, position("b" * 32, seed) < 0.5) for seed in range(4000)]
    both = sum(one and other for one, other in pairs) / len(pairs)
    assert abs(both - 0.25) < 4 * sqrt(0.25 * 0.75 / len(pairs))


def test_an_app_is_a_stratum_with_its_own_rate() -> None:
    settings = SamplingSettings(rate=0.0, strata={"shop": 1.0})
    mixed = pl.concat([turns(10), turns(10, app="bank", start=100), turns(5, app=None, start=200)])
    samples = draw_samples(mixed, settings, NOW)
    assert {sample.stratum for sample in samples} == {"shop"}
    assert len(samples) == 10
    assert draw_samples(turns(1, app=None), SamplingSettings(), NOW)[0].stratum == "unknown"


@pytest.mark.parametrize(("rate", "n"), [(1.0, 50), (7.0, 50), (0.0, 0), (-1.0, 0)])
def test_all_and_nothing(rate: float, n: int) -> None:
    samples = draw_samples(turns(50), SamplingSettings(rate=rate), NOW)
    assert len(samples) == n
    assert all(sample.inclusion_probability == 1.0 for sample in samples)


def test_a_sample_says_why() -> None:
    (sample,) = draw_samples(turns(1), SamplingSettings(seed=5), NOW)
    assert sample.reason.endswith("is below the rate 1 of shop")
    assert sample.plan == "poisson:5"
    assert (sample.time, sample.drawn_at) == (datetime(2026, 11, 1, 12, tzinfo=UTC), NOW)


@given(st.text(), st.integers())
def test_positions_lie_in_the_unit_interval(unit_id: str, seed: int) -> None:
    assert 0 <= position(unit_id.encode("utf-8", "replace").decode(), seed) < 1
