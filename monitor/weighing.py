"""How probable it was that a turn is graded, and which rules are asked of it: what its plans drew, reckoned again.

A turn is in the sample of a rule when any plan's number of it is below that plan's rate of the rule. So the probability of a turn and rule
is 1 - prod(1 - p) over all plans, known exactly, and nobody who grades a turn for another reason changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from monitor.sampling import OTHERS, Versions, by_name, in_force, position

NUMBER: Final = "number of "
"""What the column of the numbers that a plan drew begins with."""


def weighted(graded: pl.DataFrame, plans: Versions) -> pl.DataFrame:
    """Return `graded` with the probability of every sampled turn to be picked by any plan: 1 - prod(1 - p) over all plans.

    `graded` has seq, `plans` (names of those that picked the turn; NULL: none did) and `inclusion_probability`, that of those
    together. A plan that could have picked a turn and did not counts with the probability that it had: a turn that two plans reach
    is in the sample more often than one that only one reaches. `plans`: (since which seq, plan); a plan that was changed is
    there several times, and each turn was under one of them. Where a plan asks rules by rates of their own, that of the rule of a row
    counts, and there is none where the rule was not asked by lot. What a sender that samples itself says (`sampling_weight`) is in it,
    and so is how probable it was that a judge was asked, where `judge_probability` and `judge_drawn` say that this was drawn as well:
    `picked_probability` is then that of before.
    """
    return _of_judges(_of_the_sender(_of_plans(graded, plans)))


def _of_plans(graded: pl.DataFrame, plans: Versions) -> pl.DataFrame:
    if named_rules(plans):
        return _of_rules(graded, plans)
    missed = 1 - pl.col("inclusion_probability")
    for name, versions in by_name(plans):
        picked = pl.col("plans").list.contains(name)
        missed *= pl.when(picked).then(1.0).otherwise(1 - in_force(versions))
    sampled = pl.col("plans").is_not_null()
    return graded.with_columns(inclusion_probability=pl.when(sampled).then(1 - missed)).drop("plans")


def named_rules(plans: Versions) -> set[str]:
    """Return the rules that some plan asks by rates of their own, among them `OTHERS` where those are asked of fewer turns than are picked."""
    return {rule for _, plan in plans for rule in plan.rules}


def spared(turns: pl.DataFrame, plans: Versions, rules: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return by unit the ones of `rules` that no plan asks of it; units that every rule is asked of are not there.

    `turns`: unit_id, seq, time, app and the columns of the strata, of turns that were picked.
    """
    named = named_rules(plans)
    if not named or turns.is_empty():
        return {}
    by_key = {key: [rule for rule in rules if _key(rule, named) == key] for key in sorted(named | {OTHERS})}
    wanted = [key for key, meant in by_key.items() if meant]
    asked = _numbered(turns, plans).select("unit_id", *(_asked(plans, key).alias(f"asked {key}") for key in wanted))
    found = {
        unit: frozenset(rule for key, yes in zip(wanted, answers, strict=True) if not yes for rule in by_key[key])
        for unit, *answers in asked.iter_rows()
    }
    return {unit: left for unit, left in found.items() if left}


def _key(rule: str, named: set[str]) -> str:
    return rule if rule in named else OTHERS


def _of_rules(graded: pl.DataFrame, plans: Versions) -> pl.DataFrame:
    """Give each row the probability that its rule was asked of its turn; NULL where it was not, or no plan picked the turn."""
    named = named_rules(plans)
    key = pl.when(pl.col("rule_id").is_in([*named])).then("rule_id").otherwise(pl.lit(OTHERS))
    numbered = _numbered(graded.with_columns(key=key), plans)
    parts = [_of_rule(part, plans, str(name)) for (name,), part in numbered.group_by("key", maintain_order=True)]
    return pl.concat([graded.clear(), *(part.select(graded.columns) for part in parts)]).drop("plans")


def _of_rule(rows: pl.DataFrame, plans: Versions, rule: str) -> pl.DataFrame:
    missed = pl.lit(1.0)
    for _, versions in by_name(plans):
        missed *= 1 - in_force(versions, rule)
    drawn = pl.col("plans").is_not_null() & _asked(plans, rule)
    return rows.with_columns(inclusion_probability=pl.when(drawn).then(1 - missed))


def _asked(plans: Versions, rule: str) -> pl.Expr:
    """Whether some plan asks `rule` of a turn."""
    return pl.any_horizontal(pl.col(NUMBER + name) < in_force(versions, rule) for name, versions in by_name(plans))


def _numbered(turns: pl.DataFrame, plans: Versions) -> pl.DataFrame:
    """Return `turns` with the number that each plan draws of each."""
    units = turns["unit_id"].unique()
    seeds = {name: versions[0][1].seed for name, versions in by_name(plans)}
    numbers = {NUMBER + name: [position(unit, seed) for unit in units] for name, seed in seeds.items()}
    return turns.join(pl.DataFrame({"unit_id": units, **numbers}), on="unit_id", maintain_order="left")


def _of_judges(graded: pl.DataFrame) -> pl.DataFrame:
    """Of what a second draw has picked both were needed; what it has not picked is there for another reason, if at all."""
    if "judge_drawn" not in graded.columns:
        return graded
    known, both = pl.col("inclusion_probability"), pl.col("inclusion_probability") * pl.col("judge_probability")
    return graded.with_columns(
        inclusion_probability=pl.when(pl.col("judge_drawn").is_null()).then(known).when("judge_drawn").then(both),
        picked_probability=pl.when(pl.col("judge_drawn").is_not_null()).then(known),
    ).drop("judge_probability", "judge_drawn")


def _of_the_sender(graded: pl.DataFrame) -> pl.DataFrame:
    """A turn that reached us with a chance of 1 in `sampling_weight` is picked with so much less, and weighs so much more."""
    if "sampling_weight" not in graded.columns:
        return graded
    share = 1 / pl.col("sampling_weight").fill_null(1.0).clip(1.0)
    known: Sequence[str] = [n for n in ("inclusion_probability", "label_probability") if n in graded.columns]
    return graded.with_columns(pl.col(known) * share).drop("sampling_weight")
