"""Who counts in an experiment: units that stayed in one arm, and whether they arrived in the designed shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from monitor.stats.srm import MISMATCH, srm_e_value
from monitor.wording import percent


@dataclass(frozen=True)
class Assignment:
    """How the units of one experiment fell into its arms. `blocked` is why nothing may be read, or None."""

    users: dict[str, int]
    contaminated: int
    blocked: str | None


def assign(rows: pl.DataFrame, design: Mapping[str, float] | None) -> tuple[pl.DataFrame, Assignment]:
    """Return the rows of units that were seen in one arm only, and the account of all units.

    `rows`: arm, metric, unit, n, total of one experiment. Units of two arms saw both treatments and tell of neither.
    """
    arms_of = rows.group_by("unit").agg(arms=pl.col("arm").n_unique(), arm=pl.col("arm").first())
    clean = arms_of.filter(pl.col("arms") == 1)
    counts = dict.fromkeys(sorted(rows["arm"].unique().to_list()), 0)
    counts.update(clean.group_by("arm").len().iter_rows())
    kept = rows.join(clean.select("unit"), on="unit", how="semi")
    return kept, Assignment(counts, arms_of.height - clean.height, _mismatch(counts, design))


def _mismatch(users: Mapping[str, int], design: Mapping[str, float] | None) -> str | None:
    if len(users) < 2:
        return None
    if design is None:
        shares = dict.fromkeys(users, 1.0 / len(users))
    else:
        unknown = sorted(arm for arm in users if design.get(arm, 0) <= 0)
        if unknown:
            return f"arm {unknown[0]} has no designed share: add it to experiments.split"
        shares = {arm: share for arm, share in design.items() if share > 0}
    e_value = srm_e_value([users.get(arm, 0) for arm in shares], list(shares.values()))
    if e_value < MISMATCH:
        return None
    seen = " : ".join(f"{arm} {users.get(arm, 0)}" for arm in shares)
    meant = " : ".join(percent(share / sum(shares.values())) for share in shares.values())
    return (
        f"sample-ratio mismatch: users fell {seen}, the design is {meant} (e-value {e_value:.2g}, limit {MISMATCH:.0f}); "
        "find out why users are missing, or write the real design as experiments.split"
    )
