"""At most one page and five tickets in 30 healthy days of a hundred rules, and a real rise told within hours."""

from __future__ import annotations

import numpy as np
import pytest

from tests.statistics.quiet_months import Rules, delay_hours, months

pytestmark = pytest.mark.statistics

GRADED = 2_000.0
HEALTHY = [Rules(40, 0.01, 0.015, pages=True), Rules(60, 0.01, 0.015, pages=False)]
AT_LIMIT = [Rules(40, 0.015, 0.015, pages=True), Rules(60, 0.015, 0.015, pages=False)]


@pytest.mark.parametrize("seed", range(3))
def test_thirty_healthy_days_wake_nobody(seed: int) -> None:
    pages, tickets = (months(rules, HEALTHY, GRADED, seed)[0] for rules in HEALTHY)
    print(f"\n30 days, 100 rules at 1 %, incident rate 1.5 %: {pages} pages, {tickets} tickets")
    assert pages <= 1
    assert tickets <= 5


def test_thirty_days_with_every_rate_at_its_limit_keep_the_budget() -> None:
    counts = np.array([[months(rules, AT_LIMIT, GRADED, seed)[0] for rules in AT_LIMIT] for seed in range(3)])
    print(f"\n30 days, 100 rules at their limit of 1.5 %: pages {counts[:, 0]}, tickets {counts[:, 1]}")
    assert counts[:, 0].sum() <= 8  # Poisson with mean 3: 99 %
    assert counts[:, 1].sum() <= 25  # Poisson with mean 15: 99 %


@pytest.mark.parametrize("pages", [True, False])
def test_a_rise_from_one_to_five_per_cent_is_told_within_six_hours(pages: bool) -> None:
    house = [Rules(100, 0.05, 0.015, pages=pages)]
    hours = delay_hours(house[0], house, GRADED, 400, 5)
    loud = "pages" if pages else "tickets"
    print(
        f"\n1 to 5 % at 2,000 a day, 100 rules ({loud}): median {np.median(hours):.1f} h, 90 % {np.quantile(hours, 0.9):.1f} h"
    )
    assert np.median(hours) <= 6
