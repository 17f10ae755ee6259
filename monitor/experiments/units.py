"""Who counts in an experiment: units that stayed in one arm, and whether they arrived in the designed shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from monitor.experiments.phases import Phase
from monitor.stats.srm import MISMATCH, srm_e_value
from monitor.wording import percent


@dataclass(frozen=True)
class Assignment:
    """How the units of one experiment fell into its arms. `blocked` is why a phase may not be read, by phase."""

    users: dict[str, int]
    contaminated: int
    blocked: Mapping[Phase, str]


def assign(rows: pl.DataFrame, known: Sequence[Phase]) -> tuple[pl.DataFrame, Assignment]:
    """Return the rows of units that were seen in one arm only, and the account of all units.

    `rows`: arm, metric, unit, n, total, first, last of one experiment; each of its phases has its own sample ratio. Units of two arms saw both treatments and tell of neither.
    """
    arms_of = rows.group_by("unit").agg(arms=pl.col("arm").n_unique(), arm=pl.col("arm").first())
    clean = arms_of.filter(pl.col("arms") == 1)
    counts = dict.fromkeys(sorted(rows["arm"].unique().to_list()), 0)
    counts.update(clean.group_by("arm").len().iter_rows())
    kept = rows.join(clean.select("unit"), on="unit", how="semi")
    came = clean.join(rows.group_by("unit").agg(pl.col("first").min()), on="unit")
    return kept, Assignment(counts, arms_of.height - clean.height, _blocked(came, counts, known))


def _blocked(came: pl.DataFrame, whole: Mapping[str, int], known: Sequence[Phase]) -> dict[Phase, str]:
    """Hold each phase against its design; designed arms that nobody ever was in count as missing in all of them."""
    found = {}
    for phase in known:
        users = dict.fromkeys(phase.arms, 0)
        users.update(came.filter(phase.holds() & pl.col("arm").is_in(phase.arms)).group_by("arm").len().iter_rows())
        here = {arm: n for arm, n in (phase.split or {}).items() if arm in phase.arms or arm not in whole}
        reason = _mismatch(users, here if phase.split is not None else None, len(known))
        if reason is not None:
            found[phase] = reason if len(known) == 1 else f"{phase.words}: {reason}"
    return found


def _mismatch(users: Mapping[str, int], design: Mapping[str, float] | None, checks: int) -> str | None:
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
    if e_value < MISMATCH * checks:
        return None
    seen = " : ".join(f"{arm} {users.get(arm, 0)}" for arm in shares)
    meant = " : ".join(percent(share / sum(shares.values())) for share in shares.values())
    return (
        f"sample-ratio mismatch: users fell {seen}, the design is {meant} (e-value {e_value:.2g}, limit {MISMATCH * checks:.0f}); "
        "find out why users are missing, or write the real design as experiments.split"
    )
