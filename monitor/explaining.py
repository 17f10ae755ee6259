"""Why a turn was picked or not, by which draw and with which number, and why a rule has no verdict on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from monitor.judge_draws import number_of
from monitor.model.values import Turn
from monitor.policy.schema import BoundRule, Policy
from monitor.recent import as_drawn, known_plans
from monitor.sampling import OTHERS, Plan, Versions, by_name, position
from monitor.store import reads
from monitor.store.behind import Missed, missed
from monitor.store.explain import explain_finding, explain_unit
from monitor.store.judge_draws import draws_between, draws_of
from monitor.store.opening import Store
from monitor.store.ungraded import judged
from monitor.weighing import named_rules, spared

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When a draw is made again does not matter."""


def explain(store: Store, policies: Sequence[Policy], subject: str) -> list[str]:
    """Return the lines of a finding; or why a trace was sampled, every verdict on it, and why others are missing. None for neither."""
    found = explain_finding(store, subject)
    return found or explain_unit(store, subject, draws(store, subject), ungraded(store, policies, subject))


def draws(store: Store, trace_id: str) -> list[str]:
    """Return what each sampling plan decided of a turn, with the number it drew; none for what is no turn."""
    turns = reads.turn_row(store, trace_id)
    if turns.is_empty():
        return []
    seq = int(turns["seq"][0])
    if seq > reads.marks(store).get("sample", (0, None))[0]:
        return ["not sampled yet: the next cycle draws it"]
    return [_draw(plan, turns) for plan in _in_force(known_plans(store), seq)]


def _in_force(plans: Sequence[tuple[int, Plan]], seq: int) -> Iterator[Plan]:
    """The version of every plan that a turn was under; turns of before the first were under the first."""
    for _, known in by_name(plans):
        yield next((plan for since, plan in reversed(known) if since <= seq), known[0][1])


def _draw(plan: Plan, turns: pl.DataFrame) -> str:
    rate = float(turns.select(plan.probability()).item())
    number = position(turns["trace_id"][0], plan.seed)
    stratum = turns.select(plan.stratum()).item()
    what = f"its number {number:.6f} is"
    if number < rate:
        return f"picked by the plan {plan.name}: {what} below the rate {rate:g} of {stratum}{_of_rules(plan, turns, number)}"
    return f"not picked by the plan {plan.name}: {what} not below the rate {rate:g} of {stratum}"


def _of_rules(plan: Plan, turns: pl.DataFrame, number: float) -> str:
    """Say which rules such a plan asks, where some have rates of their own."""
    named = sorted(plan.rules, key=lambda rule: (rule == OTHERS, rule))
    rates = {rule: float(turns.select(plan.probability(rule)).item()) for rule in named}
    said = [
        f"{rule or 'every other rule'} {'is' if number < rate else 'is not'} asked (rate {rate:g})"
        for rule, rate in rates.items()
    ]
    return f"; by the same number {', '.join(said)}" if said else ""


@dataclass(frozen=True)
class Looked:
    """What decides why a turn has no verdict, read once for all rules: `turn` is without its texts, `spared` its rules that no draw picked."""

    turn: Turn
    row: pl.DataFrame
    picked: bool
    spared: frozenset[str]
    graded_upto: int
    missed: tuple[Missed, ...]
    undrawn: dict[str, str]
    plans: tuple[tuple[int, Plan], ...]

    @property
    def seq(self) -> int:
        """Its place in the order of finishing."""
        return int(self.row["seq"][0])


def ungraded(store: Store, policies: Sequence[Policy], trace_id: str) -> list[dict[str, str]]:
    """Return the rules that have no verdict on a turn, each with its title and why."""
    turns = reads.turn_row(store, trace_id)
    if turns.is_empty():
        return []
    said = set(store.frame("SELECT DISTINCT rule_id FROM base.grades WHERE unit_id = ?", [trace_id])["rule_id"])
    held = [policy for policy in policies if policy.grades(turns["app"][0] or "")]
    open_ones = [(policy, rule) for policy in held for rule in policy.rules if rule.id not in said]
    if not open_ones:
        return []
    looked = _looked(store, turns, [rule.id for _, rule in open_ones])
    return [
        {"rule_id": rule.id, "title": rule.text.title, "why": _why(policy, rule, looked)} for policy, rule in open_ones
    ]


def _looked(store: Store, turns: pl.DataFrame, rules: Sequence[str]) -> Looked:
    turn = _without_texts(turns.row(0, named=True))
    picked = store.frame("SELECT 1 FROM base.samples WHERE unit_id = ? LIMIT 1", [turn.unit_id]).height > 0
    return Looked(
        turn,
        turns,
        picked,
        as_drawn(store, [turn], rules)[0].spared,
        reads.marks(store).get("grade", (0, None))[0],
        tuple(missed(store)),
        _undrawn(store, turn.unit_id),
        tuple(known_plans(store)),
    )


def _without_texts(row: dict[str, Any]) -> Turn:
    """Of whom a turn is says which rules hold for it; what was said does not."""
    whose = {name: row[name] for name in ("region", "channel", "audience", "tenant", "language")}
    return Turn(row["trace_id"], row["time"].replace(tzinfo=UTC), row["app"] or "", None, None, **whose)


