"""Reads of the Overview page: what arrived, how much, how fast, at what cost, and that nothing was lost on the way."""

from __future__ import annotations

from typing import Final

from monitor.store.pages.shapes import BUCKET, IN_SCOPE, SCOPE, PageRead

_W: Final = "coalesce(t.sampling_weight, 1)"

_MEASURES: Final = f"""
    coalesce(round(sum({_W})), 0)::BIGINT AS n_turns, coalesce(round(sum({_W}) FILTER (t.error_type IS NOT NULL)), 0)::BIGINT AS n_errors,
    sum(t.cost_usd * {_W}) AS cost_usd, coalesce(round(sum({_W}) FILTER (t.cost_usd IS NOT NULL)), 0)::BIGINT AS n_priced, count(*) AS n_seen,
    quantile_cont(t.duration_ms, 0.5) AS p50_ms, quantile_cont(t.duration_ms, 0.95) AS p95_ms,
    sum(t.input_tokens * {_W})::BIGINT AS input_tokens, sum(t.output_tokens * {_W})::BIGINT AS output_tokens"""
"""A turn of a sender that samples itself counts for as many as it stands for; durations are those that were seen."""

READS: Final[dict[str, PageRead]] = {
    "arrivals": PageRead(
        """SELECT (SELECT count(*) FROM base.spans) AS n_spans, (SELECT count(*) FROM base.turns) AS n_turns,
                  (SELECT max(received_at) FROM base.spans) AS last_received,
                  (SELECT min(time) FROM base.turns) AS first_turn, (SELECT max(time) FROM base.turns) AS last_turn""",
        {},
        "one row: what the store holds; all the first-run page asks",
    ),
    "scopes": PageRead(
        """SELECT t.app, t.environment, count(*) AS n_turns, max(t.time) AS last_turn
           FROM base.turns t GROUP BY t.app, t.environment ORDER BY n_turns DESC, t.app, t.environment LIMIT 1000""",
        {},
        "the apps and environments there are",
    ),
    "totals": PageRead(
        f"SELECT {_MEASURES}, count(DISTINCT t.user_id) AS n_users FROM base.turns t WHERE {IN_SCOPE}",
        SCOPE,
        "one row: the sums of the scope; cost is NULL where no price is known",
    ),
    "traffic": PageRead(
        f"""SELECT time_bucket(to_seconds($bucket_s), t.time) AS time, {_MEASURES}
            FROM base.turns t WHERE {IN_SCOPE} GROUP BY 1 ORDER BY 1""",
        SCOPE | BUCKET,
        "the same per step of time; a step without traffic has no row",
    ),
    "models": PageRead(
        f"""SELECT t.model, min(t.time) AS first_turn, max(t.time) AS last_turn, {_MEASURES}
            FROM base.turns t WHERE {IN_SCOPE} GROUP BY t.model ORDER BY n_turns DESC LIMIT 100""",
        SCOPE,
        "the same per model",
    ),
    "ledger": PageRead(
        """SELECT l.source, sum(l.received)::BIGINT AS received, sum(l.stored)::BIGINT AS stored,
                  sum(l.duplicate)::BIGINT AS duplicate, sum(l.refused)::BIGINT AS refused,
                  string_agg(DISTINCT l.reason, '; ') FILTER (l.refused > 0) AS reasons
           FROM base.ledger l GROUP BY l.source ORDER BY received DESC LIMIT 1000""",
        {},
        "received = stored + duplicate + refused, per source, since the store began",
    ),
}
