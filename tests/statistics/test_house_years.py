"""The false-alarm budget on ordinary traffic. `make statistics` prints the table."""

from __future__ import annotations

import pytest

from tests.statistics.house_years import SCENARIOS, run

pytestmark = pytest.mark.statistics

MOST = 4
"""Poisson, 99 %, of one year at a budget of one a year. Ten years are run by name and held against 18."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_year_of_ordinary_traffic_keeps_the_budget(name: str) -> None:
    found = run(SCENARIOS[name], 0).findings
    print(f"\n{name}: {len(found)} false alarms in a year {[f.metric for f in found]}")
    assert len(found) <= MOST