def _why(policy: Policy, rule: BoundRule, looked: Looked) -> str:
    if not policy.covers(looked.turn):
        return f"policy {policy.id} does not hold for it: its scope names others"
    if not rule.asked_in(looked.turn.region):
        return "no grader runs for this rule here; it waits for a judge, or for a grader that looks where the rule does"
    if looked.seq > looked.graded_upto:
        return "the next cycle grades it"
    if unpicked := _unpicked(rule.id, looked):
        return unpicked
    if any(behind.part == rule.id and behind.after < looked.seq <= (behind.upto or 0) for behind in looked.missed):
        return "its grader failed; the rule catches up once it works"
    return f"policy {policy.id} {policy.version} came into force after it was graded"


def _unpicked(rule_id: str, looked: Looked) -> str:
    """Say that a turn, or a rule, was not picked; "" where it was."""
    if not looked.picked:
        return "it was not picked to be graded"
    if rule_id in looked.spared:
        return f"it was not picked for this rule: {_number(rule_id, looked)}"
    return looked.undrawn.get(rule_id, "")


def _undrawn(store: Store, unit_id: str) -> dict[str, str]:
    """Say by rule why no judge is asked about an answer, where the lot decided that."""
    rows = draws_of(store, unit_id).filter(~pl.col("drawn"))
    named = rows.select("rule_id", "inclusion_probability", "app", "band").iter_rows()
    return {
        rule: f"its judge can look at some answers only, and this was not drawn: its chance was {chance:.3g}, "
        f"as of all answers of {app} that local graders call {band}"
        for rule, chance, app, band in named
    }


def _number(rule_id: str, looked: Looked) -> str:
    """Say by which draws a rule is not asked of a turn."""
    drawn = [
        f"its number {position(looked.turn.unit_id, plan.seed):.6f} in the plan {plan.name} is not below the rate {rate:g} of the rule"
        for plan in _in_force(looked.plans, looked.seq)
        if (rate := float(looked.row.select(plan.probability(rule_id)).item())) > 0
    ]
    return "; ".join(drawn) or "no plan asks it"


def redrawn(store: Store, start: datetime, end: datetime) -> dict[str, Any]:
    """Draw the turns of a time again, by the plans that were in force, and hold that against what was stored."""
    turns = reads.turns_between(store, start, end).filter(
        pl.col("seq") <= reads.marks(store).get("sample", (0, None))[0]
    )
    known: dict[str, set[str]] = {}
    for plan_name, unit in store.frame(
        "SELECT plan, unit_id FROM base.samples WHERE time >= ? AND time < ?", [start, end]
    ).iter_rows():
        known.setdefault(plan_name, set()).add(unit)
    again = _again(known_plans(store), turns)
    names = sorted({*known, *again})
    plans = [
        {
            "plan": name,
            "stored": len(known.get(name, set())),
            "drawn_again": len(again.get(name, set())),
            "only_stored": sorted(known.get(name, set()) - again.get(name, set())),
            "only_drawn_again": sorted(again.get(name, set()) - known.get(name, set())),
        }
        for name in names
    ]
    return {
        "turns": turns.height,
        "plans": plans,
        "judges": _judges_again(store, start, end),
        "rules": _by_rule(judged(store, start, end), turns.rename({"trace_id": "unit_id"}), known, known_plans(store)),
    }


def _judges_again(store: Store, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return, of each rule whose judge can look at some answers only, how many draws are stored, and how many come out otherwise."""
    found: dict[str, dict[str, Any]] = {}
    for unit, rule, seed, chance, drawn in draws_between(store, start, end).iter_rows():
        one = found.setdefault(rule, {"rule": rule, "stored": 0, "drawn": 0, "differ": 0})
        one["stored"] += 1
        one["drawn"] += drawn
        one["differ"] += drawn != (number_of(unit, rule, seed) < chance)
    return [found[rule] for rule in sorted(found)]


def _by_rule(
    words: pl.DataFrame, turns: pl.DataFrame, drawn: dict[str, set[str]], plans: Versions
) -> list[dict[str, Any]]:
    """Return, of each rule with a rate of its own, how many picked turns it is asked of by lot, and how many of those a machine judged."""
    picked = set[str]().union(*drawn.values())
    if not named_rules(plans) or not picked:
        return []
    said: dict[str, set[str]] = {}
    for unit, rule in words.iter_rows():
        said.setdefault(rule, set()).add(unit)
    left = spared(turns.filter(pl.col("unit_id").is_in(picked)), plans, said)
    asked = {rule: {unit for unit in picked if rule not in left.get(unit, ())} for rule in sorted(said)}
    return [
        {"rule": rule, "asked": len(units), "judged": len(units & said[rule])}
        for rule, units in asked.items()
        if len(units) < len(picked)
    ]


def _again(plans: Sequence[tuple[int, Plan]], turns: pl.DataFrame) -> dict[str, set[str]]:
    drawn: dict[str, set[str]] = {}
    for name, known in by_name(plans):
        ends = [since for since, _ in known[1:]]
        for (since, plan), until in zip(known, [*ends, None], strict=True):
            first = pl.lit(value=True) if since == known[0][0] else pl.col("seq") >= since
            last = pl.lit(value=True) if until is None else pl.col("seq") < until
            part = turns.filter(first & last).rename({"trace_id": "unit_id"})
            drawn.setdefault(name, set()).update(one.unit_id for one in plan.draw(part, EVER))
    return drawn
