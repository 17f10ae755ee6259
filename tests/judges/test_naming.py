"""Judges that could never be asked are refused where they are written, in one line each."""

from __future__ import annotations

import pytest

from monitor.config.schema import JudgeBudget, JudgeSettings
from monitor.judges.naming import wrong_with

GOOD = JudgeSettings(model="m")


@pytest.mark.parametrize(
    ("name", "judge", "problem"),
    [
        ("none", GOOD, "this cannot be the name of a judge"),
        ("a b", GOOD, "this cannot be the name of a judge"),
        ("x", JudgeSettings(), "no model is named"),
        ("x", JudgeSettings(transport="recorded"), "transport recorded has no file"),
        ("x", JudgeSettings(transport="systemone"), "no url is given"),
        ("x", JudgeSettings(model="m", url="http://gw.example"), "url http://gw.example: http goes in the clear"),
        ("x", JudgeSettings(model="m", url="https://10.0.0.1"), "url https://10.0.0.1: this is a private address"),
        ("x", JudgeSettings(model="m", concurrency=0), "concurrency 0 is not between 1 and 200"),
        ("x", JudgeSettings(model="m", budget=JudgeBudget(calls_per_day=-1)), "a budget is below 0"),
        ("x", JudgeSettings(model="m", timeout="soon"), "timeout: 'soon' is not a duration"),
        ("x", JudgeSettings(panel=("good", "other")), "no judge is named other"),
        ("x", JudgeSettings(panel=("good", "good")), "a panel needs two different judges"),
        ("x", JudgeSettings(panel=("good", "both")), "both is a panel itself"),
    ],
)
def test_what_could_never_be_asked_is_refused(name: str, judge: JudgeSettings, problem: str) -> None:
    judges = {"good": GOOD, "both": JudgeSettings(panel=("good", "good2")), "x": judge}
    found = wrong_with(name, judge, judges)
    assert found is not None
    assert found[0].startswith(problem)
    assert found[1]


def test_what_is_right_is_taken() -> None:
    local = JudgeSettings(model="m", url="http://127.0.0.1:4320/v1")
    assert wrong_with("good", GOOD, {"good": GOOD}) is None
    assert wrong_with("here", local, {"here": local}) is None
