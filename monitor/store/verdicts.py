"""Verdicts in the store: what the estimators read of them, and how those that come later than their turn are taken in.

Whoever adds a verdict outside the pass over new turns (a person, a judge that tried again, a backfill, a re-grade) does it with
`add_verdicts`: the rates of its window are then made anew in the same cycle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import polars as pl
import pyarrow as pa

from monitor.clock import naive_utc
from monitor.model import dimensions
from monitor.model.values import WITHDRAWN
from monitor.store.ddl import BASE
from monitor.store.opening import Transaction
from monitor.store.precedence import ADJUDICATED, AGREED, AS_THEY_CAME, BY_MACHINE, CONTESTED, HUMAN, JUDGE, rank
from monitor.store.reads import Reader
from monitor.store.transaction import Rows, to_arrow

BY_REVIEWER: Final = "label"
BY_ADJUDICATOR: Final = "adjudicated"
"""Versions of a grader that is a person; an adjudicator decides where others disagree."""

_SETTLE: Final = f"""
    UPDATE base.grades SET standing = CASE WHEN c.contested THEN {CONTESTED} ELSE {AGREED} END
    FROM (SELECT unit_id, rule_id, count(DISTINCT verdict) > 1 AS contested
          FROM (SELECT * FROM base.grades SEMI JOIN labelled USING (unit_id, rule_id)
                WHERE starts_with(grader, '{HUMAN}') AND grader_version = '{BY_REVIEWER}'
                QUALIFY row_number() OVER (PARTITION BY unit_id, rule_id, grader ORDER BY graded_at DESC, rowid DESC) = 1)
          GROUP BY unit_id, rule_id) c
    WHERE grades.unit_id = c.unit_id AND grades.rule_id = c.rule_id AND starts_with(grades.grader, '{HUMAN}')
      AND grades.grader_version = '{BY_REVIEWER}'"""
"""People agree where the last words of all of them on a turn and rule are one."""

_DIMS: Final = ", ".join(f"t.{name}" for name in dimensions.NAMES)
_POLICY: Final = ("policy", "policy_version", "policy_hash")
_NEWEST: Final = "QUALIFY row_number() OVER (PARTITION BY unit_id, rule_id ORDER BY {order}, graded_at DESC) = 1"


def units_named(reader: Reader, unit_ids: Sequence[str]) -> pl.DataFrame:
    """Return unit_id, time and app of the turns that `unit_ids` name."""
    return reader.frame(
        "SELECT t.trace_id AS unit_id, t.time, coalesce(t.app, '') AS app FROM base.turns t WHERE list_contains(?, t.trace_id)",
        [list(dict.fromkeys(unit_ids))],
    )


_WORDS: Final = f"""
        machine AS (
            SELECT unit_id, rule_id, verdict, grader,
                   CASE WHEN {rank("g")} = {JUDGE} AND proposed IS NULL THEN coalesce(score, CASE verdict WHEN 'violates' THEN 1 WHEN 'complies' THEN 0 END) END AS belief
            FROM said g WHERE {BY_MACHINE}
            {_NEWEST.format(order=rank("g"))}),
        people AS (
            SELECT unit_id, rule_id, {rank("g")} = {CONTESTED} AS contested,
                   CASE WHEN {rank("g")} < {CONTESTED} THEN verdict END AS label
            FROM said g WHERE starts_with(g.grader, '{HUMAN}')
            {_NEWEST.format(order=rank("g"))}),
        planned AS (
            SELECT unit_id, rule_id, 1 - product(1 - p) AS label_probability FROM (
                SELECT unit_id, rule_id, plan, max(inclusion_probability) AS p FROM said
                WHERE starts_with(grader, '{HUMAN}') AND plan IS NOT NULL GROUP BY ALL)
            GROUP BY ALL)"""
"""Of the grades `said`: the machine's word, what stands of people, and how probable it was that somebody was asked."""


