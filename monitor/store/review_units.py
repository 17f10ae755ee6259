"""The answers of a stretch of time as a review draws from them, and the texts of those that it shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from monitor.store.precedence import BY_MACHINE, rank
from monitor.store.reads import Reader, turn_row
from monitor.store.turns import turns_at
from monitor.store.units import whole_sessions

AFTER_A_CHANGE: Final = timedelta(hours=6)
"""Answers of so long after the start of a change are looked at for it."""


@dataclass(frozen=True)
class Stretch:
    """Turns with start <= time < end that were finished up to number `upto`, as they were graded at `made_at`; of one app or all.

    Times are naive UTC.
    """

    start: datetime
    end: datetime
    upto: int
    made_at: datetime
    app: str | None = None


_UNITS: Final = f"""
    WITH asked AS (
        SELECT t.trace_id, t.time, coalesce(t.app, '') AS app, t.time >= $start AND t.time < $end AS inside,
               t.session_turns IS NOT NULL AS ends FROM base.turns t
        JOIN base.features f ON f.trace_id = t.trace_id AND f.span_id = t.output_span_id AND f.output_chars > 0
        WHERE t.seq <= $upto AND ($app::VARCHAR IS NULL OR t.app = $app)
          AND ((t.time >= $start AND t.time < $end) OR list_contains($named::VARCHAR[], t.trace_id))),
    said AS (
        SELECT g.unit_id, g.rule_id, coalesce(g.proposed, g.verdict) AS verdict, g.proposed = 'violates' AS proposed
        FROM base.grades g SEMI JOIN asked a ON a.trace_id = g.unit_id
        WHERE {BY_MACHINE} AND g.graded_at <= $made_at
        QUALIFY row_number() OVER (PARTITION BY g.unit_id, g.rule_id ORDER BY {rank("g")}, g.graded_at DESC) = 1),
    told AS (
        SELECT unit_id, bool_or(verdict = 'violates') AS flagged,
               list(rule_id ORDER BY rule_id) FILTER (verdict = 'violates') AS broken,
               list(rule_id ORDER BY rule_id) FILTER (verdict IN ('violates', 'complies')) AS decided,
               bool_or(verdict = 'violates' AND list_contains($severe::VARCHAR[], rule_id)) AS risk,
               bool_or(verdict = 'violates' AND list_contains($helpful::VARCHAR[], rule_id)) AS refusals,
               bool_or(verdict IN ('borderline', 'cannot_judge') OR coalesce(proposed, false)) AS unsure
        FROM said GROUP BY unit_id),
    split AS (
        SELECT DISTINCT g.unit_id FROM base.grades g SEMI JOIN asked a ON a.trace_id = g.unit_id
        WHERE {BY_MACHINE} AND g.graded_at <= $made_at AND g.verdict IN ('violates', 'complies')
        GROUP BY g.unit_id, g.rule_id HAVING count(DISTINCT g.verdict) > 1),
    changed AS (
        SELECT coalesce(app, '') AS app, since FROM base.findings
        WHERE detected_at <= $made_at AND since >= $start AND since < $end AND origin = 'live')
    SELECT DISTINCT a.trace_id AS unit_id, a.time, a.app, a.inside, a.ends, told.broken, told.decided,
           CASE WHEN told.unit_id IS NULL THEN 'not graded' WHEN flagged THEN 'flagged' ELSE 'not flagged' END AS band,
           coalesce(risk, false) AS risk, coalesce(refusals, false) AS refusals,
           coalesce(unsure, false) OR split.unit_id IS NOT NULL AS disputed,
           EXISTS (FROM changed c WHERE c.app = a.app AND a.time >= c.since AND a.time < c.since + $reach::INTERVAL) AS change
    FROM asked a LEFT JOIN told ON told.unit_id = a.trace_id LEFT JOIN split ON split.unit_id = a.trace_id
    ORDER BY a.trace_id"""


def review_units(
    reader: Reader,
    stretch: Stretch,
    severe: Sequence[str],
    helpful: Sequence[str],
    wanted: Collection[str] = (),
    gold: Collection[str] = (),
) -> pl.DataFrame:
    """Return unit_id, time, app, inside, ends, broken, decided, band, and whether a unit is wanted, gold, risk, change, disputed, refusals; a row a unit.

    Units are turns with an answer to read; `inside` says whether one lies in the stretch, as wanted and gold ones need not, `ends` whether
    a session that is over goes by it, `broken` which rules a machine says it breaks, a judge that may only propose among
    them, `decided` of which rules one says that it breaks or keeps them.
    `severe` and `helpful` are ids of rules: those whose violation is a risk, and those that demand help.
    """
    asked = {
        **asdict(stretch),
        "named": sorted({*wanted, *gold}),
        "severe": list(severe),
        "helpful": list(helpful),
        "reach": AFTER_A_CHANGE,
    }
    units = reader.frame(_UNITS, asked)
    known = {"wanted": wanted, "gold": gold}
    return units.with_columns(pl.col("unit_id").is_in(sorted(ids)).alias(name) for name, ids in known.items())


def machine_verdicts(reader: Reader, unit_id: str) -> list[dict[str, Any]]:
    """Return rule_id, verdict, reason and grader of what machines say of a unit, the one that stands a rule."""
    return reader.frame(
        f"""SELECT g.rule_id, g.verdict, g.reason, g.grader FROM base.grades g WHERE g.unit_id = ? AND {BY_MACHINE}
            QUALIFY row_number() OVER (PARTITION BY g.rule_id ORDER BY {rank("g")}, g.graded_at DESC) = 1
            ORDER BY g.rule_id""",
        [unit_id],
    ).to_dicts()


def review_texts(reader: Reader, unit_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the texts of turns by unit: what the user said, what they saw, and what tools and retrievals gave (`context`)."""
    names = ("input_messages", "input_value", "output_messages", "output_value", "system_text")
    columns = ", ".join(f"{'i' if name.startswith('input') else 'o'}.{name}" for name in names)
    rows = reader.frame(
        f"""SELECT t.trace_id AS unit_id, {columns} FROM base.turns t
            LEFT JOIN base.content i ON i.trace_id = t.trace_id AND i.span_id = t.input_span_id
            LEFT JOIN base.content o ON o.trace_id = t.trace_id AND o.span_id = t.output_span_id
            WHERE list_contains(?, t.trace_id)""",
        [list(unit_ids)],
    )
    around = reader.frame(
        """SELECT s.trace_id AS unit_id, s.kind, coalesce(s.tool_name, s.name) AS name, c.input_value AS asked, c.output_value AS got
           FROM base.spans s JOIN base.content c ON c.trace_id = s.trace_id AND c.span_id = s.span_id
           WHERE list_contains(?, s.trace_id) AND s.kind IN ('tool', 'retriever') ORDER BY s.time""",
        [list(unit_ids)],
    ).to_dicts()
    return {
        row["unit_id"]: row | {"context": [one for one in around if one["unit_id"] == row["unit_id"]]}
        for row in rows.to_dicts()
    }


def answer_texts(reader: Reader, unit_ids: Sequence[str]) -> dict[str, str]:
    """Return what was answered, by unit, as it is stored; a unit of which no text is kept is not there."""
    found = reader.frame(
        """SELECT t.trace_id AS unit_id, coalesce(o.output_value, o.output_messages) AS text FROM base.turns t
           JOIN base.content o ON o.trace_id = t.trace_id AND o.span_id = t.output_span_id
           WHERE list_contains(?, t.trace_id) AND coalesce(o.output_value, o.output_messages) IS NOT NULL""",
        [list(unit_ids)],
    )
    return dict(found.iter_rows())


def session_texts(reader: Reader, unit_id: str) -> dict[str, str | None] | None:
    """Return what was asked and answered in the session that goes by a unit, one text each, in its order; None where it ended none."""
    rows = turn_row(reader, unit_id)
    if rows.is_empty():
        return None
    [turn] = turns_at(reader, [rows["seq"][0]], rows["time"][0])
    found = whole_sessions(reader, [turn], ())
    return {"asked": found[0].input_text, "answered": found[0].output_text} if found else None
