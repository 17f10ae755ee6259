"""What an edited policy would change: turns graded with it beside the policies in force, and nothing kept.

Rules that are the same in both are graded once. Verdicts are those that the cycle would give once the policy is active, for
both go through the same cascade. Rates come with the interval of what was graded: all of the time asked for, or a draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import msgspec
import polars as pl

from monitor.counted import counted
from monitor.graders.cascade import grade_turns
from monitor.graders.grader import Tools
from monitor.model.values import Turn, Verdict
from monitor.policy.load import in_force
from monitor.policy.schema import Policy
from monitor.policy.watching import Watched, levels, watched, zero_tolerance
from monitor.stats.intervals import share_interval

DECISIVE: Final = [Verdict.VIOLATES.value, Verdict.COMPLIES.value]
WORDS: Final[dict[str, Any]] = {
    "unit_id": pl.String,
    "app": pl.String,
    "time": pl.Datetime("us"),
    "rule_id": pl.String,
    "verdict": pl.String,
}


@dataclass(frozen=True)
class Outcome:
    """What becomes of one rule in one app. `n` counts answers with a decisive verdict; a rate of none is None."""

    rule_id: str
    app: str
    title: str
    n_before: int
    n_after: int
    newly_flagged: list[str]
    no_longer_flagged: list[str]
    rate_before: float | None
    rate_after: float | None
    interval_before: tuple[float, float] | None
    interval_after: tuple[float, float] | None
    level_before: str | None
    level_after: str | None

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Trial:
    """A house before and after an edit, as the policies, or parts of them, that are graded: what is the same, and what each side has alone."""

    before: Sequence[Policy]
    after: Sequence[Policy]
    same: tuple[Policy, ...]
    old: tuple[Policy, ...]
    new: tuple[Policy, ...]

    def grade(self, turns: Sequence[Turn], tools: Tools) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the verdicts of before and after on `turns`, a row a turn and rule (columns `WORDS`)."""
        apps = pl.DataFrame(
            {"unit_id": [t.unit_id for t in turns], "app": [t.app for t in turns]}, schema_overrides={"app": pl.String}
        ).unique("unit_id")
        same, old, new = (
            grade_turns(parts, turns, tools).join(apps, on="unit_id").select(list(WORDS))
            for parts in (self.same, self.old, self.new)
        )
        return pl.concat([same, old]), pl.concat([same, new])


def trial(own: Sequence[Policy], edited: Policy) -> Trial:
    """Return what to grade to see `edited` beside the policies in force; it is taken to be active, whatever its status says."""
    active = _activated(edited)
    kept = [active if policy.id == active.id else policy for policy in own]
    before, after = in_force(own), in_force(kept if active in kept else [*own, active])
    gone = [policy for policy in before if policy not in after]
    come = [policy for policy in after if policy not in before]
    return Trial(before, after, tuple(_same(gone, come)), tuple(_alone(gone, come)), tuple(_alone(come, gone)))


def _activated(policy: Policy) -> Policy:
    header = msgspec.structs.replace(policy.file.policy, status="active")
    return replace(policy, file=msgspec.structs.replace(policy.file, policy=header))


def _reach(policy: Policy) -> Any:
    """Return what decides for which turns a policy holds."""
    return policy.file.scope, policy.status, [_reach(other) for other in policy.unless]


def _twin(policy: Policy, others: Sequence[Policy]) -> Policy | None:
    """Return the other side of `policy`, where both hold for the same turns."""
    alike = (other for other in others if other.id == policy.id)
    return next((other for other in alike if _reach(other) == _reach(policy)), None)


def _same(gone: Sequence[Policy], come: Sequence[Policy]) -> Iterator[Policy]:
    """Rules that are the same on both sides; those of the starter policy, which nobody edited, need not be graded."""
    for policy in come:
        twin = _twin(policy, gone)
        shared = tuple(rule for rule in policy.rules if twin is not None and rule in twin.rules)
        if shared and not policy.unless:
            yield replace(policy, rules=shared)


