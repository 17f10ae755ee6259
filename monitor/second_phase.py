"""Rates where a second draw picks what judges are asked about: how many answers each stratum has is known of all that were picked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from monitor.stats.estimators import Strata, Stratified, stratified
from monitor.stats.ranks import Floats

STRATUM: Final = "stratum:"
"""What the name of the column begins with that says of a rule in which stratum a turn lies, drawn or not; 0: nothing was drawn for it."""

PICKED: Final = "picked:"
"""And that of how probable it was that the turn was picked before."""

Numbers = NDArray[np.uint64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SecondPhase:
    """Where turns lie in the second draw under one rule, and how probable it was that they were picked before."""

    stratum: Numbers
    picked: Floats

    @property
    def content(self) -> bytes:
        """All of it."""
        return self.stratum.tobytes() + self.picked.tobytes()

    def cut(self, rows: slice) -> SecondPhase | None:
        """Return that of some of the turns; None where nothing was drawn for any of them."""
        stratum = self.stratum[rows]
        return SecondPhase(stratum, self.picked[rows]) if stratum.any() else None

    def share(self, bad: Floats, decided: Bools, probability: Floats, cluster: Ints) -> Stratified:
        """Return the share of `bad` ones; only of turns that are `decided` is it known, and those were so by `probability`.

        What was decided and lies in no stratum makes one of its own; what nobody decided counts as its stratum does.
        """
        inside = (self.stratum > 0) & (self.picked > 0)
        whole = decided | inside
        chance = np.where(inside, self.picked, probability)[whole]
        of = np.unique(self.stratum[whole], return_inverse=True)[1].astype(np.int64)
        sizes = np.bincount(of, 1 / chance).astype(np.float64)
        strata = Strata(of[decided[whole]], sizes, len(np.unique(cluster[whole])))
        return stratified(bad[decided], probability[decided], cluster[decided], strata)


def with_strata(turns: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Return `turns` (a row a unit) with two columns for each rule of which `said` (a row a unit and rule) names strata."""
    known = said.drop_nulls("stratum") if "stratum" in said.columns else said.clear()
    if known.is_empty():
        return turns
    values = known.select("unit", "rule_id", pl.col("stratum").hash(), pl.col("picked_probability").fill_null(0.0))
    for prefix, column in ((STRATUM, "stratum"), (PICKED, "picked_probability")):
        turns = turns.join(by_unit(values, prefix, column), on="unit", how="left")
    return turns


def by_unit(said: pl.DataFrame, prefix: str, column: str) -> pl.DataFrame:
    """Return a `column` of `said` (a row a unit and rule) a row a unit, with a column a rule, `prefix` before its name."""
    rules = said["rule_id"].unique(maintain_order=True).to_list()
    if len(rules) == 1:  # nothing to turn
        return said.select("unit", pl.col(column).alias(f"{prefix}{rules[0]}")).unique("unit", keep="first")
    named = said.select("unit", column, rule=pl.lit(prefix) + pl.col("rule_id"))
    return named.pivot("rule", index="unit", values=column, aggregate_function="first")


def second_phase(turns: pl.DataFrame, rule: str) -> SecondPhase | None:
    """Return where `turns` lie under a rule; None where nothing was drawn for it."""
    if STRATUM + rule not in turns.columns:
        return None
    stratum = turns[STRATUM + rule].to_numpy()
    return SecondPhase(stratum, turns[PICKED + rule].to_numpy()) if stratum.any() else None
