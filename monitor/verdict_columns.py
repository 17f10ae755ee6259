"""What was said of turns, a row a turn and a column a rule: the form in which rates are computed, small enough to be kept.

Names of users, sessions and turns are numbers here (hashes), which tell equal from different and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from monitor.rule_verdicts import (
    BELIEF,
    CODES,
    DECISIVE,
    NOTHING,
    PROBABILITY,
    RULE,
    VIOLATES,
    Codes,
    Ints,
    Said,
)
from monitor.second_phase import PICKED, STRATUM, SecondPhase, by_unit, second_phase, with_strata
from monitor.stats.erring import Errors
from monitor.stats.ranks import Floats

OF_PEOPLE: Final = {
    "label": pl.String,
    "first_label": pl.String,
    "label_probability": pl.Float64,
    "contested": pl.Boolean,
}
"""Columns that are not there where nobody labels."""


@dataclass(frozen=True)
class Words:
    """The turns of one app (rows of a `Told`), and what was said of them by rule."""

    turns: pl.DataFrame
    by_rule: Mapping[str, Said]

    @cached_property
    def ordered(self) -> bool:
        """Whether the turns are in the order of time."""
        return self.turns["time"].is_sorted()


@dataclass(frozen=True)
class Told:
    """`turns`: unit, time, app, probability (0: no plan picked it), cluster, user, segment columns, and a code per rule.

    Rules that are asked less often have their own probability there, too, and those of judges what they believe.
    `labels`: unit, rule_id, label (NULL where people disagree), first_label, label_probability, contested; a row a labelled unit and rule.
    """

    turns: pl.DataFrame
    labels: pl.DataFrame
    errors: Errors | None = None  # how often the people err who gave the labels; None: nothing tells of it

    @cached_property
    def by_app(self) -> Mapping[str | None, Words]:
        """What was said of all these turns."""
        parts = self.turns.group_by("app", maintain_order=True)
        return {app: Words(rows, dict(by_rule(rows, self.labels))) for (app,), rows in parts}

    def between(self, start: datetime, end: datetime) -> Told:
        """Return what was said of turns with start <= time < end; labels of others mean nothing."""
        return Told(self.turns.filter((pl.col("time") >= start) & (pl.col("time") < end)), self.labels, self.errors)

    def observations(self, bucket: timedelta) -> pl.DataFrame:
        """Return app, rule_id, bucket, probability, n and bad: decisive verdicts of machines, one a user, rule and bucket of time."""
        keys = ["app", "rule_id", "bucket", "probability"]
        picked = self.turns.filter(pl.col("probability") > 0).with_columns(bucket=pl.col("time").dt.truncate(bucket))
        long = pl.concat([_long(picked, rules, column) for column, rules in _by_probability(picked).items()])
        decisive = long.filter(pl.col("code").is_in(DECISIVE) & (pl.col("probability") > 0))
        by_user = decisive.group_by(*keys, "cluster").agg(bad=(pl.col("code") == VIOLATES).mean())
        return by_user.group_by(keys).agg(n=pl.len().cast(pl.Float64), bad=pl.col("bad").sum()).sort(keys)


def _by_probability(turns: pl.DataFrame) -> dict[str, list[str]]:
    """The rules by the column that holds the probability of their verdicts."""
    found: dict[str, list[str]] = {"probability": []}
    for rule in (name.removeprefix(RULE) for name in turns.columns if name.startswith(RULE)):
        own = PROBABILITY + rule
        found.setdefault(own if own in turns.columns else "probability", []).append(rule)
    return found


def _long(turns: pl.DataFrame, rules: Sequence[str], probability: str) -> pl.DataFrame:
    """What was said under some rules of equal probability, a row a turn and rule."""
    kept = turns.select(
        "app", "bucket", "cluster", pl.col(probability).alias("probability"), *(RULE + r for r in rules)
    )
    long = kept.unpivot(index=["app", "bucket", "probability", "cluster"], variable_name="rule_id", value_name="code")
    return long.with_columns(pl.col("rule_id").cast(pl.String).str.strip_prefix(RULE), pl.col("code").cast(pl.UInt8))


def told(grades: pl.DataFrame, columns: Sequence[str] = ()) -> Told:
    """Return `grades` (a row a unit and rule, `monitor.estimates` says which columns) a row a turn, with segment `columns`.

    One user is one cluster; where the user is unknown the session is, and else the turn stands for itself.
    """
    absent = (pl.lit(None, kind).alias(name) for name, kind in OF_PEOPLE.items() if name not in grades.columns)
    names = [name for name in ("user_id", "session_id", "unit_id") if name in grades.columns]
    user = pl.col("user_id") if "user_id" in names else pl.lit(None, pl.String)
    whole = grades.with_columns(absent).with_columns(
        unit=pl.col("unit_id").hash(),
        cluster=pl.coalesce(names).hash(),
        user=pl.when(user.is_not_null()).then(user.hash()),
        code=_code("verdict"),
        label=_code("label"),
        first_label=_code("first_label"),
        contested=pl.col("contested").fill_null(value=False),
    )
    kept = ("unit", "time", "app", "cluster", "user", *dict.fromkeys(columns))
    whole = whole.with_columns(probability=pl.col("inclusion_probability").cast(pl.Float64).fill_null(0.0))
    turns, less = whole.select(*kept, "probability"), whole.clear()
    if whole["unit"].is_duplicated().any():  # several rules were asked of a unit
        most = turns.with_columns(pl.col("probability").max().over("unit"))
        turns, less = most.unique("unit", keep="first"), whole.filter(pl.col("probability") != most["probability"])
    said = whole.drop_nulls("code")
    turns = turns.join(by_unit(said, RULE, "code"), on="unit", how="left") if said.height else turns
    turns = _with_own(turns, less, whole)
    turns = with_strata(_with_beliefs(turns, whole), whole)
    labels = whole.filter(pl.col("label").is_not_null() | pl.col("contested"))
    return Told(
        _whole(turns).sort("time", "unit"),
        labels.select(
            "unit", "rule_id", "label", "first_label", pl.col("label_probability").cast(pl.Float64), "contested"
        ),
    )


def _with_own(turns: pl.DataFrame, less: pl.DataFrame, whole: pl.DataFrame) -> pl.DataFrame:
    """Add the probabilities of rules of which some are `less` than those of their turns."""
    if less.is_empty():
        return turns
    own = whole.join(less.select("rule_id").unique(), on="rule_id", how="semi")
    return turns.join(by_unit(own, PROBABILITY, "probability"), on="unit", how="left")


def _with_beliefs(turns: pl.DataFrame, whole: pl.DataFrame) -> pl.DataFrame:
    """Add what judges believe, a column for each rule that one was asked about."""
    known = whole.drop_nulls("belief") if "belief" in whole.columns else whole.clear()
    if known.is_empty():
        return turns
    beliefs = by_unit(known.with_columns(pl.col("belief").cast(pl.Float64)), BELIEF, "belief")
    return turns.join(beliefs, on="unit", how="left")


def together(parts: Sequence[Told]) -> Told:
    """Return all of `parts` as one, in their order."""
    return Told(
        _whole(pl.concat([part.turns for part in parts], how="diagonal", rechunk=True)),
        pl.concat([part.labels for part in parts]),
    )


def cluster_numbers(rows: pl.DataFrame) -> Ints:
    """Return for each of some rows of turns a small number that rows of one cluster share."""
    numbers: Ints = np.unique(rows["cluster"].to_numpy(), return_inverse=True)[1].astype(np.int64)
    return numbers


def by_rule(rows: pl.DataFrame, labels: pl.DataFrame) -> Iterator[tuple[str, Said]]:
    """Yield each rule of which anything was said on `rows` (some of the turns of a `Told`), by name, and what."""
    people = rows.select("unit").with_row_index("at").join(labels, on="unit") if labels.height else labels
    given = {str(rule): part for (rule,), part in people.group_by("rule_id")} if people.height else {}
    codes = {name.removeprefix(RULE): rows[name].to_numpy() for name in rows.columns if name.startswith(RULE)}
    said = {rule: verdict for rule, verdict in codes.items() if verdict.any()}
    usual, cluster, unsaid = rows["probability"], cluster_numbers(rows), _Unsaid(rows.height)
    for rule in sorted(said.keys() | given.keys()):
        verdict = said.get(rule, unsaid.codes)
        probability = rows[PROBABILITY + rule] if PROBABILITY + rule in rows.columns else usual
        belief = _beliefs(rows, rule) if BELIEF + rule in rows.columns else unsaid.belief
        drawn = _Machines(verdict, belief, probability.to_numpy(), cluster, second_phase(rows, rule))
        yield rule, _with_people(drawn, given[rule]) if rule in given else unsaid.by_people(drawn)


@dataclass(frozen=True)
class _Machines:
    """What machines said under one rule."""

    verdict: Codes
    belief: Floats
    probability: Floats
    cluster: Ints
    second: SecondPhase | None


class _Unsaid:
    """What nobody said of so many turns, as columns that all rules share of which that is so."""

    def __init__(self, n: int) -> None:
        self.codes, self.contested = np.zeros(n, np.uint8), np.zeros(n, np.bool_)
        self.belief, self.probability = np.full(n, np.nan), np.zeros(n)

    def by_people(self, drawn: _Machines) -> Said:
        """What was said of turns that nobody labelled."""
        labels = (self.codes, self.codes, self.probability, drawn.cluster, self.contested)
        return Said(drawn.verdict, drawn.belief, drawn.probability, *labels, drawn.second)


def said_under(rule: str, rows: pl.DataFrame, labels: pl.DataFrame) -> Said | None:
    """Return what was said of `rows` under one rule; None where that is nothing."""
    others = [name for name in rows.columns if name.startswith(RULE) and name != RULE + rule]
    return dict(by_rule(rows.drop(others), labels.filter(pl.col("rule_id") == rule))).get(rule)


def _beliefs(rows: pl.DataFrame, rule: str) -> Floats:
    beliefs: Floats = rows[BELIEF + rule].fill_null(float("nan")).to_numpy()
    return beliefs


def _with_people(machines: _Machines, given: pl.DataFrame) -> Said:
    n, at = len(machines.verdict), given["at"].to_numpy()
    label, first, contested = np.zeros(n, np.uint8), np.zeros(n, np.uint8), np.zeros(n, np.bool_)
    label_probability = np.zeros(n)
    label[at] = given["label"].fill_null(NOTHING).to_numpy()
    first[at] = given["first_label"].fill_null(NOTHING).to_numpy()
    label_probability[at] = given["label_probability"].fill_null(0.0).to_numpy()
    contested[at] = given["contested"].to_numpy()
    said, cluster = machines.verdict, machines.cluster
    words = (said, machines.belief, machines.probability, label, first, label_probability, cluster, contested)
    return Said(*words, machines.second)


def _whole(turns: pl.DataFrame) -> pl.DataFrame:
    """A rule that has said nothing of a turn says `NOTHING`; one that is not known to be asked less often is asked as often as the turn is picked."""
    own = [pl.col(name).fill_null(pl.col("probability")) for name in turns.columns if name.startswith(PROBABILITY)]
    return turns.with_columns(pl.selectors.starts_with(RULE, STRATUM, PICKED).fill_null(NOTHING), *own)


def _code(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).replace_strict(CODES, default=None, return_dtype=pl.UInt8)
