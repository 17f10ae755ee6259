"""Reads about the sources themselves: who sends, what their calls carry, what came to nothing on the way.

The window is a window of receipt, because a clock that is wrong must not hide the source it belongs to. Every read is bounded
by it. What the answers mean is judged in `monitor.diagnosis`, not here.
"""

from __future__ import annotations

from typing import Final

from monitor.store.pages.shapes import FIRST, LAST, PageRead, Param

WINDOW: Final = {"start": Param("time", FIRST), "end": Param("time", LAST), "app": Param("text")}

_RECEIVED: Final = "{0}.received_at >= $start AND {0}.received_at < $end"
_OF_APP: Final = "($app IS NULL OR {0}.app = $app)"
_SPANS: Final = f"{_RECEIVED.format('s')} AND {_OF_APP.format('s')}"

UNDERWAY: Final = "INTERVAL 5 MINUTE"
"""What arrived less long ago may still get its root, its span or its trace."""

_LOGGED: Final = """
    SELECT trace_id, span_id, time, bool_or(input_messages IS NOT NULL) AS told, bool_or(output_messages IS NOT NULL) AS answered
    FROM base.content WHERE origin = 'log' GROUP BY trace_id, span_id, time"""
"""Which spans have texts from logs: a row of their own for each."""

_MEASURED: Final = """
    SELECT trace_id, span_id, time, input_chars IS NOT NULL AS told, output_chars IS NOT NULL AS answered
    FROM base.features WHERE input_chars IS NOT NULL OR output_chars IS NOT NULL"""
"""Which spans have texts, without reading the texts: spans leave features behind, one row each."""

_ALIKE: Final = f"""
    SELECT s.app, s.dialect, s.scope, s.scope_version, s.sdk, coalesce(s.response_model, s.request_model) AS model,
           s.kind = 'llm' AS chat, s.error_type IS NULL AND s.status IS DISTINCT FROM 'error' AS fine,
           s.finish_reason LIKE '%tool%' AS tool, s.stream, s.usage_source, s.cost_source, coalesce(s.flags, '') AS notes,
           coalesce(s.input_tokens, s.output_tokens) IS NOT NULL AS tokens, s.output_tokens IS NULL AS blind,
           s.response_id IS NOT NULL AS response, s.cost_usd IS NOT NULL AS cost, s.session_id IS NOT NULL AS session,
           s.user_id IS NOT NULL AS person, coalesce(s.variant, s.prompt_version) IS NOT NULL AS arm,
           f.told OR l.told AS told, f.answered OR l.answered AS answered, coalesce(d.mute, false) AS mute,
           count(*) AS n, max(s.received_at) AS last_seen, sum(coalesce(s.sampling_weight, 1)) AS standing
    FROM base.spans s
    LEFT JOIN ({_MEASURED}) f ON f.trace_id = s.trace_id AND f.span_id = s.span_id AND f.time = s.time
    LEFT JOIN ({_LOGGED}) l ON l.trace_id = s.trace_id AND l.span_id = s.span_id AND l.time = s.time
    LEFT JOIN (SELECT DISTINCT trace_id, span_id, true AS mute FROM base.events WHERE part = 'dropped') d
        ON d.trace_id = s.trace_id AND d.span_id = s.span_id
    WHERE {_SPANS} AND s.kind IN ('llm', 'embedding') GROUP BY ALL"""
"""Calls that are alike in all that is asked of them, counted: few rows, of which the rest is reckoned."""

