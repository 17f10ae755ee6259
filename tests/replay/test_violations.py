"""What a replay remembers of violations: which are shown, and what is let go of."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from monitor.replay.violations import CASES, Violations

DAY = datetime(2026, 3, 1)  # noqa: DTZ001 - naive UTC, as stored
HOUR = timedelta(hours=1)


def rows(*told: tuple[int, str, str, str]) -> pl.DataFrame:
    """Violations by hour, app, rule and unit, graded an hour later."""
    return pl.DataFrame(
        [(DAY + at * HOUR, app, rule, unit, DAY + (at + 1) * HOUR) for at, app, rule, unit in told],
        {"time": pl.Datetime("us"), **CASES},
        orient="row",
    ).select("time", "app", "rule_id", "unit_id", "graded_at")


STREAMS = [("shop", "R"), ("bank", "R"), ("shop", "T")]


def known() -> Violations:
    violations = Violations()
    violations.add(rows((0, "shop", "R", "a"), (1, "bank", "R", "b"), (2, "shop", "S", "c")), DAY)
    violations.add(rows((3, "shop", "R", "e"), (3, "shop", "R", "d"), (5, "shop", "R", "f")), DAY)
    return violations


def test_the_newest_few_of_a_time_are_shown_by_app_and_rule() -> None:
    assert known().newest(STREAMS, DAY, DAY + 5 * HOUR, 2) == {("shop", "R"): ["d", "e"], ("bank", "R"): ["b"]}
    assert known().newest([("shop", "S"), ("shop", "T")], DAY, DAY + 5 * HOUR, 2) == {("shop", "S"): ["c"]}


def test_cases_are_those_that_were_graded_by_now_the_newest_first() -> None:
    found = known().cases(["R"], (DAY, DAY + 4 * HOUR), DAY + HOUR)
    assert found.columns == ["app", "rule_id", "unit_id", "graded_at"]
    assert found["unit_id"].to_list() == ["d", "e", "b"]
    assert known().cases([], (DAY, DAY + 9 * HOUR), DAY).schema == found.schema


def test_what_no_look_reaches_is_let_go_of() -> None:
    violations = known()
    violations.add(rows((6, "shop", "R", "g")), DAY + 3 * HOUR)
    assert violations.newest([("shop", "R"), ("shop", "S")], DAY, DAY + 9 * HOUR, 9) == {
        ("shop", "R"): ["g", "f", "d", "e"]
    }
