"""How a rule stands against its policy: limits, zero tolerance, severity, and who is not told at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from monitor.clock import FakeClock
from monitor.counted import counted
from monitor.model.values import Severity
from monitor.policy import load_policies
from monitor.policy.watching import Level, Watched, levels, watched
from tests.policy.support import GOOD, NOW, write

DAY = timedelta(days=1)
NO_CASES: frozenset[tuple[str, str]] = frozenset()
RULE = "    graders:\n      - {use: banned, phrases: [bad word]}\n"


def rules(folder: Path, extra: str = "", status: str = "active", severity: str = "critical") -> dict[str, Watched]:
    text = GOOD.replace("status: active", f"status: {status}")
    text = text.replace("    kind: must_not", f"    severity: {severity}\n    kind: must_not").replace(
        RULE, RULE + extra
    )
    return watched(load_policies(write(folder, text), FakeClock(NOW)), NOW.date())


def answers(n: float, share: float, buckets: int = 96, *, probability: float | None = 0.5) -> pl.DataFrame:
    since = datetime(2026, 11, 23)  # noqa: DTZ001 - naive UTC, as stored
    return pl.DataFrame(
        {
            "app": "shop",
            "rule_id": "R-1",
            "bucket": [since + timedelta(minutes=15) * k for k in range(buckets)],
            "probability": pl.Series([probability] * buckets, dtype=pl.Float64),
            "n": n / buckets,
            "bad": share * n / buckets,
        }
    )


LIMITS = "    thresholds: {warn_rate: 0.02, incident_rate: 0.05}\n"


@pytest.mark.parametrize(("share", "level"), [(0.005, "within"), (0.015, "within"), (0.04, "warn"), (0.15, "incident")])
def test_a_rate_is_held_against_the_limits_of_its_rule(share: float, level: Level, tmp_path: Path) -> None:
    found = levels(counted(answers(3_000, share)), NO_CASES, rules(tmp_path, LIMITS), DAY)
    assert found == {("shop", "R-1"): level}


def test_a_few_bad_answers_of_few_are_no_proof(tmp_path: Path) -> None:
    assert levels(counted(answers(20, 0.1)), NO_CASES, rules(tmp_path, LIMITS), DAY)["shop", "R-1"] in {
        "within",
        "unsure",
    }


def test_between_an_alarm_and_its_end_nothing_is_sure(tmp_path: Path) -> None:
    held = rules(tmp_path, LIMITS)
    bad, good = answers(1_000, 0.2, 40), answers(150, 0.0, 10)
    assert levels(counted(bad), NO_CASES, held, DAY)["shop", "R-1"] == "incident"
    assert levels(counted(pl.concat([bad, good])), NO_CASES, held, DAY)["shop", "R-1"] in {"warn", "unsure"}
    assert levels(counted(pl.concat([bad, *[good] * 10])), NO_CASES, held, DAY)["shop", "R-1"] == "within"


def test_a_rule_without_limits_has_the_usual_ones(tmp_path: Path) -> None:
    assert rules(tmp_path)["R-1"].limits == {"incident": 0.10, "warn": 0.02}
    assert rules(tmp_path, "    thresholds: {incident_rate: 0.3}\n")["R-1"].limits == {"incident": 0.3}


def test_one_standing_case_is_enough_under_zero_tolerance(tmp_path: Path) -> None:
    held = rules(tmp_path, "    thresholds: {zero_tolerance: true}\n")
    case = {("shop", "R-1")}
    assert levels(counted(answers(3_000, 0.0003)), case, held, DAY) == {("shop", "R-1"): "case"}
    assert held["R-1"].severity("case") is Severity.CRITICAL


@pytest.mark.parametrize(
    ("severity", "authority", "loud"),
    [
        ("critical", "hard", {"incident": "critical", "warn": "warning"}),
        ("high", "default", {"incident": "error", "warn": "warning"}),
        ("low", "default", {"incident": "info", "warn": "info"}),
        ("critical", "advisory", {"case": "info", "incident": "info", "warn": "info"}),
    ],
)
def test_severity_comes_from_the_rule_and_advice_is_never_loud(
    severity: str, authority: str, loud: dict[Level, str], tmp_path: Path
) -> None:
    one = rules(tmp_path, f"    authority: {authority}\n", severity=severity)["R-1"]
    assert {level: one.severity(level).value for level in loud} == loud


@pytest.mark.parametrize("status", ["draft", "shadow", "retired"])
def test_only_active_policies_alert(status: str, tmp_path: Path) -> None:
    assert rules(tmp_path, status=status) == {}


def test_whole_days_of_before_count_with_the_answers_of_today(tmp_path: Path) -> None:
    """A rise to half beyond its limit shows in no single day of 500 answers."""
    held = rules(tmp_path, LIMITS)
    days = pl.concat([answers(500, 0.032, 1, probability=None)] * 27)
    today = answers(500, 0.032)
    assert levels(counted(today), NO_CASES, held, DAY)["shop", "R-1"] != "warn"
    assert levels(counted(pl.concat([days, today])), NO_CASES, held, 28 * DAY)["shop", "R-1"] == "warn"