def _alone(side: Sequence[Policy], others: Sequence[Policy]) -> Iterator[Policy]:
    for policy in side:
        twin = _twin(policy, others)
        alone = tuple(rule for rule in policy.rules if twin is None or rule not in twin.rules)
        if alone:
            yield replace(policy, rules=alone)


def outcomes(
    tried: Trial, graded: Iterable[tuple[pl.DataFrame, pl.DataFrame]], span: timedelta, today: date
) -> list[Outcome]:
    """Return what becomes of each rule and app, those with most changed verdicts first.

    `graded` are batches of `Trial.grade` over turns of a time as long as `span`; `today` says which policies may alert.
    """
    batches = list(graded)
    sides = [pl.concat([pl.DataFrame(schema=WORDS), *(batch[side] for batch in batches)]) for side in (0, 1)]
    named = [
        _levels(words, watched(side, today), span)
        for words, side in zip(sides, (tried.before, tried.after), strict=True)
    ]
    titles = {rule.id: rule.text.title for policy in (*tried.before, *tried.after) for rule in policy.rules}
    both = sides[0].join(
        sides[1].drop("time"), on=["unit_id", "app", "rule_id"], how="full", coalesce=True, suffix="_after"
    )
    found = []
    for (rule_id, app), rows in both.sort("unit_id").group_by("rule_id", "app", maintain_order=True):
        pair = (str(app), str(rule_id))
        found.append(_outcome(pair, titles[pair[1]], rows, (named[0].get(pair), named[1].get(pair))))
    return sorted(found, key=lambda one: (-len(one.newly_flagged) - len(one.no_longer_flagged), one.rule_id, one.app))


def _outcome(pair: tuple[str, str], title: str, rows: pl.DataFrame, named: tuple[str | None, str | None]) -> Outcome:
    was = (pl.col("verdict") == Verdict.VIOLATES).fill_null(value=False)
    now = (pl.col("verdict_after") == Verdict.VIOLATES).fill_null(value=False)
    n_before, n_after = (int(rows[name].is_in(DECISIVE).sum()) for name in ("verdict", "verdict_after"))
    bad_before, bad_after = (rows.filter(flagged).height for flagged in (was, now))
    return Outcome(
        rule_id=pair[1],
        app=pair[0],
        title=title,
        n_before=n_before,
        n_after=n_after,
        newly_flagged=rows.filter(now & ~was)["unit_id"].to_list(),
        no_longer_flagged=rows.filter(was & ~now)["unit_id"].to_list(),
        rate_before=bad_before / n_before if n_before else None,
        rate_after=bad_after / n_after if n_after else None,
        interval_before=_interval(bad_before, n_before),
        interval_after=_interval(bad_after, n_after),
        level_before=named[0],
        level_after=named[1],
    )


def _interval(bad: int, n: int) -> tuple[float, float] | None:
    if not n:
        return None
    low, high = share_interval(bad, n).interval
    return low, high


def _levels(words: pl.DataFrame, rules: dict[str, Watched], span: timedelta) -> dict[tuple[str, str], Any]:
    """Return how each rule stands: what would alert, were these the answers of the time."""
    bad = (pl.col("verdict") == Verdict.VIOLATES).cast(pl.Float64).sum().alias("bad")
    decisive = words.filter(pl.col("verdict").is_in(DECISIVE)).with_columns(bucket=pl.col("time").dt.truncate("15m"))
    counts = decisive.group_by("app", "rule_id", "bucket").agg(pl.len().cast(pl.Float64).alias("n"), bad)
    counts = counts.with_columns(probability=pl.lit(1.0)).sort("bucket")
    cases = words.filter((pl.col("verdict") == Verdict.VIOLATES) & pl.col("rule_id").is_in(zero_tolerance(rules)))
    return dict(levels(counted(counts), {*cases.select("app", "rule_id").iter_rows()}, rules, span))
