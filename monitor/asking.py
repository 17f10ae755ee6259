"""What is graded, and which of that judges are asked about: local graders say what they think first, and judges are asked by strata of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from monitor.grading import grade_by
from monitor.judge_draws import SecondDraw, Words
from monitor.model.values import Turn
from monitor.policy.schema import Policy
from monitor.steps import House, TurnBatch, afforded, graded_turns, marked, rules_of_judges
from monitor.store.behind import Missed, note_missed
from monitor.store.judge_draws import known_draws
from monitor.store.transaction import Transaction
from monitor.store.ungraded import said_last

PAIR = ["unit_id", "rule_id"]


@dataclass(frozen=True)
class Graded:
    """Verdicts without those of answers that no judge is asked about, the draws that are new, and the rules that broke."""

    grades: pl.DataFrame
    draws: Sequence[dict[str, Any]]
    broken: frozenset[str]

    def keep_draws(self, txn: Transaction) -> None:
        """Write what was drawn, in the transaction of the verdicts."""
        txn.insert("judge_draws", self.draws)


def grade(house: House, batch: TurnBatch) -> int:
    """Grade the sampled turns against every policy in scope; what a broken rule says is not kept, it catches up later."""
    said = grade_and_draw(house, house.policies, graded_turns(house, batch.window), batch.window.end)
    lost = Missed(batch.mark.step, "", batch.window.after, batch.window.upto)
    with marked(house.store, batch.mark) as txn:
        txn.insert("grades", said.grades)
        said.keep_draws(txn)
        note_missed(txn, [replace(lost, part=rule) for rule in sorted(said.broken)])
    return len(said.grades)


def grade_and_draw(
    house: House, policies: Sequence[Policy], turns: Sequence[Turn], at: datetime | None, *, first: bool = True
) -> Graded:
    """Grade turns, and draw which of them judges are asked about by what budgets hold on the day of `at` (naive UTC).

    A draw that there is already stands. With None there are no new ones: judges are asked about whatever was never drawn. With `first`
    nothing was said of these turns before.
    """
    grades, broken = grade_by(policies, turns, house.tools, house.health)
    rules = list(rules_of_judges(house))
    asked = grades.filter(pl.col("rule_id").is_in(rules))
    if asked.is_empty():
        return Graded(grades, [], frozenset(broken))
    units = asked["unit_id"].unique().to_list()
    known = known_draws(house.store, units, rules)
    draws: list[dict[str, Any]] = []
    if at is not None:
        draw = SecondDraw(house.tools.judges, afforded(house, at), house.settings.sampling.seed)
        fresh = grades.join(known, on=PAIR, how="anti")
        draws = draw.of(fresh, turns, policies, {} if first else _before(house, units))
    drawn = pl.concat([known, pl.DataFrame(draws, known.schema)]) if draws else known
    return Graded(_asked(grades, drawn), draws, frozenset(broken))


def _before(house: House, units: Sequence[str]) -> Words:
    """What was said of some answers until now."""
    return {(row["unit_id"], row["rule_id"]): row["verdict"] for row in said_last(house.store, units).to_dicts()}


def _asked(grades: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    """Leave out what was not drawn, and say of what was whether a stratum that is asked less often would have been, too."""
    left = grades.join(drawn.filter(~pl.col("drawn")), on=PAIR, how="anti", maintain_order="left")
    return left.join(drawn.select(*PAIR, "oversampled"), on=PAIR, how="left", maintain_order="left")
