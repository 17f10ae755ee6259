"""Finish traces: from spans that came in any order to calls counted once and one turn a trace.

A trace is settled when its root is there and nothing more of it has come for a while, or when nothing has come for longer.
Whatever arrives later makes it be finished again, in place. All steps are set-based and look only at the settled traces;
they run in one transaction, so that no reader sees a trace half finished.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from monitor.clock import naive_utc
from monitor.model.dimensions import MOST_VALUES, OF_SPANS, SHARED, SHARED_BY_ANY
from monitor.store.finishing.arms import Infer, give_arms
from monitor.store.finishing.exposed import join_fresh_turns, join_new_exposures
from monitor.store.finishing.few_values import keep_few_values
from monitor.store.finishing.logged import assemble_logged
from monitor.store.finishing.lone_agents import call_lone_agents
from monitor.store.finishing.once import count_once
from monitor.store.finishing.rollup import roll_up
from monitor.store.finishing.scored import attach_scores
from monitor.store.finishing.settled import take_spans
from monitor.store.finishing.spanless import stand_in
from monitor.store.finishing.streams import join_streams
from monitor.store.opening import Store, Transaction
from monitor.store.wholes import await_wholes

MOST: Final = 20_000
"""Traces that are finished in one transaction: bounds memory, and lets whoever waits for a stop in between."""

AROUND: Final = timedelta(days=1)
"""How far from the newly arrived rows other rows of the same trace are looked for."""


@dataclass(frozen=True)
class Bounds:
    """Times between which everything about the settled traces lies, as SQL constants: zone maps prune on nothing else."""

    lo: datetime
    hi: datetime

    def on(self, column: str = "time") -> str:
        """Return the condition for one column."""
        return f"{column} >= TIMESTAMP '{self.lo}' AND {column} <= TIMESTAMP '{self.hi}'"


def finish(
    store: Store,
    now: datetime,
    settle: timedelta,
    settle_without_root: timedelta,
    infer: Infer = "all",
    *,
    flush: bool = False,
    stopping: Callable[[], bool] = lambda: False,
    most: int = MOST,
) -> int:
    """Finish every settled trace, the oldest first; with `flush`, every trace. Returns the number of turns written.

    At most `most` traces a transaction; when `stopping`, the rest is left to the next call.
    `infer` says how far arms are found that no span names (`experiments.infer`).
    """
    oldest = (now - settle_without_root, now - settle)
    total = 0
    while True:
        with store.transaction() as txn:
            settled, turns = _finish(txn, now, oldest, most, infer, flush=flush)
        total += turns
        if settled < most or stopping():
            return total


def _finish(
    txn: Transaction, now: datetime, oldest: tuple[datetime, datetime], most: int, infer: Infer, *, flush: bool
) -> tuple[int, int]:
    """Return how many traces were finished, and how many turns were written."""
    join_new_exposures(txn)
    settled, bounds = _settled(txn, oldest, most, flush=flush)
    if bounds is None:
        return 0, 0
    take_spans(txn, bounds.on("time"))
    stand_in(txn, bounds.on("time"))
    assemble_logged(txn, bounds.on("time"))
    join_streams(txn, bounds.on("time"))
    call_lone_agents(txn, bounds.on("time"))
    count_once(txn, bounds.on("time"))
    _share_identity(txn, bounds)
    attach_scores(txn, bounds.on("time"))
    turns = _write_turns(txn, bounds, naive_utc(now), infer)
    join_fresh_turns(txn)
    txn.execute("DELETE FROM base.arrivals WHERE trace_id IN (SELECT trace_id FROM temp.settled)")
    return settled, turns


def _settled(
    txn: Transaction, oldest: tuple[datetime, datetime], most: int, *, flush: bool
) -> tuple[int, Bounds | None]:
    """Note which traces are finished now. `oldest`: receipt up to which a trace without a root has settled, and one with."""
    txn.execute(
        """
        CREATE OR REPLACE TEMP TABLE settled AS
        SELECT trace_id, min(time) AS lo, max(time) AS hi FROM base.arrivals GROUP BY trace_id
        HAVING ? OR max(received_at) <= ? OR (bool_or(has_root) AND max(received_at) <= ?) OR contains(trace_id, ':')
        ORDER BY lo, trace_id LIMIT ?""",
        [flush, *map(naive_utc, oldest), most],
    )
    n, lo, hi = txn.frame("SELECT count(*) AS n, min(lo) AS lo, max(hi) AS hi FROM temp.settled").row(0)
    return n, None if lo is None else Bounds(lo - AROUND, hi + AROUND)


def _share_identity(txn: Transaction, bounds: Bounds) -> None:
    """Fill who and which arm into the spans that lack it: from the root, else from any span or log of the trace.

    A prompt belongs to a call, so it is taken from the root only. The update touches only rows that gain something.
    """
    picks = ", ".join(
        f"coalesce(arg_min({c}, time) FILTER (parent_id IS NULL AND {c} IS NOT NULL)"
        + (f", arg_min({c}, time) FILTER ({c} IS NOT NULL)" if c in SHARED_BY_ANY else "")
        + f") AS {c}"
        for c in SHARED
    )
    txn.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE shared AS
        WITH told AS (
            SELECT trace_id, parent_id, time, {", ".join(SHARED)} FROM temp.touched
            UNION ALL BY NAME
            SELECT e.trace_id, e.span_id AS parent_id, e.time, e.user_id, e.session_id,
                   json_extract_string(e.body, '$.experiment') AS experiment,
                   json_extract_string(e.body, '$.variant') AS variant,
                   {", ".join(f"NULL AS {c}" for c in SHARED if c not in SHARED_BY_ANY)}
            FROM (SELECT * REPLACE (CASE WHEN part = 'flag' THEN body END AS body) FROM base.events
                  WHERE {bounds.on("time")}) e SEMI JOIN temp.settled t ON t.trace_id = e.trace_id)
        SELECT trace_id, {picks} FROM told GROUP BY trace_id"""
    )
    fills = ", ".join(f"{c} = coalesce(s.{c}, f.{c})" for c in SHARED)
    gains = " OR ".join(f"(s.{c} IS NULL AND f.{c} IS NOT NULL)" for c in SHARED)
    lacking = f"SELECT 1 FROM temp.touched s JOIN temp.shared f ON f.trace_id = s.trace_id WHERE {gains} LIMIT 1"
    if txn.read(lacking).num_rows == 0:
        return
    txn.execute(
        f"UPDATE base.spans s SET {fills} FROM temp.shared f "
        f"WHERE f.trace_id = s.trace_id AND {bounds.on('s.time')} AND ({gains})"
    )
    take_spans(txn, bounds.on("time"))


