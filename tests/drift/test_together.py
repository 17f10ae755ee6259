"""Streams stepped together say what streams stepped one by one say: the same states, findings and evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import FakeClock, aware_utc
from monitor.config.schema import BaselineSettings, DriftSettings
from monitor.drift import Living, decide, decide_drift, live_drift
from monitor.drift.batch import Name
from monitor.drift.calendar import tenths
from monitor.drift.stored_states import key_of
from monitor.drift.together import IN_TURN, Fed, step_together, sums_of_each
from monitor.health import Health
from monitor.model.values import Finding
from tests.drift.traffic import START, STEP

BASELINE = BaselineSettings(first=60, outputs=240)


def traffic(seed: int, n: int, zone_step: timedelta) -> pl.DataFrame:
    """Rates and numbers of one app under two prompts; some users come several times an hour; a swap two thirds in."""
    rng = np.random.default_rng(seed)
    after = np.arange(n) > 2 * n // 3
    known = rng.random(n) < 0.7
    return pl.DataFrame(
        {
            "unit_id": [f"u{i:05d}" for i in range(n)],
            "time": [START + i * zone_step for i in range(n)],
            "app": ["shop"] * n,
            "user_id": [f"user-{u}" for u in rng.integers(0, 60, n)],
            "prompt_name": rng.choice(["x", "y"], n),
            "model": np.where(after, "new", "old"),
            "rule:refusal": (rng.random(n) < np.where(after, 0.5, 0.1)).astype(float),
            "rule:tone": np.where(known, (rng.random(n) < 0.2).astype(float), np.nan),
            "output_chars": rng.lognormal(5, 1, n) * np.where(after, 2.0, 1.0),
            "share": rng.random(n).round(2),
        },
        schema_overrides={"time": pl.Datetime("us")},
    )


def lived(rows: pl.DataFrame, cuts: Sequence[int], asked: DriftSettings) -> tuple[dict[str, str], list[Finding]]:
    states: dict[str, str] = {}
    findings: list[Finding] = []
    for start, end in zip([0, *cuts], [*cuts, rows.height], strict=True):
        part = rows[start:end]
        if part.height:
            outcome = decide_drift(states, part, asked, aware_utc(START + timedelta(days=400)))
            states |= outcome.states
            findings += outcome.findings
    return states, findings


def one_by_one(fed: Sequence[Fed], _combos: object) -> list[bool]:
    return [False] * len(fed)


def same(one: Any, other: Any) -> None:
    """Equal, numbers to a billionth."""
    if isinstance(one, Mapping):
        assert one.keys() == other.keys()
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            same(*pair)
    else:
        assert one == pytest.approx(other, rel=1e-9) if isinstance(one, float) else one == other


@settings(max_examples=12)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.lists(st.integers(1, 90), min_size=4, max_size=30),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "none"]),
    minutes=st.sampled_from([5, 40, 200]),
)
@pytest.mark.slow
def test_together_is_one_by_one(seed: int, sizes: list[int], zone: str, minutes: int) -> None:
    rows = traffic(seed, 700, timedelta(minutes=minutes))
    cuts = [cut for cut in np.cumsum(sizes).tolist() if cut < rows.height]
    asked = DriftSettings(baseline=BASELINE, timezone=zone)
    together = lived(rows, cuts, asked)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(decide, "step_together", one_by_one)
        apart = lived(rows, cuts, asked)
    assert together[0].keys() == apart[0].keys()
    for key, state in together[0].items():
        same(json.loads(state), json.loads(apart[0][key]))
    same([vars(finding) for finding in together[1]], [vars(finding) for finding in apart[1]])


def test_small_batches_are_stepped_together_and_what_happens_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    stepped: list[bool] = []

    def counted(fed: Sequence[Fed], combos: Any) -> list[bool]:
        done = step_together(fed, combos)
        stepped.extend(done)
        return done

    monkeypatch.setattr(decide, "step_together", counted)
    rows = traffic(3, 900, STEP)
    _, findings = lived(rows, list(range(25, 900, 25)), DriftSettings(baseline=BASELINE, timezone="none"))
    assert {"rule:refusal", "output_chars"} <= {finding.metric for finding in findings}
    assert 0.6 < np.mean(stepped) < 1


def test_what_fails_together_is_stepped_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_fed: object, _combos: object) -> list[bool]:
        raise ValueError("arrays of different lengths")

    rows, now = traffic(1, 300, STEP), aware_utc(START + timedelta(days=400))
    whole = decide_drift({}, rows, DriftSettings(baseline=BASELINE), now)
    monkeypatch.setattr(decide, "step_together", broken)
    health = Health(FakeClock(now))
    outcome = decide_drift({}, rows, DriftSettings(baseline=BASELINE), now, guard=health.guard)
    assert outcome.states == whole.states
    assert not outcome.behind
    assert health.failures("drift of many streams at once") == 1


@given(st.lists(st.floats(0, 500) | st.integers(0, 10_000).map(lambda n: n / 20), min_size=1))
def test_tenths_are_those_of_round(values: list[float]) -> None:
    assert tenths(np.asarray(values)).tolist() == [round(value, 1) for value in values]


@given(st.integers(0, 10_000), st.lists(st.integers(1, IN_TURN + 1), min_size=1, max_size=9), st.sampled_from([1, 7]))
def test_sums_of_each_are_those_of_each(seed: int, sizes: list[int], functions: int) -> None:
    parts = [np.random.default_rng([seed, n]).random((size, functions)) for n, size in enumerate(sizes)]
    plain = [part.sum(axis=0).tolist() for part in parts]
    assert sums_of_each(np.concatenate(parts), np.asarray(sizes)).tolist() == plain


def test_streams_of_the_same_turns_share_their_times() -> None:
    living, now = Living(), aware_utc(START + timedelta(days=400))
    rows = traffic(3, 600, STEP)
    for at in range(0, rows.height, 5):
        live_drift(living, rows[at : at + 5], DriftSettings(baseline=BASELINE), now)
    trails = [living.stream(key_of(Name(m, "shop", "all"))).trail for m in ("output_chars", "share")]
    assert trails[0].time is trails[1].time
