"""Reads of the Traces page: the list with its filters, the neighbours in it, and everything of one trace.

Ids are picked first; text is joined only for the picked rows. A search in the text is the one exception, and is asked for.
"""

from __future__ import annotations

from typing import Final

from monitor.model.dimensions import DIMENSIONS
from monitor.store.pages.shapes import IN_SCOPE, IN_SEGMENT, PAGE, PREVIEW, SCOPE, SEGMENT, PageRead, Param

VERDICTS: Final = ("violates", "complies", "borderline", "cannot_judge", "not_graded")
SORTS: Final = ("time", "duration_ms", "cost_usd", "input_tokens", "output_tokens", "n_calls", "n_tools")

PICKED: Final = tuple(d.name for d in DIMENSIONS if d.name not in SCOPE and not d.people)
"""Dimensions that one picks a value of; users and sessions are found by their id, app and environment are the scope."""

FILTERS: Final = SCOPE | {
    **{name: Param("text") for name in PICKED},
    "user": Param("id"),
    "session": Param("id"),
    "rule": Param("text"),
    "verdict": Param("choice", None, VERDICTS),
    "errors": Param("flag", False),
    "min_ms": Param("float", 0.0, high=1e12),
    "text": Param("text"),
}

LATEST_GRADES: Final = """(
    SELECT * FROM base.grades QUALIFY row_number() OVER (PARTITION BY unit_id, rule_id ORDER BY graded_at DESC) = 1)"""
"""A unit may be graded again by a newer policy; only the last word counts."""

_FILTERED: Final = f"""{IN_SCOPE}
    AND {" AND ".join(f"(${name} IS NULL OR t.{name} = ${name})" for name in PICKED)}
    AND ($user IS NULL OR list_contains($user::VARCHAR[], t.user_id))
    AND ($session IS NULL OR list_contains($session::VARCHAR[], t.session_id))
    AND (NOT $errors OR t.error_type IS NOT NULL)
    AND ($min_ms = 0 OR t.duration_ms >= $min_ms)
    AND (($rule IS NULL AND $verdict IS NULL) OR t.trace_id IN (
        SELECT g.unit_id FROM {LATEST_GRADES} g
        WHERE ($rule IS NULL OR g.rule_id = $rule) AND g.verdict = coalesce($verdict, 'violates')))
    AND ($text IS NULL OR t.trace_id IN (
        SELECT c.trace_id FROM base.content c WHERE c.time >= $start AND (
            contains(lower(c.input_value), lower($text)) OR contains(lower(c.output_value), lower($text))
            OR contains(lower(c.input_messages), lower((to_json($text)::VARCHAR)[2:-2]))
            OR contains(lower(c.output_messages), lower((to_json($text)::VARCHAR)[2:-2])))))"""

_SORTED: Final = (
    "CASE $sort " + " ".join(f"WHEN '{name}' THEN t.{name}::DOUBLE" for name in SORTS if name != "time") + " END"
)
"""Every column one may sort by is a number, so one expression serves them all; by time it is constant."""

WORST: Final = f"""(
    SELECT g.unit_id, string_agg(g.rule_id, ', ' ORDER BY g.rule_id) FILTER (g.verdict = 'violates') AS violates,
           count(*) AS n_graded
    FROM {LATEST_GRADES} g SEMI JOIN picked p ON p.trace_id = g.unit_id GROUP BY g.unit_id)"""

SHOWN: Final = f"""
    SELECT p.*, w.violates, w.n_graded, {PREVIEW}
    FROM picked p
    LEFT JOIN {WORST} w ON w.unit_id = p.trace_id
    LEFT JOIN base.content i ON i.trace_id = p.trace_id AND i.span_id = p.input_span_id
    LEFT JOIN base.content o ON o.trace_id = p.trace_id AND o.span_id = p.output_span_id"""
"""A page of picked turns with their verdicts and the beginnings of their texts."""

TRACE: Final = {"trace_id": Param("text", "")}

