"""The second draw in the store: which answers of which stratum judges are asked about, drawn or not, each with its probability."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor.store.precedence import JUDGE
from monitor.store.reads import Reader

DAY: Final = timedelta(days=1)


def strata(reader: Reader, rules: Sequence[str], day: datetime) -> pl.DataFrame:
    """Return rule_id, app, value, band, answers (of the day before `day`), and of the week before it `bad` ones among those that judges `judged`.

    Answers that were not drawn count as well; those that local graders decided do not, since no judge is asked about them.
    """
    return reader.frame(
        f"""
        WITH words AS (
            SELECT unit_id, rule_id, coalesce(proposed, verdict) AS said FROM base.grades
            WHERE standing = {JUDGE} AND list_contains($rules, rule_id) AND time >= $week AND time < $day
            QUALIFY row_number() OVER (PARTITION BY unit_id, rule_id ORDER BY graded_at DESC) = 1)
        SELECT d.rule_id, d.app, d.value, d.band, count(*) FILTER (d.time >= $yesterday) AS answers,
               count(*) FILTER (w.said = 'violates') AS bad, count(*) FILTER (w.said IN ('violates', 'complies')) AS judged
        FROM base.judge_draws d LEFT JOIN words w USING (unit_id, rule_id)
        WHERE list_contains($rules, d.rule_id) AND d.time >= $week AND d.time < $day AND d.waited
        GROUP BY d.rule_id, d.app, d.value, d.band ORDER BY ALL""",
        {"rules": list(rules), "week": day - 7 * DAY, "yesterday": day - DAY, "day": day},
    )


def known_draws(reader: Reader, units: Sequence[str], rules: Sequence[str]) -> pl.DataFrame:
    """Return the draws that there are already of some answers and rules: unit_id, rule_id drawn and oversampled."""
    return reader.frame(
        "SELECT unit_id, rule_id, drawn, oversampled FROM base.judge_draws WHERE list_contains(?, unit_id) AND list_contains(?, rule_id)",
        [list(units), list(rules)],
    )


def draws_of(reader: Reader, unit_id: str) -> pl.DataFrame:
    """Return the draws of an answer, a row a rule."""
    return reader.frame("SELECT * FROM base.judge_draws WHERE unit_id = ?", [unit_id])


def undrawn(reader: Reader, start: datetime, end: datetime) -> dict[str, set[str]]:
    """Return by answer the rules under which it was not drawn, of a time (naive UTC)."""
    rows = reader.frame(
        "SELECT unit_id, rule_id FROM base.judge_draws WHERE time >= ? AND time < ? AND NOT drawn", [start, end]
    )
    found: dict[str, set[str]] = {}
    for unit, rule in rows.iter_rows():
        found.setdefault(unit, set()).add(rule)
    return found


def oversampled(reader: Reader, units: Sequence[str]) -> set[tuple[str, str]]:
    """Return the answers and rules that were drawn only since their stratum is asked more often than others."""
    rows = reader.frame(
        "SELECT unit_id, rule_id FROM base.judge_draws WHERE oversampled AND list_contains(?, unit_id)", [list(units)]
    )
    return set(rows.iter_rows())


def draws_between(reader: Reader, start: datetime, end: datetime) -> pl.DataFrame:
    """Return unit_id, rule_id, seed, inclusion_probability and drawn of the draws of a time that could have come out otherwise."""
    return reader.frame(
        """SELECT unit_id, rule_id, seed, inclusion_probability, drawn FROM base.judge_draws
           WHERE time >= ? AND time < ? AND inclusion_probability < 1""",
        [start, end],
    )
