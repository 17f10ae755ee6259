"""Grading a batch so that a broken rule is known as such and the others are graded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Final

import polars as pl

from monitor.graders.cascade import RuleSet, grade_turns
from monitor.graders.grader import Tools
from monitor.health import Health
from monitor.model.values import Turn

RULE: Final = "rule "
"""What the name of a rule begins with among the parts that may fail."""


def grade_by(
    policies: Sequence[RuleSet], turns: Sequence[Turn], tools: Tools, health: Health | None
) -> tuple[pl.DataFrame, set[str]]:
    """Return the grades of `turns`, and the rules that broke, or whose graders did on all they were asked: those have no grades.

    Without `health` a rule that breaks ends the whole.
    """
    broken: set[str] = set()
    if health is None:
        return grade_turns(policies, turns, tools, nullcontext), broken

    @contextmanager
    def guard(part: str) -> Iterator[None]:
        broken.add(part.removeprefix(RULE))
        with health.guard(part):
            yield
            broken.discard(part.removeprefix(RULE))

    grades = grade_turns(policies, turns, tools, guard)
    broken |= _broken(health, grades)
    return grades.filter(~pl.col("rule_id").is_in(broken)), broken


def _broken(health: Health, grades: pl.DataFrame) -> set[str]:
    """Say of each rule whether its graders broke on every text of a batch: such grades look like any that is not there."""
    broke, judged = pl.col("reason").str.starts_with("error: "), pl.col("verdict").is_in(["violates", "complies"])
    by_rule = grades.group_by("rule_id", maintain_order=True)
    found = dict(by_rule.agg(broke.any() & ~judged.any()).iter_rows())
    for rule, all_broke in found.items():
        if all_broke:
            health.failed(f"graders of {RULE}{rule}", RuntimeError("no answer of a batch could be graded"))
        else:
            health.worked(f"graders of {RULE}{rule}")
    return {rule for rule, all_broke in found.items() if all_broke}
