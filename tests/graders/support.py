from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from monitor.clock import FakeClock
from monitor.graders import grade_turns
from monitor.graders.answers import Answers
from monitor.graders.cascade import Asked, RuleSet, judge
from monitor.graders.grader import Grader, Judgement, Tools
from monitor.model.values import Grade, Turn, Verdict

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TOOLS = Tools(FakeClock(NOW))


def word(grader: Grader, output: str | None, said: str | None = None, system: str | None = None) -> Judgement:
    """What one grader says of one answer."""
    return grader.runner(TOOLS).judge(Answers([turn(output, said, system)]))[0]


def words(grader: Grader, outputs: Sequence[str]) -> Sequence[Judgement]:
    """What one grader says of many answers in one batch."""
    return grader.runner(TOOLS).judge(Answers([turn(output) for output in outputs]))


def stands(graders: Sequence[Grader], answer: Turn) -> Asked:
    """The word that stands on one turn."""
    return judge(graders, [answer], TOOLS)[0]


def grades_of(policies: Sequence[RuleSet], turns: Sequence[Turn], now: datetime = NOW) -> list[Grade]:
    """The grades of `turns` as values, turn by turn."""
    frame = grade_turns(policies, turns, Tools(FakeClock(now)))
    rows = frame.with_columns(place=pl.int_range(pl.len()).over("policy", "rule_id")).sort("place", maintain_order=True)
    return [Grade(**{**row, **_typed(row)}) for row in rows.drop("place").iter_rows(named=True)]


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: row[name].replace(tzinfo=UTC) for name in ("time", "graded_at")}
    return {**times, "verdict": Verdict(row["verdict"])}


def turn(output: str | None, said: str | None = None, system: str | None = None, error: str | None = None) -> Turn:
    return Turn("t1", NOW, "shop", said, output, system_text=system, error_type=error)