_OF_CALLS: Final = {
    "n_failed": "NOT c.fine",
    "n_chats": "c.chat",
    "n_answered": "c.chat AND c.fine",
    "n_inputs": "c.chat AND c.told",
    "n_outputs": "c.chat AND c.fine AND (c.answered OR c.tool)",
    "n_tokens": "c.fine AND c.tokens",
    "n_response_ids": "c.fine AND c.response",
    "n_costs": "c.fine AND c.cost",
    "n_list_costs": "c.cost_source = 'list'",
    "n_sessions": "c.session",
    "n_users": "c.person",
    "n_arms": "c.arm",
    "n_estimated": "c.usage_source = 'estimated'",
    "n_streams": "c.stream AND c.fine",
    "n_blind_streams": "c.stream AND c.fine AND c.blind",
    "n_ruled_inputs": "c.chat AND c.told IS NOT TRUE AND (c.mute OR c.notes LIKE '%by_rule:input_messages%')",
    "n_ruled_outputs": "c.chat AND c.fine AND c.answered IS NOT TRUE AND (c.mute OR c.notes LIKE '%by_rule:output_messages%')",
    "n_ruled_users": "NOT c.person AND c.notes LIKE '%by_rule:user_id%'",
    "n_ruled_sessions": "NOT c.session AND c.notes LIKE '%by_rule:session_id%'",
}
"""What is counted of them, and which calls count."""

_VERSIONS: Final = "list_sort(list(DISTINCT {0}) FILTER ({0} IS NOT NULL))[:5]"

_LAGS: Final = "(quantile_cont(a.lag_s, [0.1, 0.5, 0.9]) FILTER (a.notes NOT LIKE '%time_%'))"
"""Asked once for all three: each sorts what arrived anew."""