READS: Final[dict[str, PageRead]] = {
    "traces": PageRead(
        f"""
        WITH picked AS (
            SELECT t.*, count(*) OVER () AS n_found, row_number() OVER (ORDER BY
                CASE WHEN $ascending THEN {_SORTED} END ASC NULLS LAST,
                CASE WHEN NOT $ascending THEN {_SORTED} END DESC NULLS LAST,
                CASE WHEN $ascending THEN t.time END ASC, t.time DESC, t.trace_id) AS rank
            FROM base.turns t WHERE {_FILTERED}
            ORDER BY rank LIMIT $limit OFFSET $offset)
        {SHOWN} ORDER BY p.rank""",
        FILTERS | PAGE | {"sort": Param("choice", "time", SORTS), "ascending": Param("flag", False)},
        "one row a turn that passes the filters; n_found is how many there are over all pages",
    ),
    "neighbours": PageRead(
        f"""
        WITH here AS (SELECT time, trace_id FROM base.turns WHERE trace_id = $trace_id LIMIT 1),
        kept AS (SELECT t.trace_id, t.time FROM base.turns t WHERE {_FILTERED})
        SELECT (SELECT arg_max(k.trace_id, (k.time, k.trace_id)) FROM kept k, here h
                WHERE (k.time, k.trace_id) < (h.time, h.trace_id)) AS older,
               (SELECT arg_min(k.trace_id, (k.time, k.trace_id)) FROM kept k, here h
                WHERE (k.time, k.trace_id) > (h.time, h.trace_id)) AS newer""",
        FILTERS | TRACE,
        "one row: the next older and the next newer turn that pass the filters",
    ),
    "turns_by_id": PageRead(
        f"""
        WITH picked AS (SELECT t.* FROM base.turns t WHERE t.trace_id IN (
            SELECT unnest(string_split($ids, ',')) LIMIT 50))
        {SHOWN} ORDER BY p.time""",
        {"ids": Param("text", "")},
        "the turns of up to 50 comma-joined trace ids",
    ),
    "turns_before": PageRead(
        f"""
        WITH picked AS (
            SELECT t.* FROM base.turns t
            WHERE t.time < $before AND ($app IS NULL OR t.app = $app) AND {IN_SEGMENT}
            ORDER BY t.time DESC LIMIT $limit)
        {SHOWN} ORDER BY p.time DESC""",
        SEGMENT | {"app": Param("text"), "before": Param("time", SCOPE["end"].default), "limit": PAGE["limit"]},
        "the newest turns of a segment before an instant",
    ),
    "trace": PageRead(
        "SELECT t.* FROM base.turns t WHERE t.trace_id = $trace_id LIMIT 1",
        TRACE,
        "the turn itself; none if unfinished",
    ),
    "trace_spans": PageRead(
        "SELECT s.* FROM base.spans s WHERE s.trace_id = $trace_id ORDER BY s.time, s.span_id LIMIT 2000",
        TRACE,
        "the spans of a trace by start",
    ),
    "trace_content": PageRead(
        """
        SELECT c.span_id, c.origin, left(c.system_text, $chars) AS system_text,
               left(c.input_messages, $chars) AS input_messages, left(c.output_messages, $chars) AS output_messages,
               left(c.input_value, $chars) AS input_value, left(c.output_value, $chars) AS output_value
        FROM base.content c WHERE c.trace_id = $trace_id LIMIT 2000""",
        TRACE | {"chars": Param("int", 200_000, low=1, high=1_000_000)},
        "the texts of a trace; fields longer than `chars` are cut",
    ),
    "kept_since": PageRead(
        "SELECT max(r.content_before) AS content, max(r.spans_before) AS spans FROM base.retentions r",
        {},
        "what happened before these times is no longer kept; NULL where nothing was removed for its age",
    ),
    "trace_grades": PageRead(
        """
        SELECT g.rule_id, g.verdict, g.score, g.reason, g.grader, g.grader_version, g.policy, g.policy_version, g.graded_at
        FROM base.grades g WHERE g.unit_id = $trace_id ORDER BY g.rule_id, g.graded_at DESC""",
        TRACE,
        "every verdict on a turn",
    ),
    "trace_sample": PageRead(
        "SELECT s.plan, s.stratum, s.inclusion_probability, s.reason FROM base.samples s WHERE s.unit_id = $trace_id",
        TRACE,
        "why a turn was graded; none if it was not",
    ),
    "trace_scores": PageRead(
        """
        SELECT s.time, s.name, s.value, s.label, s.comment, s.origin FROM base.scores s
        WHERE s.trace_id = $trace_id ORDER BY s.time""",
        TRACE,
        "feedback and scores on a trace",
    ),
    "facets": PageRead(
        f"""
        WITH counted AS (
            SELECT CASE WHEN grouping(t.model) = 0 THEN 'model' WHEN grouping(t.prompt_name) = 0 THEN 'prompt_name'
                        WHEN grouping(t.prompt_version) = 0 THEN 'prompt_version'
                        WHEN grouping(t.experiment) = 0 THEN 'experiment' ELSE 'variant' END AS facet,
                   coalesce(t.model, t.prompt_name, t.prompt_version, t.experiment, t.variant) AS value,
                   count(*) AS n_turns
            FROM base.turns t WHERE {IN_SCOPE}
            GROUP BY GROUPING SETS ((t.model), (t.prompt_name), (t.prompt_version), (t.experiment), (t.variant)))
        SELECT * FROM counted WHERE value IS NOT NULL
        UNION ALL (SELECT 'rule', e.rule_id, max(e.n_graded) FROM base.estimates e GROUP BY e.rule_id)
        ORDER BY facet, n_turns DESC, value LIMIT 2000""",
        SCOPE,
        "the values the filters can take, with their turns",
    ),
}
