"""The turns of an app around a change, with what its metric was of each and everything that splits them: to say who makes the change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

import polars as pl

from monitor.clock import naive_utc
from monitor.model import dimensions
from monitor.model.values import Finding
from monitor.store.measured import MEASURED
from monitor.store.precedence import AS_THEY_CAME, BY_MACHINE
from monitor.store.reads import Reader

AROUND: Final = timedelta(days=14)
"""How long before a change, and since, turns are looked at: two weekends."""

MOST: Final = 5_000
"""Turns of each side; of more, so many are drawn."""

LONGEST: Final = 80
"""Letters of a value by which a part of the traffic is known."""

BEFORE, MAYBE, SINCE = "before", "maybe", "since"
"""Sides of a change: before it can have begun, after its likeliest start, and after it must have."""


class _Value(NamedTuple):
    """SQL of the value of a turn, and what it joins for it."""

    sql: str
    join: str = ""


def values_around(reader: Reader, finding: Finding, policies: Sequence[str] | None = None) -> pl.DataFrame:
    """Return side, time, who (user, else session, else the turn), value and all dimensions of turns around the change of `finding`.

    Verdicts are those of `policies` (hashes), else of all. Nothing that was found of it later: turns up to when it was detected. Metrics that no turn has by itself (how answers are worded,
    what is new to an app) have no rows.
    """
    value = _value(finding.metric)
    column, _, part = finding.segment.partition("=")
    if value is None or (part and column not in dimensions.SEGMENTABLE):
        return pl.DataFrame()
    low, since, high = (naive_utc(at) for at in (finding.since_low, finding.since, finding.since_high))
    bounds: dict[str, Any] = {
        "app": finding.app,
        "metric": finding.metric.partition(":")[2],
        "low": low,
        "best": since,
        "high": high,
        "start": low - AROUND,
        "end": min(naive_utc(finding.detected_at), high + AROUND),
        "part": part,
        "policies": None if policies is None else list(policies),
    }
    asked = _AROUND.format(
        value=value.sql, join=value.join, within=f"left(t.{column}, {LONGEST}) = $part" if part else "true"
    )
    return reader.frame(asked, {name: bound for name, bound in bounds.items() if f"${name}" in asked})


def _value(metric: str) -> _Value | None:
    kind = metric.partition(":")[0]
    return _Value(MEASURED[metric]) if metric in MEASURED else _SAID.get(kind)


_GRADES: Final = f"""FROM base.grades g WHERE g.time >= $start AND g.rule_id = $metric AND {BY_MACHINE}
    AND ($policies::VARCHAR[] IS NULL OR list_contains($policies::VARCHAR[], g.policy_hash))"""

_SAID: Final = {
    "rule": _Value(
        "v.value",
        f"""LEFT JOIN (SELECT g.unit_id, max((g.verdict = 'violates')::DOUBLE) AS value {_GRADES}
                AND g.verdict IN ('violates', 'complies') AND {AS_THEY_CAME} GROUP BY 1) v ON v.unit_id = t.trace_id""",
    ),
    "undecided": _Value(
        "v.value",
        f"""LEFT JOIN (SELECT g.unit_id, min((g.verdict IN ('cannot_judge', 'not_graded'))::DOUBLE) AS value {_GRADES}
                GROUP BY 1) v ON v.unit_id = t.trace_id""",
    ),
    "score": _Value(
        "v.value",
        """LEFT JOIN (SELECT s.trace_id, avg(s.value) AS value FROM base.scores s
                WHERE s.time >= $start AND s.name = $metric AND s.value IS NOT NULL GROUP BY 1) v ON v.trace_id = t.trace_id""",
    ),
}

_DIMENSIONS: Final = ", ".join(f"left(t.{name}, {LONGEST}) AS {name}" for name in dimensions.SEGMENTABLE)

_AROUND: Final = f"""
    WITH valued AS (
        SELECT t.trace_id, t.time, coalesce(t.user_id, t.session_id, t.trace_id) AS who, {_DIMENSIONS}, {{value}} AS value,
               CASE WHEN t.time < $low THEN '{BEFORE}' WHEN t.time < $high THEN '{MAYBE}' ELSE '{SINCE}' END AS side
        FROM base.turns t
        LEFT JOIN (SELECT * FROM base.features WHERE time >= $start) f
            ON f.trace_id = t.trace_id AND f.span_id = t.output_span_id
        {{join}}
        WHERE t.app = $app AND t.time >= $start AND t.time <= $end AND (t.time < $low OR t.time >= $best) AND {{within}})
    SELECT * EXCLUDE (trace_id) FROM valued WHERE value IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY side ORDER BY hash(trace_id)) <= {MOST} ORDER BY time, trace_id"""
