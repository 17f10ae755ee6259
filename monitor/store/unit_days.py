"""What each user of an app did a day in one metric: what the length of an experiment is planned from."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from monitor.store.pasts import MEASURES
from monitor.store.precedence import AS_THEY_CAME, BY_MACHINE
from monitor.store.reads import Reader


def unit_days(reader: Reader, app: str, metric: str, since: datetime, until: datetime) -> pl.DataFrame:
    """Return unit, day (0 begins at `since`), n and total of a metric, named as in `comparisons`; none for one nobody knows.

    `since` and `until` are naive UTC.
    """
    kind, _, name = metric.partition(":")
    values = {
        "rule": f"""SELECT o.*, (g.verdict = 'violates')::DOUBLE AS value FROM own o JOIN base.grades g ON g.unit_id = o.trace_id
                    WHERE g.rule_id = $name AND g.verdict IN ('violates', 'complies') AND {BY_MACHINE} AND {AS_THEY_CAME}""",
        "score": "SELECT o.*, s.value FROM own o JOIN base.scores s ON s.trace_id = o.trace_id WHERE s.name = $name",
    }
    plain = f"""SELECT o.*, {MEASURES.get(metric, "NULL")} AS value FROM own o
        LEFT JOIN base.features f ON f.trace_id = o.trace_id AND f.span_id = o.output_span_id WHERE $name IS NOT NULL"""
    return reader.frame(
        f"""
        WITH own AS (SELECT * FROM base.turns t WHERE t.app = $app AND t.time >= $since AND t.time < $until),
             seen AS ({values.get(kind, plain)})
        SELECT coalesce(user_id, session_id, trace_id) AS unit, date_diff('day', $since::TIMESTAMP, time)::BIGINT AS day,
               count(value)::BIGINT AS n, sum(value) AS total
        FROM seen WHERE value IS NOT NULL GROUP BY ALL ORDER BY ALL""",
        {"app": app, "name": name, "since": since, "until": until},
    )


def compared(reader: Reader, app: str, since: datetime) -> int:
    """Return how many metrics a readout of the app would have: they share its error."""
    rows = reader.frame(
        """
        SELECT (SELECT count(DISTINCT g.rule_id) FROM base.grades g JOIN base.turns t ON t.trace_id = g.unit_id
                WHERE t.app = $app AND t.time >= $since)
             + (SELECT count(DISTINCT s.name) FROM base.scores s JOIN base.turns t ON t.trace_id = s.trace_id
                WHERE t.app = $app AND t.time >= $since AND s.value IS NOT NULL) AS n""",
        {"app": app, "since": since},
    )
    return int(rows["n"][0]) + len(MEASURES)
