"""Like is compared with like: weekends and nights are no change, and a change on a Saturday is."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from monitor.config.schema import DriftSettings
from monitor.drift.calendar import PARTS, Calendar, add, part_means, parts_of_week, seen
from tests.drift.traffic import START, Watch, turns
from tests.statistics.house_years import SCENARIOS, Scenario, year

MONDAY_MS = int((datetime(2026, 1, 5) - datetime(1970, 1, 1)).total_seconds() * 1000)  # noqa: DTZ001 - as stored
HOUR_MS = 3_600_000


def fed(scenario: Scenario, days: int, changed_from: int, settings: DriftSettings | None = None) -> Watch:
    """Traffic in which refusals rise by 30 points on day `changed_from`."""
    watch, rng = Watch(settings), np.random.default_rng(3)
    for day, batch in enumerate(year(scenario, 5, days=days)):
        more = pl.Series(rng.random(batch.height) < 0.3).cast(pl.Float64) * float(day >= changed_from)
        watch.feed(batch.with_columns((pl.col("rule:refusal") + more).clip(0, 1).alias("rule:refusal")))
    return watch


def test_every_weekend_differs_and_is_no_finding() -> None:
    assert fed(SCENARIOS["weekly cycle"], 35, 99).findings == []


def test_without_a_week_the_same_traffic_is_a_finding_a_weekend() -> None:
    assert len(fed(SCENARIOS["weekly cycle"], 21, 99, DriftSettings(timezone="none")).findings) >= 2


@pytest.mark.parametrize("day", [30, 33])
def test_a_change_is_found_on_a_wednesday_and_on_a_saturday(day: int) -> None:
    found = [f for f in fed(SCENARIOS["weekly cycle"], day + 3, day).findings if f.metric == "rule:refusal"]
    assert found
    start = datetime(2025, 1, 6) + timedelta(days=day)  # noqa: DTZ001 - as stored
    assert found[0].since_low.replace(tzinfo=None) <= start + timedelta(hours=12)
    assert found[0].since_high.replace(tzinfo=None) >= start
    assert found[0].detected_at.replace(tzinfo=None) <= start + timedelta(days=3)


def test_no_evidence_accrues_on_the_first_weekend() -> None:
    """Five days of reference know no weekend: that this one differs is no news."""
    assert fed(SCENARIOS["weekly cycle"], 7, 5).findings == []


def test_parts_are_those_of_the_clocks_in_the_zone() -> None:
    hours = MONDAY_MS + np.arange(7 * 24) * HOUR_MS
    assert parts_of_week(hours, "UTC").tolist() == np.repeat(np.arange(PARTS), 3).tolist()
    assert parts_of_week(hours[:1], "America/New_York").tolist() == [PARTS - 2]
    summer = int((datetime(2026, 7, 6, 23) - datetime(1970, 1, 1)).total_seconds() * 1000)  # noqa: DTZ001 - as stored
    assert parts_of_week(np.array([summer]), "Europe/Berlin").tolist() == [8]
    assert parts_of_week(hours, "none").max() == 0


def test_a_part_of_few_outputs_is_shrunk_to_its_kind_of_day() -> None:
    rng = np.random.default_rng(1)
    calendar = Calendar()
    parts = np.concatenate((rng.integers(0, 40, 1000), [41, 42]))  # Monday to Friday, and two outputs of Saturday
    add(calendar, parts, np.concatenate((rng.random(1000) < 0.2, [1, 1])).astype(float)[:, None])
    means, errors = part_means(calendar, np.array([0.16]))
    assert np.ptp(means[:40]) < 0.1
    assert (errors[:40] < 0.05).all()
    assert not seen(calendar, week=True)[40:].any()
    assert seen(calendar, week=True)[:40].all()
    assert seen(calendar, week=False).all()


def test_a_day_that_has_just_begun_says_nothing_of_itself() -> None:
    """One of three outputs of a first Tuesday violates, where 3.5 % of a thousand do: the band stays that of the week."""
    calendar = Calendar()
    values = np.concatenate((np.arange(997) < 35, [1, 0, 0])).astype(float)
    add(calendar, np.concatenate((np.arange(997) % 8, [8, 8, 8])), values[:, None])
    means, _ = part_means(calendar, np.array([0.035]))
    assert np.abs(means[8:16] - 0.036).max() < 0.005


@pytest.mark.parametrize("seed", range(4))
def test_the_first_two_days_of_busy_traffic_are_quiet(seed: int) -> None:
    rng = np.random.default_rng([71, seed])
    watch = Watch()
    for day in range(2):
        stamps = [START + timedelta(days=day, hours=float(h)) for h in np.sort(rng.random(1000)) * 24]
        rows = {"rule:refusal": (rng.random(1000) < 0.03).astype(float), "output_chars": rng.lognormal(5, 0.5, 1000)}
        watch.feed(turns(rows).with_columns(time=pl.Series(stamps, dtype=pl.Datetime("us"))))
    assert watch.findings == []