def graded_units(reader: Reader, start: datetime, end: datetime, rules: Sequence[str] | None = None) -> pl.DataFrame:
    """Return what was said of turns with start <= time < end, a row a unit and rule (of `rules` alone), with the dimensions of the turn.

    `verdict` and `grader` are the machine's: the newest of a judge, else of a rule; NULL where no machine said anything. `belief` is how
    sure a judge is of a violation, or its word where it does not say; NULL where no judge can tell.
    `stratum`, `judge_probability` and `judge_drawn` are those of the draw of what judges are asked about, NULL where there was none.
    `plans` are those that picked the unit, `inclusion_probability` that of being picked by one of them at least. `label` is what stands of people (NULL: nobody said
    anything, or they disagree), `first_label` what whoever looked first says, `contested` whether they disagree, `label_probability` that of the plans of their labels together,
    NULL where nobody knows it; `sampling_weight` how many turns it stands for, where its sender samples (NULL: one).
    """
    return reader.frame(
        f"""
        WITH said AS (
            SELECT * FROM base.grades g WHERE g.time >= $start AND g.time < $end
                AND ($rules::VARCHAR[] IS NULL OR list_contains($rules::VARCHAR[], g.rule_id))),
        {_WORDS},
        alone AS (
            SELECT unit_id, rule_id, first(word ORDER BY began, grader) AS first_label FROM (
                SELECT unit_id, rule_id, grader, min(graded_at) AS began, last(verdict ORDER BY graded_at) AS word FROM said
                WHERE starts_with(grader, '{HUMAN}') AND grader_version = '{BY_REVIEWER}' GROUP BY ALL)
            GROUP BY ALL),
        drawn AS (
            SELECT unit_id, list(plan) AS plans, 1 - product(1 - p) AS inclusion_probability FROM (
                SELECT unit_id, plan, max(inclusion_probability) AS p FROM base.samples
                WHERE time >= $start AND time < $end GROUP BY ALL)
            GROUP BY ALL),
        judges AS (
            SELECT unit_id, rule_id, value || ' ' || band AS stratum, inclusion_probability AS judge_probability, drawn AS judge_drawn FROM base.judge_draws
            WHERE time >= $start AND time < $end AND ($rules::VARCHAR[] IS NULL OR list_contains($rules::VARCHAR[], rule_id)))
        SELECT unit_id, t.seq, t.time, rule_id, m.verdict, m.grader, m.belief, d.plans, d.inclusion_probability, j.stratum, j.judge_probability, j.judge_drawn,
               p.label, a.first_label, coalesce(p.contested, false) AS contested, q.label_probability, t.sampling_weight, {_DIMS}
        FROM machine m FULL JOIN people p USING (unit_id, rule_id) FULL JOIN judges j USING (unit_id, rule_id)
        LEFT JOIN planned q USING (unit_id, rule_id)
        LEFT JOIN alone a USING (unit_id, rule_id)
        LEFT JOIN drawn d USING (unit_id)
        JOIN base.turns t ON t.trace_id = unit_id
        WHERE t.time >= $start AND t.time < $end AND (d.unit_id IS NOT NULL OR p.unit_id IS NOT NULL)""",
        {"start": start, "end": end, "rules": rules},
    )


