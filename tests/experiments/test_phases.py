"""Arms begin and end, shares change: each stretch has its own sample ratio, and only what ran side by side is compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from monitor.config.schema import ExperimentSettings, PhaseSettings
from monitor.experiments import compare_arms
from monitor.experiments.phases import lives, phases, together
from monitor.experiments.sums import added, unit_sums
from monitor.model.values import Comparison

BEGUN = datetime(2026, 1, 5)  # noqa: DTZ001 the store keeps naive UTC
NOW = datetime(2026, 1, 15, tzinfo=UTC)


def users(arm: str, n: int, days: tuple[float, float], mean: float = 0.1, seed: int = 1) -> pl.DataFrame:
    """Users who came evenly over days of the experiment, each with two turns on the day of the first."""
    rng = np.random.default_rng([seed, n, int(days[0] * 10), ord(arm[0])])
    came = [BEGUN + timedelta(days=float(day)) for day in np.linspace(*days, n, endpoint=False)]
    return pl.DataFrame(
        {
            "experiment": "tone",
            "arm": arm,
            "metric": "rule:x",
            "unit": [f"{arm}-{days[0]}-{i}" for i in range(n)],
            "n": 2,
            "total": rng.binomial(2, mean, n).astype(float),
            "first": came,
            "last": [at + timedelta(hours=2) for at in came],
        }
    )


def read(*parts: pl.DataFrame, earlier: tuple[Comparison, ...] = (), **options: object) -> dict[str, Comparison]:
    settings = ExperimentSettings(**options)  # type: ignore[arg-type]
    return {found.arm: found for found in compare_arms(pl.concat(parts), settings, NOW, earlier=earlier)}


def killed(harm: float = 0.1) -> list[pl.DataFrame]:
    early = [users(arm, 300, (0, 5), harm if arm == "C" else 0.1) for arm in "ABCD"]
    return [*early, *(users(arm, 900, (5, 10)) for arm in "AB")]


def test_two_arms_that_end_do_not_block_those_that_go_on() -> None:
    found = read(*killed(0.4))
    assert (found["B"].decision, found["B"].n_control, found["B"].n_arm) == ("undecided", 1200, 1200)
    assert (found["C"].decision, found["C"].n_arm) == ("worse", 300)
    assert 300 <= found["C"].n_control < 320  # those who came before the last turn of C
    assert "over 2026-01-05 to 2026-01-10, when both ran" in found["C"].reason


def test_an_arm_that_ended_keeps_its_last_reading() -> None:
    before = compare_arms(pl.concat(killed(0.4)[:4]), ExperimentSettings(), NOW - timedelta(days=5))
    again = read(*killed(0.1), earlier=tuple(before))
    last = next(told for told in before if told.arm == "C")
    assert (again["C"].effect, again["C"].computed_at) == (last.effect, last.computed_at)
    assert again["C"].reason.endswith("ended on 2026-01-10, as it was read last")
    twice = read(*killed(0.1), earlier=tuple(again.values()))
    assert twice["C"].reason == again["C"].reason
    assert twice["B"].computed_at == NOW


def test_each_stretch_has_its_own_sample_ratio() -> None:
    broken = [*killed()[:4], users("A", 900, (5, 10)), users("B", 600, (5, 10))]
    found = read(*broken)
    assert found["B"].decision == "blocked"
    assert "2026-01-10 to now: sample-ratio mismatch: users fell A 8" in found["B"].reason
    assert found["C"].decision != "blocked"


def test_an_arm_that_begins_later_is_compared_with_who_came_at_its_time() -> None:
    found = read(users("A", 900, (0, 10)), users("B", 900, (0, 10)), users("C", 450, (5, 10)))
    assert (found["C"].n_control, found["C"].n_arm) == (450, 450)
    assert (found["B"].n_control, found["B"].decision) == (900, "undecided")


def test_a_declared_ramp_is_read_over_its_last_stretch_and_says_so() -> None:
    parts = [users("A", 950, (0, 5)), users("B", 50, (0, 5)), users("A", 500, (5, 10)), users("B", 500, (5, 10))]
    assert read(*parts)["B"].decision == "blocked"
    ramp = (
        PhaseSettings(since="2026-01-05", split={"A": 95, "B": 5}),
        PhaseSettings(since="2026-01-10", split={"A": 1, "B": 1}),
    )
    found = read(*parts, phases={"tone": ramp})["B"]
    assert (found.decision, found.n_control, found.n_arm) == ("undecided", 500, 500)
    assert "cannot be pooled: read over 2026-01-10 to now" in found.reason


def test_what_changed_over_a_ramp_is_no_difference_of_arms() -> None:
    """Everybody got worse in the second stretch, in which the arm had most of its users."""
    parts = [
        users("A", 1900, (0, 5), 0.1),
        users("B", 100, (0, 5), 0.1),
        users("A", 1000, (5, 10), 0.4),
        users("B", 1000, (5, 10), 0.4),
    ]
    ramp = (
        PhaseSettings(since="2026-01-05", split={"A": 95, "B": 5}),
        PhaseSettings(since="2026-01-10", split={"A": 1, "B": 1}),
    )
    assert read(*parts, phases={"tone": ramp})["B"].decision == "undecided"


def test_a_weekend_of_a_small_arm_is_no_end() -> None:
    rows = pl.concat([users("A", 2000, (0, 10)), users("B", 20, (0, 7.6))])
    alive = lives(rows)
    assert not alive["B"].ended
    [whole] = phases(alive, None)
    assert whole.arms == ("A", "B")


def test_arms_that_never_met_are_not_compared() -> None:
    alive = lives(pl.concat([users("A", 300, (0, 4)), users("B", 300, (6, 10))]))
    assert together(phases(alive, None), "A", "B") == ([], False)
    found = read(users("A", 300, (0, 4)), users("B", 300, (6, 10)))["B"]
    assert (found.decision, "never ran side by side" in found.reason) == ("blocked", True)


def test_sums_keep_when_a_unit_came_first_and_last() -> None:
    turns = pl.DataFrame(
        {
            "unit_id": ["t1", "t2", "t3"],
            "time": [BEGUN + timedelta(hours=h) for h in (3, 1, 2)],
            "app": ["shop"] * 3,
            "user_id": ["u", "u", "u"],
            "session_id": [None, None, None],
            "experiment": ["tone"] * 3,
            "variant": ["a"] * 3,
            "error": [0.0, 1.0, 0.0],
        },
        schema_overrides={"session_id": pl.String},
    )
    [row] = added(unit_sums(turns[:2]), unit_sums(turns[2:])).to_dicts()
    assert (row["n"], row["total"]) == (3, 1.0)
    assert (row["first"], row["last"]) == (BEGUN + timedelta(hours=1), BEGUN + timedelta(hours=3))


def test_stretches_that_cannot_be_pooled_share_the_error() -> None:
    """Each is read by itself, one after the other: three of them at the whole error would err three times as often."""
    ramp = [
        PhaseSettings(f"2026-01-{day:02}", {"A": a, "B": 100.0 - a}) for day, a in ((5, 90.0), (8, 70.0), (11, 50.0))
    ]
    rows = [users("A", 600, (6, 10)), users("B", 600, (6, 10))]
    early = [users("A", 270, (0, 3)), users("B", 30, (0, 3)), users("A", 210, (3, 6)), users("B", 90, (3, 6))]
    whole = read(*rows, split={"tone": {"A": 50.0, "B": 50.0}})["B"]
    last = read(*early, *rows, phases={"tone": tuple(ramp)})["B"]
    assert whole.low is not None
    assert whole.high is not None
    assert last.low is not None
    assert last.high is not None
    assert "read over 2026-01-11 to now" in last.reason
    assert 1.05 < (last.high - last.low) / (whole.high - whole.low) < 1.3
