"""Verdicts in the store: how those that come later than their turn are taken in, and what people found of machines'.

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
from monitor.model.values import WITHDRAWN
from monitor.store.ddl import BASE
from monitor.store.opening import Transaction
from monitor.store.precedence import ADJUDICATED, AGREED, AS_THEY_CAME, CONTESTED, HUMAN
from monitor.store.reads import Reader
from monitor.store.transaction import Rows, to_arrow
from monitor.store.words import BY_ADJUDICATOR, BY_REVIEWER, WORDS_OF_MACHINES, WORDS_OF_PEOPLE

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

_POLICY: Final = ("policy", "policy_version", "policy_hash")


def units_named(reader: Reader, unit_ids: Sequence[str]) -> pl.DataFrame:
    """Return unit_id, time and app of the turns that `unit_ids` name."""
    return reader.frame(
        "SELECT t.trace_id AS unit_id, t.time, coalesce(t.app, '') AS app FROM base.turns t WHERE list_contains(?, t.trace_id)",
        [list(dict.fromkeys(unit_ids))],
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
        {WORDS_OF_MACHINES},
        {WORDS_OF_PEOPLE}
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
    return reader.rows("SELECT since, plan FROM base.plans ORDER BY since")


def declare_plan(txn: Transaction, since: int, plan: str) -> None:
    """Keep a plan (JSON) under which turns are from number `since` on."""
    txn.insert("plans", [{"since": since, "plan": plan}])


def ask_again(txn: Transaction, times: Sequence[datetime]) -> None:
    """Have the rates of the windows of these times made anew."""
    txn.insert("stale", [{"time": naive_utc(time)} for time in times])


def stale_times(reader: Reader) -> list[datetime]:
    """Return the times of turns whose rates are to be made anew, in order."""
    return [time for (time,) in reader.rows("SELECT DISTINCT time FROM base.stale ORDER BY time")]


def forget_stale(txn: Transaction, times: Sequence[datetime]) -> None:
    """Say that the rates of these times have been made anew."""
    txn.execute("DELETE FROM base.stale WHERE list_contains(?::TIMESTAMP[], time)", [list(times)])
