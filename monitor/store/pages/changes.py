"""Reads of the Drift, A/B and Alerts pages: findings, the metric behind one, what is still learning, arms, alerts."""

from __future__ import annotations

from typing import Final

from monitor.store.measured import MEASURED
from monitor.store.pages.last_words import last_words
from monitor.store.pages.shapes import BUCKET, IN_SCOPE, IN_SEGMENT, SCOPE, SEGMENT, PageRead, Param

_SUMMARY: Final = """count(v.value) AS n, avg(v.value) AS mean, quantile_cont(v.value, 0.25) AS q25,
    quantile_cont(v.value, 0.5) AS q50, quantile_cont(v.value, 0.75) AS q75"""

_MEASURED: Final = " ".join(f"WHEN '{metric}' THEN {sql}" for metric, sql in MEASURED.items())
_SERIES: Final = SCOPE | SEGMENT | BUCKET
_HERE: Final = f"{IN_SCOPE} AND {IN_SEGMENT}"
_WORDING: Final = """starts_with(t.stream, '["text:')"""
_COUNTS: Final = "TRY_CAST(TRY_CAST(t.state AS JSON)->'$.counts' AS BIGINT[][])"
_HEARD: Final = f"""coalesce(list_max(list_transform(range(1, len({_COUNTS}[1]) + 1),
    lambda part: least({_COUNTS}[1][part], {_COUNTS}[2][part]))) >= 100, false)"""
"""That how answers are worded has a reference: a hundred of them in each half of it at some part of the week."""


def _over_time(values: str) -> str:
    """Return SQL that summarises `values` (time, value; NULL values left out) per step of time."""
    return f"""SELECT time_bucket(to_seconds($bucket_s), v.time) AS time, {_SUMMARY}
               FROM ({values}) v WHERE v.value IS NOT NULL GROUP BY 1 ORDER BY 1"""


READS: Final[dict[str, PageRead]] = {
    "findings": PageRead(
        """SELECT * FROM base.findings f
           WHERE f.detected_at >= $start AND f.detected_at < $end AND ($app IS NULL OR f.app = $app)
           ORDER BY f.detected_at DESC, f.id LIMIT 500""",
        {name: SCOPE[name] for name in ("start", "end", "app")},
        "changes that were found, newest first",
    ),
    "finding": PageRead("SELECT * FROM base.findings WHERE id = $id LIMIT 1", {"id": Param("text", "")}, "one change"),
    "told_changes": PageRead(
        """SELECT c.time, c.kind, c.what FROM base.changes c
           WHERE c.time >= $start AND c.time < $end AND (c.app IS NULL OR $app IS NULL OR c.app = $app)
           ORDER BY c.time DESC LIMIT 50""",
        {name: SCOPE[name] for name in ("start", "end", "app")},
        "what people and deploy scripts said was changed, newest first",
    ),
    "turn_metric": PageRead(
        _over_time(
            f"""SELECT t.time, CASE $metric {_MEASURED} END AS value
                FROM base.turns t
                LEFT JOIN base.features f ON f.trace_id = t.trace_id AND f.span_id = t.output_span_id
                WHERE {_HERE}"""
        ),
        _SERIES | {"metric": Param("choice", "error", tuple(MEASURED))},
        "a measure of turns over time",
    ),
    "rule_metric": PageRead(
        _over_time(
            f"""SELECT t.time, CASE g.verdict WHEN 'violates' THEN 1.0 WHEN 'complies' THEN 0.0 END AS value
                FROM {last_words("g.rule_id = $rule")} g JOIN base.turns t ON t.trace_id = g.unit_id
                WHERE {_HERE}"""
        ),
        _SERIES | {"rule": Param("text", "")},
        "share of graded turns that violate a rule over time, unweighted",
    ),
    "undecided_metric": PageRead(
        _over_time(
            f"""SELECT t.time, (g.verdict IN ('cannot_judge', 'not_graded'))::DOUBLE AS value
                FROM {last_words("g.rule_id = $rule")} g JOIN base.turns t ON t.trace_id = g.unit_id
                WHERE {_HERE}"""
        ),
        _SERIES | {"rule": Param("text", "")},
        "share of graded turns of which nobody could say whether they break a rule over time",
    ),
    "score_metric": PageRead(
        _over_time(
            f"""SELECT t.time, s.value FROM base.scores s JOIN base.turns t ON t.trace_id = s.trace_id
                WHERE s.name = $name AND {_HERE}"""
        ),
        _SERIES | {"name": Param("text", "")},
        "a score over time",
    ),
    "streams": PageRead(
        f"""SELECT TRY_CAST(t.stream AS JSON)->>'$[0]' AS metric, TRY_CAST(t.stream AS JSON)->>'$[1]' AS app,
                  TRY_CAST(t.stream AS JSON)->>'$[2]' AS segment,
                  (TRY_CAST(t.state AS JSON)->>CASE WHEN {_WORDING} THEN '$.seen' ELSE '$.n' END)::BIGINT AS n,
                  CASE WHEN {_WORDING} THEN {_HEARD} ELSE (TRY_CAST(t.state AS JSON)->>'$.reference') IS NOT NULL END AS watching,
                  t.updated_at
           FROM base.trackers t
           WHERE t.stream <> 'memory' AND ($app IS NULL OR TRY_CAST(t.stream AS JSON)->>'$[1]' = $app)
           ORDER BY watching, app, metric, segment LIMIT 1000""",
        {"app": Param("text")},
        "the streams that are watched, and before them those that still collect their reference of n outputs",
    ),
    "comparisons": PageRead(
        """SELECT * FROM base.comparisons
           QUALIFY row_number() OVER (PARTITION BY app, experiment, metric, arm ORDER BY computed_at DESC) = 1
           ORDER BY experiment, app, metric, arm""",
        {},
        "the current readout of every experiment",
    ),
    "arms": PageRead(
        """SELECT u.app, u.experiment, u.arm, count(DISTINCT u.unit) AS n_units, max(u.n_turns) AS n_turns
           FROM (SELECT app, experiment, arm, unit, sum(n) OVER (PARTITION BY app, experiment, arm, metric)::BIGINT AS n_turns
                 FROM base.arm_units) u
           GROUP BY u.app, u.experiment, u.arm ORDER BY u.experiment, u.app, u.arm""",
        {},
        "randomised units (users, else sessions, else turns) and turns per arm",
    ),
    "alerts": PageRead(
        """SELECT * FROM alerts a WHERE a.state IN ('firing', 'pending') OR a.started_at >= $start
           ORDER BY CASE a.state WHEN 'firing' THEN 0 WHEN 'pending' THEN 1 ELSE 2 END, a.started_at DESC LIMIT 500""",
        {"start": SCOPE["start"]},
        "open alerts, and those that began in the range",
        ("alerts",),
    ),
    "alert_worth": PageRead(
        "SELECT * FROM alert_worth", {}, "by alert rule, how many alerts people called useful or not", ("alert_worth",)
    ),
    "notifications": PageRead(
        """SELECT * FROM notifications n WHERE $fingerprint IS NULL OR n.fingerprint = $fingerprint
           ORDER BY n.sent_at DESC NULLS FIRST LIMIT 500""",
        {"fingerprint": Param("text")},
        "what was sent to whom",
        ("notifications",),
    ),
}