READS: Final[dict[str, PageRead]] = {
    "source_spans": PageRead(
        f"""
        WITH arrived AS (
            SELECT s.*, epoch_us(s.received_at - s.time) / 1e6 - coalesce(s.duration_ms, 0) / 1e3 AS lag_s,
                   coalesce(s.flags, '') AS notes
            FROM base.spans s WHERE {_SPANS})
        SELECT a.app, count(*) AS n_spans, min(a.received_at) AS first_seen, max(a.received_at) AS last_seen,
               list_sort(list(DISTINCT a.environment) FILTER (a.environment IS NOT NULL))[:5] AS environments,
               {_LAGS}[1] AS lag_low_s,
               {_LAGS}[2] AS lag_median_s,
               {_LAGS}[3] AS lag_high_s,
               max(a.lag_s) FILTER (a.notes NOT LIKE '%time_%') AS lag_worst_s,
               count(*) FILTER (a.lag_s < -5 OR a.notes LIKE '%_future%') AS n_future,
               count(*) FILTER (a.notes LIKE '%time_unknown%') AS n_timeless,
               count(*) FILTER (a.notes LIKE '%truncated%' OR a.notes LIKE '%attrs_cut%') AS n_cut,
               count(*) FILTER (a.notes LIKE '%redaction%') AS n_unredacted,
               count(*) FILTER (a.notes LIKE '%repeats:%') AS n_repeats,
               count(*) FILTER (a.dialect IS NOT NULL) AS n_genai,
               count(a.unknown_keys) AS n_puzzling
        FROM arrived a GROUP BY a.app ORDER BY n_spans DESC LIMIT 500""",
        WINDOW,
        "one row an app: its spans, their lag behind the end of what they describe (seconds), notes on bad data",
    ),
    "source_voices": PageRead(
        f"""
        SELECT c.app, c.dialect, c.scope, {_VERSIONS.format("c.scope_version")} AS versions,
               {_VERSIONS.format("c.sdk")} AS sdks, {_VERSIONS.format("c.model")} AS models,
               max(c.last_seen) AS last_seen, sum(c.n)::BIGINT AS n_calls, round(sum(c.standing))::BIGINT AS n_standing,
               {", ".join(f"coalesce(sum(c.n) FILTER ({which}), 0)::BIGINT AS {name}" for name, which in _OF_CALLS.items())}
        FROM ({_ALIKE}) c
        GROUP BY c.app, c.dialect, c.scope ORDER BY n_calls DESC, c.scope LIMIT 1000""",
        WINDOW,
        "one row an app, dialect and instrumentation: how many of its model calls carry what",
    ),
    "source_orphans": PageRead(
        f"""
        SELECT t.app, count(*) AS n_traces, count(*) FILTER (NOT t.has_root AND t.last < $end - {UNDERWAY}) AS n_orphans,
               arg_max(t.trace_id, t.last) FILTER (NOT t.has_root AND t.last < $end - {UNDERWAY}) AS example
        FROM (SELECT arg_min(s.app, s.time) AS app, s.trace_id, bool_or(s.parent_id IS NULL) AS has_root,
                     max(s.received_at) AS last
              FROM base.spans s WHERE {_RECEIVED.format("s")} GROUP BY s.trace_id) t
        WHERE {_OF_APP.format("t")} GROUP BY t.app LIMIT 500""",
        WINDOW,
        "one row an app: its traces, and those whose root never came",
    ),
    "source_logs": PageRead(
        f"""
        WITH known AS (SELECT DISTINCT trace_id FROM base.spans WHERE received_at >= $start - INTERVAL 1 DAY)
        SELECT e.app, count(*) AS n_events, count(*) FILTER (k.trace_id IS NULL) AS n_loose
        FROM base.events e LEFT JOIN known k ON k.trace_id = e.trace_id
        WHERE {_RECEIVED.format("e")} AND e.received_at < $end - {UNDERWAY} AND {_OF_APP.format("e")}
        GROUP BY e.app LIMIT 500""",
        WINDOW | {"start": Param("time", FIRST.replace(year=2))},
        "one row an app: its log events, and those whose trace never came",
    ),
    "source_scores": PageRead(
        f"""
        WITH given AS (
            SELECT coalesce(k.app, n.source) AS app, k.trace_id IS NULL AS lost
            FROM base.scores n LEFT JOIN base.turns k ON k.trace_id = n.trace_id
            WHERE {_RECEIVED.format("n")} AND n.received_at < $end - {UNDERWAY})
        SELECT g.app, count(*) AS n_scores, count(*) FILTER (g.lost) AS n_lost
        FROM given g WHERE {_OF_APP.format("g")} GROUP BY g.app LIMIT 500""",
        WINDOW,
        "one row an app (a source where the app is not known): scores, and those that found nothing to be about",
    ),
    "source_meters": PageRead(
        f"""
        WITH points AS (
            SELECT m.*, lag(m.count) OVER w AS before, lag(m.start_time) OVER w AS before_start
            FROM base.meters m WHERE {_RECEIVED.format("m")} AND {_OF_APP.format("m")}
            WINDOW w AS (PARTITION BY m.app, m.metric, m.series ORDER BY m.time)),
        steps AS (
            SELECT p.app, p.metric, p.time, CASE WHEN p.start_time >= $start THEN p.start_time ELSE p.time END AS since,
                   CASE WHEN p.temporality = 'delta' THEN p.count
                        WHEN p.before IS NULL THEN CASE WHEN p.start_time >= $start THEN p.count ELSE 0 END
                        WHEN p.start_time IS DISTINCT FROM p.before_start OR p.count < p.before THEN p.count
                        ELSE p.count - p.before END AS n
            FROM points p),
        counted AS (SELECT app, metric, sum(n)::BIGINT AS n, min(since) AS lo, max(time) AS hi FROM steps GROUP BY app, metric),
        told AS (SELECT app, arg_max(metric, n) AS metric, max(n) AS n, arg_max(lo, n) AS lo, arg_max(hi, n) AS hi
                 FROM counted GROUP BY app)
        SELECT t.app, t.metric, t.n AS n_metered, count(s.span_id) AS n_sent, t.lo AS since, t.hi AS until
        FROM told t LEFT JOIN base.spans s
            ON s.app IS NOT DISTINCT FROM t.app AND s.received_at >= $start - INTERVAL 1 DAY
            AND (s.kind IN ('llm', 'embedding') OR s.flags LIKE '%repeats:%')
            AND s.time + to_microseconds((coalesce(s.duration_ms, 0) * 1000)::BIGINT) BETWEEN t.lo AND t.hi
        GROUP BY ALL LIMIT 500""",
        WINDOW | {"start": Param("time", FIRST.replace(year=2))},
        "one row an app that sends metrics: model calls it counted itself, and call spans of the same time that arrived",
    ),
    "source_habits": PageRead(
        f"""
        WITH hours AS (SELECT DISTINCT r.app, r.hour FROM base.rollup r
                       WHERE r.hour >= $end - INTERVAL 28 DAY AND r.hour < $end AND {_OF_APP.format("r")}),
        gaps AS (SELECT app, hour, epoch(hour - lag(hour) OVER (PARTITION BY app ORDER BY hour)) AS gap_s FROM hours)
        SELECT g.app, count(*) AS n_hours, max(g.hour) AS last_hour,
               coalesce(list_extract(list_reverse_sort(list(g.gap_s) FILTER (g.gap_s IS NOT NULL)), 2), max(g.gap_s)) AS usual_gap_s
        FROM gaps g GROUP BY g.app LIMIT 500""",
        {"end": WINDOW["end"], "app": WINDOW["app"]},
        "one row an app of the last 28 days: hours with traffic, and the second longest pause between them (one outage is no habit)",
    ),
    "source_ledger": PageRead(
        """
        SELECT l.source, sum(l.received)::BIGINT AS received, sum(l.stored)::BIGINT AS stored,
               sum(l.duplicate)::BIGINT AS duplicate, sum(l.refused)::BIGINT AS refused, max(l.day) AS last_day
        FROM base.ledger l WHERE l.day >= date_trunc('day', $start) AND l.day < $end AND ($app IS NULL OR l.source = $app)
        GROUP BY l.source ORDER BY received DESC LIMIT 500""",
        WINDOW,
        "received = stored + duplicate + refused, per source over the days of the window",
    ),
    "source_refusals": PageRead(
        """
        SELECT l.source, l.reason, sum(l.refused)::BIGINT AS n
        FROM base.ledger l WHERE l.refused > 0 AND l.day >= date_trunc('day', $start) AND l.day < $end
            AND ($app IS NULL OR l.source = $app)
        GROUP BY l.source, l.reason ORDER BY n DESC LIMIT 500""",
        WINDOW,
        "what was refused and why, per source over the days of the window",
    ),
    "source_days": PageRead(
        """
        SELECT l.day, sum(l.received)::BIGINT AS received, sum(l.stored)::BIGINT AS stored,
               sum(l.duplicate)::BIGINT AS duplicate, sum(l.refused)::BIGINT AS refused,
               string_agg(DISTINCT l.reason, '; ') FILTER (l.refused > 0) AS reasons,
               (SELECT string_agg(told, '; ') FROM (
                    SELECT format('{} {}s from {}, none understood', sum(k.n), k.signal, coalesce(k.scope, '(no scope)')) AS told
                    FROM base.strangers k WHERE k.time = l.day AND ($app IS NULL OR k.source = $app) GROUP BY k.signal, k.scope))
                   AS not_understood
        FROM base.ledger l WHERE l.day >= date_trunc('day', $start) AND l.day < $end AND ($app IS NULL OR l.source = $app)
        GROUP BY l.day ORDER BY l.day DESC LIMIT 400""",
        WINDOW,
        "the ledger of one source, day by day",
    ),
    "source_strangers": PageRead(
        """
        SELECT k.source, k.scope, k.signal, k.name, sum(k.n)::BIGINT AS n, any_value(k.keys) AS keys
        FROM base.strangers k WHERE k.time >= date_trunc('day', $start) AND k.time < $end
            AND ($app IS NULL OR k.source = $app)
        GROUP BY k.source, k.scope, k.signal, k.name ORDER BY n DESC, k.scope, k.name LIMIT 200""",
        WINDOW,
        "spans and log records that nobody understood, by scope and name, with the keys they carry",
    ),
    "source_keys": PageRead(
        """
        SELECT k.source, k.dialect, k.key, sum(k.n)::BIGINT AS n
        FROM base.unknown_keys k WHERE k.day >= date_trunc('day', $start) AND k.day < $end
            AND ($app IS NULL OR k.source = $app)
        GROUP BY k.source, k.dialect, k.key ORDER BY n DESC, k.key LIMIT 200""",
        WINDOW,
        "keys that look like GenAI and that no rule understood, with the spans that carried them",
    ),
}
