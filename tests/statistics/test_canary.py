"""Sixty silent changes of a judge and sixty of an application: is each named, in the time the canary was sized for?

The world: 2,000 answers a day of one app, of which half break a rule that only a judge decides. It finds .9 of those, and .05 of the others
without reason. Known items are asked as the canary plans it. On day 12 the judge finds .8, or the app breaks the rule in .35 of its
answers, or both. `pytest -m statistics -s tests/statistics/test_canary.py` prints the table.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from monitor.blaming import record_of
from monitor.clock import aware_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import CanarySettings, DriftSettings
from monitor.drift import decide_drift
from monitor.drift.blame import blame, blamed, who_of
from monitor.drift.judges import watch_words
from monitor.judges.canary import USUAL, Dial, Plan, plan
from monitor.judges.known import LABELS
from monitor.model.values import Finding

pytestmark = pytest.mark.statistics

RUNS = 60
START = datetime(2026, 1, 5)  # noqa: DTZ001 the store keeps naive UTC
CHANGED, A_DAY = 12, 2_000
SETTINGS = DriftSettings(timezone="none")
DIAL = Dial(SETTINGS.budget.alarms, parse_duration(SETTINGS.budget.per))
STREAMS = 4
PLAN: Plan = plan(CanarySettings(), LABELS, USUAL, A_DAY, DIAL, STREAMS)
DAYS = CHANGED + round(PLAN.within)


@dataclass
class Told:
    """What one world came to: findings on the judge and on the rule, each with its day."""

    judge: list[Finding] = field(default_factory=list)
    rule: list[Finding] = field(default_factory=list)


def lived(seed: int, *, judge: bool, app: bool) -> Told:
    rng = np.random.default_rng([18, seed, judge, app])
    told, states = Told(), dict[str, str]()
    said = pl.DataFrame(schema={"time": pl.Datetime("us"), "known": pl.String, "bad": pl.Float64})
    for day in range(DAYS):
        late = day >= CHANGED
        hit, breaks = 0.8 if late and judge else 0.9, 0.35 if late and app else 0.5
        now = aware_utc(START + timedelta(days=day + 1))
        words = known(rng, day, {"violates": hit, "complies": 0.05})
        said = pl.concat([said, words.select("time", "known", "bad")])
        watched = watch_words(states, words, SETTINGS, now)
        states |= watched.states
        told.judge += watched.findings
        answers = production(rng, day, breaks * hit + (1 - breaks) * 0.05)
        outcome = decide_drift(states, answers, SETTINGS, now)
        states |= outcome.states
        told.rule += outcome.findings
        told.rule = [with_blame(finding, said, told.judge) for finding in told.rule]
    return told


def with_blame(finding: Finding, said: pl.DataFrame, judges: list[Finding]) -> Finding:
    if who_of(finding) not in {None, "unknown"} and not judges:
        return finding
    low, high = (at.replace(tzinfo=None) for at in (finding.since_low, finding.since_high))
    found = any(one.since_low <= finding.since_high and one.since_high >= finding.since_low for one in judges)
    return blamed(finding, blame(finding, record_of("j", said, low, high), found=found))


def times(rng: np.random.Generator, day: int, n: int) -> pl.Series:
    at = np.sort(rng.random(n) + day)
    return pl.Series("time", [START + timedelta(days=float(t)) for t in at], dtype=pl.Datetime("us"))


def known(rng: np.random.Generator, day: int, says: dict[str, float]) -> pl.DataFrame:
    n = rng.poisson(sum(PLAN.a_day.values()))
    label = rng.choice(list(PLAN.a_day), n, p=np.array(list(PLAN.a_day.values())) / sum(PLAN.a_day.values()))
    bad = rng.random(n) < np.where(label == "violates", says["violates"], says["complies"])
    return pl.DataFrame(
        {"judge": "j", "known": label, "version": "v", "time": times(rng, day, n), "bad": bad.astype(float)}
    )


def production(rng: np.random.Generator, day: int, rate: float) -> pl.DataFrame:
    flags = (rng.random(A_DAY) < rate).astype(float)
    units = [f"t{day}-{i}" for i in range(A_DAY)]
    return pl.DataFrame({"unit_id": units, "time": times(rng, day, A_DAY), "app": "shop", "rule:pad": flags})


def after(findings: list[Finding]) -> list[Finding]:
    return [one for one in findings if one.detected_at > aware_utc(START + timedelta(days=CHANGED))]


def test_who_changed_is_named_in_time() -> None:
    a_day = sum(PLAN.a_day.values())
    print(
        f"\n{a_day:.0f} known items a day of {A_DAY + a_day:.0f} calls ({a_day / (A_DAY + a_day):.0%}), sized for {PLAN.within:.1f} days"
    )
    table: dict[str, Counter[str]] = {}
    delays, early = [], 0
    for kind, judge, app in (("judge", True, False), ("application", False, True), ("both", True, True)):
        counts = table[kind] = Counter()
        for seed in range(RUNS if kind != "both" else RUNS // 3):
            told = lived(seed, judge=judge, app=app)
            early += len(told.judge) - len(after(told.judge))
            counts["judge found to have changed"] += bool(after(told.judge))
            delays += [(one.detected_at - aware_utc(START)).days - CHANGED for one in after(told.judge)[:1] if judge]
            last = after(told.rule)[:1]
            counts[f"rule: {who_of(last[0])}" if last else "rule: nothing found"] += 1
        print(f"{kind}: {dict(counts)}")
    print(f"days until a judge that changed was found: median {np.median(delays):.0f}, most {max(delays)}")
    print(f"findings on judges before anything changed: {early} in {(2 * RUNS + RUNS // 3) * CHANGED} days")
    judges, apps = table["judge"], table["application"]
    assert judges["judge found to have changed"] >= RUNS - 2
    assert judges["rule: application"] + judges["rule: both"] <= 2
    assert apps["judge found to have changed"] <= 2
    assert apps["rule: judge"] + apps["rule: both"] <= 2
    assert apps["rule: application"] >= RUNS - 2
    assert early <= 2, "the budget is one a year over all streams; so many days are 4.6 years"
