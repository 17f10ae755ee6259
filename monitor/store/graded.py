"""What was said of turns, a row a unit and rule, as the estimators read it: the parts in SQL, brought together as columns.

The parts are read one after the other, what was written last first (grades come after draws, draws after turns), so that nothing
read lacks what was there before it. One query of it all costs more: ids are texts, and its joins are wide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import polars as pl

from monitor.model import dimensions
from monitor.store.precedence import BY_MACHINE, HUMAN, rank
from monitor.store.reads import Reader
from monitor.store.words import BELIEF, BY_REVIEWER, WORDS_OF_PEOPLE

_KEYS: Final = ("unit", "rule_id")
"""`unit` is a hash of the id, as in `monitor.verdict_columns`: numbers are joined faster than texts."""

_WITHIN: Final = "time >= $start AND time < $end"
_ASKED: Final = f"{_WITHIN} AND ($rules::VARCHAR[] IS NULL OR list_contains($rules::VARCHAR[], rule_id))"

_MACHINE: Final = f"""
    SELECT hash(unit_id) AS unit, rule_id, verdict, grader, {BELIEF} AS belief, {rank("g")} AS rank, graded_at
    FROM base.grades g WHERE {_ASKED} AND {BY_MACHINE}"""

_PEOPLE: Final = f"""
    WITH said AS (SELECT * FROM base.grades WHERE {_ASKED} AND starts_with(grader, '{HUMAN}')),
    {WORDS_OF_PEOPLE},
    alone AS (
        SELECT unit_id, rule_id, first(word ORDER BY began, grader) AS first_label FROM (
            SELECT unit_id, rule_id, grader, min(graded_at) AS began, last(verdict ORDER BY graded_at) AS word FROM said
            WHERE grader_version = '{BY_REVIEWER}' GROUP BY ALL)
        GROUP BY ALL)
    SELECT hash(unit_id) AS unit, rule_id, label, first_label, contested, label_probability
    FROM people LEFT JOIN planned USING (unit_id, rule_id) LEFT JOIN alone USING (unit_id, rule_id)"""

_OF_PEOPLE: Final = {
    "unit": pl.UInt64,
    "rule_id": pl.String,
    "label": pl.String,
    "first_label": pl.String,
    "contested": pl.Boolean,
    "label_probability": pl.Float64,
}

_ANYBODY: Final = f"SELECT 1 FROM base.grades WHERE {_ASKED} AND starts_with(grader, '{HUMAN}') LIMIT 1"
"""Whether people said anything: most pieces of time they did not, and how their words stand costs more to ask than all else."""

_JUDGES: Final = f"""
    SELECT hash(unit_id) AS unit, rule_id, value || ' ' || band AS stratum, inclusion_probability AS judge_probability, drawn AS judge_drawn
    FROM base.judge_draws WHERE {_ASKED}"""

_PICKED: Final = f"""
    SELECT hash(unit_id) AS unit, plan, inclusion_probability FROM base.samples WHERE {_WITHIN}"""

_WORDS: Final = (
    *("verdict", "grader", "belief", "plans", "inclusion_probability", "stratum", "judge_probability", "judge_drawn"),
    *("label", "first_label", "contested", "label_probability", "sampling_weight"),
)


def graded_units(
    reader: Reader,
    start: datetime,
    end: datetime,
    rules: Sequence[str] | None = None,
    columns: Sequence[str] = dimensions.NAMES,
) -> pl.DataFrame:
    """Return what was said of turns with start <= time < end, a row a unit and rule (of `rules` alone), with `columns`, dimensions of the turn.

    `verdict` and `grader` are the machine's: the newest of a judge, else of a rule; NULL where no machine said anything. `belief` is how
    sure a judge is of a violation, or its word where it does not say; NULL where no judge can tell.
    `stratum`, `judge_probability` and `judge_drawn` are those of the draw of what judges are asked about, NULL where there was none.
    `plans` are those that picked the unit, `inclusion_probability` that of being picked by one of them at least. `label` is what stands of people (NULL: nobody said
    anything, or they disagree), `first_label` what whoever looked first says, `contested` whether they disagree, `label_probability` that of the plans of their labels together,
    NULL where nobody knows it; `sampling_weight` how many turns it stands for, where its sender samples (NULL: one).
    """
    asked: dict[str, Any] = {"start": start, "end": end, "rules": rules}
    people = reader.frame(_PEOPLE, asked) if reader.rows(_ANYBODY, asked) else pl.DataFrame(schema=_OF_PEOPLE)
    judges = reader.frame(_JUDGES, asked)
    said = _either(_either(_newest(reader.frame(_MACHINE, asked)), people), judges)
    within = {"start": start, "end": end}
    counted = _drawn(said, reader, within).filter(
        pl.col("plans").is_not_null() | pl.col("contested").is_not_null()  # people said something
    )
    told = ", ".join(("hash(trace_id) AS unit", "trace_id AS unit_id", "seq", "time", "sampling_weight", *columns))
    whole = counted.join(reader.frame(f"SELECT {told} FROM base.turns WHERE {_WITHIN}", within), on="unit")
    words = whole.with_columns(pl.col("contested").fill_null(value=False))
    return words.select("unit_id", "seq", "time", "rule_id", *_WORDS, *columns)


def _newest(words: pl.DataFrame) -> pl.DataFrame:
    """The word of a machine that stands of each unit and rule: most have one, so that nothing is to be put in order."""
    twice = words.select(_KEYS).is_duplicated()
    if twice.any():
        ordered = words.sort("rank", "graded_at", descending=[False, True], nulls_last=True)
        words = ordered.unique(_KEYS, keep="first", maintain_order=True)
    return words.drop("rank", "graded_at")


def _drawn(said: pl.DataFrame, reader: Reader, within: Mapping[str, datetime]) -> pl.DataFrame:
    """Add the plans that picked each unit and their probability together: where each has one, nothing is to be grouped."""
    picked = reader.frame(_PICKED, within)
    if picked["unit"].is_duplicated().any():
        return said.join(_together(picked), on="unit", how="left")
    alone = pl.when(pl.col("plan").is_not_null()).then(pl.concat_list("plan"))
    return said.join(picked, on="unit", how="left").with_columns(plans=alone)


def _together(picked: pl.DataFrame) -> pl.DataFrame:
    """All plans that picked each unit, and how probable it was that one of them did."""
    by_plan = picked.group_by("unit", "plan", maintain_order=True).agg(pl.col("inclusion_probability").max())
    missed = (1 - pl.col("inclusion_probability")).product()
    return by_plan.group_by("unit").agg(plans=pl.col("plan"), inclusion_probability=1 - missed)


def _either(some: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Rows of units and rules that either knows of, with the columns of both."""
    if others.is_empty():
        return some.with_columns(pl.lit(None, kind).alias(name) for name, kind in others.drop(_KEYS).schema.items())
    return some.join(others, on=_KEYS, how="full", coalesce=True)
