"""A sender that samples itself: all of its failed calls and a tenth of the others, all answers of one model and a tenth of another's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from monitor.clock import FakeClock
from monitor.config.schema import EstimateSettings, Settings
from monitor.cycle import run_cycle
from monitor.estimates import estimate_rates
from monitor.policy.load import given_policy
from monitor.steps import House
from monitor.store.pages import read_page
from monitor.weighing import weighted
from tests.statistics.test_two_plans import share_of, traffic
from tests.store.rows import START, Home, a_call, frame, texts

TENTH = 10.0


def test_two_hundred_senders_give_unbiased_rates() -> None:
    """Answers of the new model all arrive, a tenth of the others: the mean of the rates is the truth, and without weights far off."""
    rng = np.random.default_rng(5)
    turns = traffic(rng, {"old": 0.08, "new": 0.3}).filter(pl.col("app") == "shop")
    truth = share_of(turns)
    kept = pl.when(pl.col("model") == "new").then(1.0).otherwise(1 / TENTH)
    found: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(200):
        sent = turns.filter(pl.Series(rng.random(turns.height)) < kept).with_columns(sampling_weight=1 / kept)
        for told, rows in ((True, sent), (False, sent.drop("sampling_weight"))):
            graded = rows.with_columns(plans=pl.lit(["all"], pl.List(pl.String)), inclusion_probability=pl.lit(1.0))
            [rate] = estimate_rates(weighted(graded, []), rows, EstimateSettings())
            found[told].append(rate.value or 0.0)
    off = np.mean(found[True]) - truth
    assert abs(off) < 3 * np.std(found[True]) / np.sqrt(200)
    assert np.mean(found[False]) - truth > 10 * abs(off)


RULE = """
apiVersion: policy/v1
policy: {id: p, version: 1.0.0, status: active, owner: o}
rules:
  - {id: R, title: R, kind: must_not, statement: "No.", rationale: "So.", graders: [{use: banned, phrases: [bad word]}]}
"""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A day of 800 good answers, 100 bad ones and 100 failed calls; of the good ones a tenth arrives, and says so."""
    home = Home(Path(tmp_path_factory.mktemp("sender")))
    home.clock = FakeClock(START + timedelta(hours=2))
    spans: list[Any] = []
    content: list[Any] = []
    for number in range(80 + 100 + 100):
        trace = {"trace_id": f"{number + 1:032x}"}
        good, failed = number < 80, number >= 180
        more = {"sampling_weight": TENTH} if good else {"status": "error", "error_type": "timeout"} if failed else {}
        spans.append(a_call("c", number, **trace, **more))
        if not failed:
            content.append(texts("c", saw="good" if good else "a bad word", at=number) | trace)
    home.take(frame(spans=spans, content=content))
    home.finish()
    policy = given_policy("p.yaml", RULE, FakeClock(START))[1]
    run_cycle(House(home.store, Settings(), [policy], home.clock, None))
    yield home
    home.store.close()


def test_the_rate_of_a_rule_weighs_answers_by_what_they_stand_for(lived: Home) -> None:
    [rate] = lived.rows("SELECT value, n_graded FROM base.estimates")
    assert (rate["value"], rate["n_graded"]) == (pytest.approx(100 / 900), 180)


def test_turns_and_errors_are_counted_as_they_were_and_not_as_they_came(lived: Home) -> None:
    (totals,) = read_page(lived.store, "totals", {}, {}).to_pylist()
    assert (totals["n_turns"], totals["n_errors"], totals["n_seen"]) == (1000, 100, 280)
