"""Another mix of the traffic is named as the cause of a change, whichever parts of it are watched, and behaviour is not called mix."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from monitor.clock import FakeClock, naive_utc
from monitor.config.schema import DriftSettings, Settings
from monitor.cycle import STEPS, run_cycle
from monitor.drift.cause import AT_ONCE, NOTHING, as_told_before
from monitor.drift.mix import SPLITS, Mix, mix_behind, splits, with_mix
from monitor.steps import House
from monitor.store.opening import Store
from monitor.store.valued import values_around
from tests.drift.traffic import a_finding

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
CHANGED = MONDAY + timedelta(days=9)
FINDING = a_finding(
    CHANGED, metric="error", detected_at=CHANGED + timedelta(days=2), reason="It went up. How we know: e-value 1e+06"
)
Parts = dict[str, tuple[float, float]]
"""Parts of the traffic: their share, and how often they fail."""

LITTLE_LAW: Parts = {"faq": (0.75, 0.05), "legal": (0.25, 0.45)}
MUCH_LAW: Parts = {"faq": (0.25, 0.05), "legal": (0.75, 0.45)}


def turns(seed: int, before: Parts, since: Parts, n: tuple[int, int] = (900, 200), users: int = 300) -> pl.DataFrame:
    """Turns of nine days before and of two days since, by tenant; nothing else splits them."""
    rng = np.random.default_rng([17, seed])
    sides = (("before", before, n[0], MONDAY, 9.0), ("since", since, n[1], CHANGED, 2.0))
    return pl.concat(_side(rng, *side, users) for side in sides)


def _side(
    rng: np.random.Generator, name: str, parts: Parts, n: int, start: datetime, days: float, users: int
) -> pl.DataFrame:
    tenant = rng.choice(len(parts), n, p=[share for share, _ in parts.values()])
    fails = np.array([rate for _, rate in parts.values()])[tenant]
    times = [naive_utc(start + timedelta(days=days * float(at))) for at in np.sort(rng.random(n))]
    return pl.DataFrame(
        {
            **{column: pl.Series([None] * n, dtype=pl.String) for column in SPLITS},
            "tenant": [list(parts)[i] for i in tenant],
            "side": [name] * n,
            "time": pl.Series(times, dtype=pl.Datetime("us")),
            "who": [f"u{i}" for i in rng.integers(0, users, n)],
            "value": (rng.random(n) < fails).astype(float),
        }
    )


def mix(*given: Any, **more: Any) -> Mix | None:
    return mix_behind(turns(*given, **more), "UTC", FINDING)


@pytest.mark.parametrize("seed", range(5))
def test_another_mix_is_named_with_its_shares_and_how_we_know(seed: int) -> None:
    found = with_mix(FINDING, turns(seed, LITTLE_LAW, MUCH_LAW), "UTC")
    said, _, left = found.cause.partition("; ")
    assert said.startswith("traffic mix: tenant legal went from 2")
    assert said.endswith(" % of outputs")
    assert left == "at the old mix little of the change would be left"
    assert "; another mix makes +0." in found.reason.partition("How we know")[2]


@pytest.mark.parametrize("seed", range(5))
def test_what_behaves_otherwise_is_no_mix(seed: int) -> None:
    worse = {"faq": (0.75, 0.25), "legal": (0.25, 0.65)}
    assert mix(seed, LITTLE_LAW, worse) is None
    assert mix(seed, LITTLE_LAW, {"faq": (0.55, 0.25), "legal": (0.45, 0.65)}) is None, "the mix makes less than half"
    assert mix(seed, LITTLE_LAW, {"faq": (0.25, 0.3), "legal": (0.75, 0.2)}) is None, (
        "one part took over, and is not it"
    )


def test_a_part_that_came_or_went_is_a_mix_and_other_names_of_all_are_none() -> None:
    alone = {"faq": (1.0, 0.05)}
    came, went = mix(1, alone, LITTLE_LAW), mix(2, {"faq": (0.5, 0.45), "legal": (0.5, 0.05)}, {"faq": (1.0, 0.45)})
    assert came is not None
    assert went is not None
    assert (came.part, went.part) == ("tenant legal", "tenant legal")
    assert (came.shares[0], went.shares[1]) == (0, 0)
    assert mix(3, alone, {"new faq": (1.0, 0.5)}) is None


def test_numbers_are_decomposed_by_their_ranks() -> None:
    rows = turns(4, LITTLE_LAW, MUCH_LAW)
    rng = np.random.default_rng(4)
    slow = rng.lognormal(6, 0.3, rows.height) * np.where(rows["tenant"] == "legal", 3, 1)
    found = mix_behind(rows.with_columns(value=pl.Series(slow)), "UTC", replace(FINDING, metric="duration_ms"))
    assert found is not None
    assert found.part == "tenant legal"
    late = np.where(rows["side"] == "since", 3, 1) * rng.lognormal(6, 0.3, rows.height)
    assert mix_behind(rows.with_columns(value=pl.Series(late)), "UTC", replace(FINDING, metric="duration_ms")) is None


def test_too_few_turns_say_nothing() -> None:
    assert mix(5, LITTLE_LAW, MUCH_LAW, n=(900, 59)) is None
    assert with_mix(FINDING, pl.DataFrame(), "UTC") == FINDING


def test_the_mix_of_every_weekend_is_no_news_on_a_saturday() -> None:
    """Before it was mostly Monday to Friday; compared with weekends only, nothing of the change goes with the mix."""
    weekday, saturday = MONDAY, MONDAY + timedelta(days=12)
    rng = np.random.default_rng(6)
    sides = [
        _side(rng, "before", LITTLE_LAW, 900, weekday, 5.0, 300),
        _side(rng, "before", MUCH_LAW, 200, weekday + timedelta(days=5), 2.0, 300),
        _side(rng, "since", {"faq": (0.25, 0.45), "legal": (0.75, 0.85)}, 200, saturday, 1.0, 300),
    ]
    assert mix_behind(pl.concat(sides), "UTC", FINDING) is None
    assert (
        mix_behind(pl.concat([*sides[:2], _side(rng, "since", MUCH_LAW, 200, saturday, 1.0, 300)]), "UTC", FINDING)
        is None
    )
    unaware = mix_behind(pl.concat([sides[0], _side(rng, "since", MUCH_LAW, 200, weekday, 1.0, 300)]), "none", FINDING)
    assert unaware is not None, "without the weekends before it would be the mix"


def test_the_standard_error_is_right_where_users_are_many_turns() -> None:
    """What the mix makes, over 100 seeds, of users who have one tenant and their own luck: it errs as much as it says."""
    told = [_one_of_users(seed) for seed in range(100)]
    spread = np.std([by for by, _ in told])
    assert np.median([error for _, error in told]) == pytest.approx(spread, rel=0.25)


def _one_of_users(seed: int) -> tuple[float, float]:
    rows = turns(seed, {"faq": (0.5, 0), "legal": (0.5, 0)}, {"faq": (0.5, 0), "legal": (0.5, 0)}, (1200, 600), 60)
    rng = np.random.default_rng([18, seed])
    number = rows["who"].str.strip_prefix("u").cast(pl.Int64).to_numpy() + 60 * (rows["side"] == "since").to_numpy()
    law, luck = rng.random(120) < np.repeat([0.3, 0.7], 60), rng.beta(1, 3, 120)
    fails = np.clip(luck + 0.4 * law, 0, 1)[number]
    tenant = np.where(law[number], "legal", "faq")
    whole = rows.with_columns(
        tenant=pl.Series(tenant),
        who=pl.Series(number.astype(str)),
        value=pl.Series((rng.random(len(fails)) < fails) * 1.0),
    )
    [found] = splits(whole, "UTC")
    return found.by, found.error


def test_beside_what_was_told_both_stand_and_a_heavy_user_or_the_column_itself_stays_alone() -> None:
    rows = turns(7, LITTLE_LAW, MUCH_LAW)
    both = with_mix(replace(FINDING, cause="release: r2, told for today"), rows, "UTC").cause
    assert both.startswith("release: r2, told for today; traffic mix: tenant legal")
    assert both.endswith(AT_ONCE)
    for known in (
        "tenant legal went from 25 % to 75 % of outputs",
        "one heavy user, user_id=u1, went from 0 % to 60 %",
    ):
        assert with_mix(replace(FINDING, cause=known), rows, "UTC").cause == known


def test_hostile_names_are_one_plain_line() -> None:
    rows = turns(8, LITTLE_LAW, MUCH_LAW).with_columns(pl.col("tenant").replace({"legal": "le\ngal\x1b[31m<b>"}))
    assert with_mix(FINDING, rows, "UTC").cause.startswith("traffic mix: tenant le gal [31m<b> went")


def test_one_cause_has_one_wording_though_shares_differ_from_measure_to_measure() -> None:
    first, second = (f"traffic mix: tenant legal went from {a} % to {b} % of outputs" for a, b in ((25, 74), (24, 76)))
    assert as_told_before(replace(FINDING, cause=second), [NOTHING, first]).cause == first
    back = "traffic mix: tenant legal went from 74 % to 25 % of outputs"
    assert as_told_before(replace(FINDING, cause=back), [first]).cause == back, "the other way is another cause"
    other = second.replace("legal", "faq")
    assert as_told_before(replace(FINDING, cause=other), [first]).cause == other


def rows_of(app: str, seed: int, law: float, first: int, days: tuple[float, float], n: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng([19, seed])
    times = np.sort(days[0] + (days[1] - days[0]) * rng.random(n))
    return [
        {
            "trace_id": f"{first + i:032x}",
            "time": MONDAY + timedelta(days=float(times[i])),
            "app": app,
            "user_id": f"{app}-{rng.integers(0, 200)}",
            "prompt_name": "legal" if (legal := rng.random() < law) else "main",
            "error_type": "timeout" if rng.random() < (0.5 if legal else 0.04) else None,
            "duration_ms": float(rng.lognormal(6, 0.4)),
            "output_tokens": int(rng.integers(20, 60)),
            "n_calls": 1,
        }
        for i in range(n)
    ]


def test_in_a_house_of_six_apps_whose_segments_are_not_watched_the_mix_is_named() -> None:
    """`drift.max_streams` holds the apps and none of their segments, as with 22 measures of six apps and 200 streams."""
    clock = FakeClock(MONDAY)
    store = Store.scratch(clock)
    house = House(store, Settings(drift=DriftSettings(max_streams=36)), [], clock, None)
    apps = ["mix", *(f"quiet-{n}" for n in range(5))]
    steps = [step for step in STEPS if step.name in {"sample", "grade", "drift"}]
    seq = 0
    for day in range(12):
        rows = [
            row
            for number, app in enumerate(apps)
            for row in rows_of(
                app,
                day * 10 + number,
                0.75 if app == "mix" and day >= 9 else 0.25,
                seq + number * 500,
                (day, day + 1),
                110,
            )
        ]
        rows.sort(key=lambda row: row["time"])
        with store.transaction() as txn:
            txn.insert("turns", [{**row, "seq": seq + i + 1} for i, row in enumerate(rows)])
        seq += 6 * 500
        clock.move_to(MONDAY + timedelta(days=day + 1))
        run_cycle(house, steps)
    found = store.read("SELECT app, metric, segment, cause FROM base.findings").to_pylist()
    watched = store.read("SELECT stream FROM base.trackers").to_pylist()
    store.close()
    assert not any("prompt_name=" in row["stream"] for row in watched), "no segment is watched"
    assert [(row["app"], row["metric"], row["segment"]) for row in found] == [("mix", "error", "all")]
    assert found[0]["cause"].startswith("traffic mix: prompt legal went from 2")


def test_turns_are_read_by_what_the_metric_is_and_none_that_came_after() -> None:
    clock = FakeClock(CHANGED + timedelta(days=2))
    store = Store.scratch(clock)
    rows = rows_of("shop", 1, 0.5, 0, (0, 11), 400)
    late = rows_of("shop", 2, 0.5, 1000, (11.1, 12), 50)
    with store.transaction() as txn:
        txn.insert("turns", [{**row, "seq": i + 1} for i, row in enumerate([*rows, *late])])
        said = [{"unit_id": row["trace_id"], "time": row["time"], "rule_id": "R"} for row in rows]
        verdicts = ("violates", "complies", "cannot_judge")
        txn.insert("grades", [{**one, "verdict": verdicts[i % 3], "grader": "g"} for i, one in enumerate(said)])
        scored = [{"trace_id": row["trace_id"], "time": row["time"], "name": "stars", "value": 4.0} for row in rows]
        txn.insert("scores", scored)

    def read(metric: str, segment: str = "all") -> pl.DataFrame:
        return values_around(store, replace(FINDING, metric=metric, segment=segment))

    assert read("error").height == 400
    assert set(read("error")["side"]) == {"before", "since"}
    assert sorted(read("duration_ms")["value"]) == pytest.approx(sorted(row["duration_ms"] for row in rows))
    assert (read("rule:R").height, read("rule:R")["value"].sum()) == (267, 134)
    assert (read("undecided:R").height, read("undecided:R")["value"].sum()) == (400, 133)
    assert values_around(store, replace(FINDING, metric="rule:R"), ["other"]).is_empty()
    assert read("score:stars")["value"].unique().to_list() == [4.0]
    assert read("missing:cost_usd")["value"].unique().to_list() == [1.0]
    assert read("text:answers").is_empty()
    assert set(read("error", "prompt_name=legal")["prompt_name"]) == {"legal"}
    assert read("error", "seq=1").is_empty(), "not a column that splits traffic"
    store.close()