def label_errors(reader: Reader) -> pl.DataFrame:
    """Return what people found of machines' verdicts in experiments: app, experiment, arm, metric, unit, error, probability.

    A row a label that stands, on a turn that a plan picked for it with a known `probability`, and that a machine judged too;
    `error` is the person's verdict minus the machine's, as numbers (violates is 1).
    """
    return reader.frame(
        f"""
        WITH asked AS (
            SELECT DISTINCT unit_id, rule_id FROM base.grades WHERE starts_with(grader, '{HUMAN}') AND plan IS NOT NULL),
        said AS (SELECT * FROM base.grades g SEMI JOIN asked USING (unit_id, rule_id) WHERE {AS_THEY_CAME}),
        {_WORDS}
        SELECT coalesce(t.app, '') AS app, t.experiment, t.variant AS arm, 'rule:' || rule_id AS metric, coalesce(t.user_id, t.session_id, t.trace_id) AS unit,
               (p.label = 'violates')::DOUBLE - (m.verdict = 'violates')::DOUBLE AS error, q.label_probability AS probability
        FROM people p JOIN machine m USING (unit_id, rule_id) JOIN planned q USING (unit_id, rule_id)
        JOIN base.turns t ON t.trace_id = unit_id
        WHERE t.experiment IS NOT NULL AND t.variant IS NOT NULL AND q.label_probability > 0
          AND p.label IN ('violates', 'complies') AND m.verdict IN ('violates', 'complies')
        ORDER BY ALL"""
    )


def add_verdicts(txn: Transaction, grades: Rows) -> int:
    """Add grades of turns that were estimated already; their windows are estimated again."""
    rows = to_arrow(grades, BASE["grades"])
    times = rows["time"].unique().to_pylist()
    txn.insert("stale", [{"time": time} for time in times])
    return txn.insert("grades", rows)


def add_labels(txn: Transaction, labels: Sequence[Mapping[str, Any]]) -> None:
    """Add what people said, as the control state keeps it, and settle what stands where they agree or do not.

    What somebody took back goes first: what was said since stands behind it.
    """
    back = [label for label in labels if label["verdict"] == WITHDRAWN]
    for label in back:
        whose = [label["unit_id"], label["rule_id"], HUMAN + label["person"]]
        txn.execute("DELETE FROM base.grades WHERE unit_id = ? AND rule_id = ? AND grader = ?", whose)
    txn.insert("stale", [{"time": naive_utc(label["time"])} for label in back])
    add_verdicts(txn, [_grade(label) for label in labels if label["verdict"] != WITHDRAWN])
    pairs = [{"unit_id": label["unit_id"], "rule_id": label["rule_id"]} for label in labels]
    with txn.registered("labelled", pa.Table.from_pylist(pairs)):
        txn.execute(_SETTLE)


def _grade(label: Mapping[str, Any]) -> dict[str, Any]:
    same = ("unit_id", "time", "rule_id", "verdict", "plan", "inclusion_probability", *_POLICY)
    return {name: label[name] for name in same} | {
        "reason": "decided by a person where others disagreed" if label["adjudicated"] else "judged by a person",
        "grader": HUMAN + label["person"],
        "grader_version": BY_ADJUDICATOR if label["adjudicated"] else BY_REVIEWER,
        "standing": ADJUDICATED if label["adjudicated"] else AGREED,
        "graded_at": label["at"],
    }


def plans(reader: Reader) -> list[tuple[int, str]]:
    """Return the sampling plans there have been, as (since which turn, JSON)."""
    return list(reader.frame("SELECT since, plan FROM base.plans ORDER BY since").iter_rows())


def declare_plan(txn: Transaction, since: int, plan: str) -> None:
    """Keep a plan (JSON) under which turns are from number `since` on."""
    txn.insert("plans", [{"since": since, "plan": plan}])


def ask_again(txn: Transaction, times: Sequence[datetime]) -> None:
    """Have the rates of the windows of these times made anew."""
    txn.insert("stale", [{"time": naive_utc(time)} for time in times])


def stale_times(reader: Reader) -> list[datetime]:
    """Return the times of turns whose rates are to be made anew, in order."""
    times: list[datetime] = reader.frame("SELECT DISTINCT time FROM base.stale ORDER BY time")["time"].to_list()
    return times


def forget_stale(txn: Transaction, times: Sequence[datetime]) -> None:
    """Say that the rates of these times have been made anew."""
    txn.execute("DELETE FROM base.stale WHERE list_contains(?::TIMESTAMP[], time)", [list(times)])
