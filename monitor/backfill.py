"""Grading again, or for the first time, what is stored: one turn on request, or what a rule missed in a time, with its cost first.

A backfill grades only turns that a plan picked, so that rates keep the design they come from; one turn may be graded because somebody
wants to know, which enters no rate. Streams are not fed: what is history is no change of today.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import polars as pl

from monitor.asking import grade_and_draw
from monitor.errors import NotFound, UsageError
from monitor.grading import grade_by
from monitor.model.values import WAITS_FOR_JUDGE, Turn, Unit
from monitor.policy.schema import Policy, units_of_rules
from monitor.recent import known_plans
from monitor.steps import House, drawn
from monitor.store import outcomes, reads, verdicts
from monitor.store.judge_draws import undrawn
from monitor.store.turns import turns_at
from monitor.store.ungraded import arms_of, judged, picked
from monitor.store.units import units_of
from monitor.weighing import named_rules, spared

BATCH: Final = 1_000
TRIED: Final = 200
"""Turns that are graded to know what all of them will take."""

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Gap:
    """What is to be graded: turns with start <= time < end, of some rules (none named: all), those without a verdict or `again` all."""

    start: datetime
    end: datetime
    rules: tuple[str, ...] = ()
    again: bool = False

    def policies(self, house: House) -> list[Policy]:
        """Return the policies in force, with the rules that are meant alone. Raises `UsageError` where a rule is not in force."""
        known = {rule.id for policy in house.policies for rule in policy.rules}
        strange = next((rule for rule in self.rules if rule not in known), None)
        if strange is not None:
            raise UsageError(f"no policy in force has a rule {strange}")
        meant = self.rules or tuple(known)
        return [
            replace(policy, rules=tuple(r for r in policy.rules if r.id in meant and r.everyone))
            for policy in house.policies
        ]

    def ids(self, house: House) -> dict[str, Unit]:
        """Return the rules that are meant and that some grader runs for, and what they are about; others never have a verdict."""
        return units_of_rules(self.policies(house))


def grade_now(house: House, trace_id: str) -> dict[str, Any]:
    """Grade one turn by every policy in force for it. Raises `NotFound`, and `UsageError` while the cycle has yet to see it."""
    rows = reads.turn_row(house.store, trace_id)
    if rows.is_empty():
        raise NotFound(trace_id)
    if rows["seq"][0] > reads.marks(house.store).get("grade", (0, None))[0]:
        raise UsageError("the next cycle looks at this turn; it was finished a moment ago")
    turns = _read(house, house.policies, [rows["seq"][0]], rows["time"][0])
    grades, _ = grade_by(house.policies, turns, house.tools, house.health)
    _add(house, grades, turns)
    bad = grades.filter(pl.col("verdict") == "violates")["rule_id"].to_list()
    return {"trace": trace_id, "graded": grades.height, "violates": bad}


def cost(house: House, gap: Gap) -> dict[str, Any]:
    """Return how many turns a backfill would grade, by how many rules, and about how many seconds that takes; nothing is kept."""
    policies, seqs = gap.policies(house), _missing(house, gap)
    tried = seqs[:: max(1, len(seqs) // TRIED)][:TRIED]
    turns = _read(house, policies, tried, gap.start, by_lot=True)
    began = time.perf_counter()
    graded = grade_and_draw(replace(house, health=None), policies, turns, None).grades
    took = time.perf_counter() - began
    share = len(seqs) / len(tried) if tried else 0.0
    return {
        "turns": len(seqs),
        "rules": len(gap.ids(house)),
        "grades": round(graded.height * share),
        "seconds": round(took * share, 1),
        "calls_of_judges": round(_calls(house, graded) * share),
    }


def _calls(house: House, graded: pl.DataFrame) -> int:
    """How many calls of judges follow from what was graded, where each is asked once."""
    asked = graded.filter(pl.col("reason").str.starts_with(WAITS_FOR_JUDGE))["reason"]
    names = [reason.removeprefix(WAITS_FOR_JUDGE) for reason in asked]
    return sum(len(house.settings.judges[name].panel) or 1 for name in names)


def backfill(house: House, gap: Gap, progress: Progress, alone: AbstractContextManager[Any]) -> dict[str, Any]:
    """Grade what is missing, batch by batch, each of them `alone`; what is done stays done when `progress` raises to stop."""
    policies, seqs = gap.policies(house), _missing(house, gap)
    added = 0
    for first in range(0, len(seqs), BATCH):
        progress(first / len(seqs), f"{first} of {len(seqs)} answers")
        with alone:
            turns = _read(house, policies, seqs[first : first + BATCH], gap.start, by_lot=True)
            grades = grade_and_draw(house, policies, turns, None).grades
            added += _add(house, grades if gap.again else _new(house, grades, gap), turns)
    return {"turns": len(seqs), "grades": added}


def _missing(house: House, gap: Gap) -> list[int]:
    seen, ids = reads.marks(house.store).get("grade", (0, None))[0], gap.ids(house)
    seqs = picked(house.store, gap.start, gap.end, seen, ids, again=gap.again)
    plans, said = known_plans(house.store), undrawn(house.store, gap.start, gap.end)
    if not (named_rules(plans) or said) or gap.again:
        return seqs
    rows = reads.turns_between(house.store, gap.start, gap.end).filter(pl.col("seq").is_in(seqs))
    left = spared(rows.rename({"trace_id": "unit_id"}), plans, ids)
    for unit, rule in judged(house.store, gap.start, gap.end).iter_rows():
        said.setdefault(unit, set()).add(rule)
    lacking = {unit: ids.keys() - left.get(unit, ()) - said.get(unit, set()) for unit in rows["trace_id"]}
    return rows.filter(pl.col("trace_id").is_in([u for u, rules in lacking.items() if rules]))["seq"].to_list()


def _read(
    house: House, policies: Sequence[Policy], seqs: Sequence[int], since: datetime, *, by_lot: bool = False
) -> list[Turn]:
    """Read what is graded: all of it, or what was drawn for each rule alone."""
    turns = turns_at(house.store, seqs, since) if seqs else []
    return units_of(house.store, drawn(house, turns) if by_lot else turns, policies)


def _new(house: House, grades: pl.DataFrame, gap: Gap) -> pl.DataFrame:
    """Those of turns and rules that no machine has judged: a turn may lack one rule and have another."""
    return grades.join(judged(house.store, gap.start, gap.end), on=["unit_id", "rule_id"], how="anti")


def _add(house: House, grades: pl.DataFrame, turns: Sequence[Turn]) -> int:
    arms = arms_of(house.store, [turn.unit_id for turn in turns])
    if grades.is_empty():
        return 0
    with house.store.transaction() as txn:
        verdicts.add_verdicts(txn, grades)
        outcomes.ask_rereads(txn, arms)
    return grades.height