def _write_turns(txn: Transaction, bounds: Bounds, now: datetime, infer: Infer) -> int:
    txn.execute(_TURNS.format(content=bounds.on("time"), dimensions=_OF_THE_ROOT))
    keep_few_values(txn, now, MOST_VALUES)
    give_arms(txn, bounds.on("time"), now, infer)
    txn.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE known AS
        SELECT b.trace_id, b.seq, b.time FROM base.turns b SEMI JOIN temp.fresh f ON f.trace_id = b.trace_id
        WHERE {bounds.on("b.time")}"""
    )
    # a trace whose only call turned out to be somebody else's is no turn any more
    txn.execute(f"DELETE FROM base.turns WHERE {bounds.on('time')} AND trace_id IN (SELECT trace_id FROM temp.settled)")
    new = txn.frame(
        """
        SELECT f.* EXCLUDE (seq), ? AS finished_at, k.trace_id IS NOT NULL AS again,
               coalesce(k.seq, (SELECT coalesce(max(seq), 0) FROM base.marks WHERE step = 'turns')
                        + row_number() OVER (PARTITION BY k.seq IS NULL ORDER BY f.time, f.trace_id))::BIGINT AS seq
        FROM temp.fresh f LEFT JOIN temp.known k ON k.trace_id = f.trace_id""",
        [now],
    )
    txn.insert("turns", new)
    await_wholes(txn, new)
    _take_along(txn, bounds)
    last = txn.frame("SELECT max(seq) AS seq FROM base.turns WHERE finished_at = ?", [now])["seq"][0]
    _advance(txn, last)
    again = set(txn.frame("SELECT trace_id FROM temp.known")["trace_id"])
    roll_up(txn, [trace for trace in new["trace_id"] if trace not in again], bounds.on("time"))
    return new.height


def _take_along(txn: Transaction, bounds: Bounds) -> None:
    """A turn whose time moved, since an earlier span of it came, takes its draws and verdicts along; its rates are made anew."""
    moved = txn.frame(
        "SELECT k.trace_id, k.time AS was, f.time AS now FROM temp.known k JOIN temp.fresh f USING (trace_id) WHERE k.time <> f.time"
    )
    if moved.is_empty():
        return
    with txn.registered("moved", moved.to_arrow()):
        for table in ("samples", "judge_draws", "grades"):
            txn.execute(
                f"UPDATE base.{table} SET time = m.now FROM moved m WHERE {table}.unit_id = m.trace_id AND {bounds.on(f'{table}.time')}"
            )
    txn.insert("stale", [{"time": time} for time in {*moved["was"], *moved["now"]}])


def _advance(txn: Transaction, last: int | None) -> None:
    """Remember the highest number ever given: numbers of erased turns are not given again."""
    if last is not None:
        txn.execute(
            "INSERT INTO base.marks SELECT 'turns', greatest(?, max(seq)), NULL, NULL FROM base.marks WHERE step = 'turns'",
            [last],
        )
        txn.execute(
            "DELETE FROM base.marks WHERE step = 'turns' AND seq < (SELECT max(seq) FROM base.marks WHERE step = 'turns')"
        )


_OF_THE_ROOT: Final = ", ".join(
    f"coalesce(arg_min({c}, time) FILTER (is_root), arg_min({c}, time)) AS {c}" for c in OF_SPANS
)
"""Of the root where it says so, else of the first span that does; the model is that of the last call."""

_TURNS: Final = """
    CREATE OR REPLACE TEMP TABLE fresh AS
    WITH texts AS (
        SELECT c.trace_id, c.span_id, left(md5(c.system_text), 12) AS system_hash,
               c.input_messages IS NOT NULL OR c.input_value IS NOT NULL AS has_input,
               c.output_messages IS NOT NULL OR c.output_value IS NOT NULL AS has_output,
               c.input_messages IS NOT NULL OR left(ltrim(c.input_value), 1) NOT IN ('{{', '[') AS plain_input,
               c.output_messages IS NOT NULL OR left(ltrim(c.output_value), 1) NOT IN ('{{', '[') AS plain_output
        FROM base.content c SEMI JOIN temp.settled t ON t.trace_id = c.trace_id WHERE {content}),
    spans AS (
        SELECT s.*, x.system_hash, s.time + s.duration_ms * INTERVAL 1 MILLISECOND AS ended,
               coalesce(x.has_input, false) AS has_input, coalesce(x.has_output, false) AS has_output,
               coalesce(x.plain_input, false) AS plain_input, coalesce(x.plain_output, false) AS plain_output,
               s.parent_id IS NULL AS is_root, s.kind = 'llm' AS is_call,
               s.kind NOT IN ('tool', 'retriever') AS may_speak -- what a tool was given is nobody's question
        FROM temp.touched s LEFT JOIN texts x ON x.trace_id = s.trace_id AND x.span_id = s.span_id)
    SELECT trace_id, NULL::BIGINT AS seq, min(time) AS time,
           coalesce(max(duration_ms) FILTER (is_root), date_diff('microsecond', min(time), max(ended)) / 1000.0) AS duration_ms,
           {dimensions},
           arg_max(coalesce(response_model, request_model), time) FILTER (is_call) AS model,
           arg_min(system_hash, time) FILTER (is_call) AS system_hash,
           coalesce(arg_min(span_id, time) FILTER (is_root AND has_input AND plain_input AND may_speak),
                    arg_min(span_id, time) FILTER (is_call AND has_input),
                    arg_min(span_id, time) FILTER (has_input AND may_speak AND (is_root OR kind <> 'other'))) AS input_span_id,
           coalesce(arg_min(span_id, time) FILTER (is_root AND has_output AND plain_output AND may_speak),
                    arg_max(span_id, ended) FILTER (is_call AND has_output),
                    arg_min(span_id, time) FILTER (has_output AND may_speak AND (is_root OR kind <> 'other'))) AS output_span_id,
           coalesce(arg_min(sampling_weight, time) FILTER (is_root), max(sampling_weight)) AS sampling_weight,
           count(*) FILTER (is_call) AS n_calls, count(*) FILTER (kind = 'tool') AS n_tools,
           count(*) FILTER (kind = 'tool' AND (status = 'error' OR error_type IS NOT NULL)) AS n_failed_tools,
           arg_max(finish_reason, time) FILTER (is_call) AS finish_reason,
           sum(input_tokens) FILTER (is_call)::BIGINT AS input_tokens,
           sum(output_tokens) FILTER (is_call)::BIGINT AS output_tokens,
           sum(cost_usd) FILTER (is_call) AS cost_usd,
           coalesce(arg_min(error_type, time) FILTER (is_root AND status = 'error'),
                    CASE WHEN count(*) FILTER (is_call) > 0 AND count(*) FILTER (is_call AND status <> 'error') = 0
                         THEN arg_max(error_type, time) FILTER (is_call) END) AS error_type
    FROM spans GROUP BY trace_id HAVING bool_or(kind IN ('llm', 'agent', 'chain', 'workflow'))"""
