"""Reads that were made fast answer row by row as the same questions asked plainly, over a house with everything that can be told of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from monitor.store.pages.last_words import last_words
from monitor.store.pages.shapes import used
from monitor.store.standing import violating_units
from tests.support.generated_store import GeneratedStore, generated_store

N_TURNS = 400

VERSIONS = "list_sort(list(DISTINCT {0}) FILTER ({0} IS NOT NULL))[:5]"
TEXTS = """(
    SELECT trace_id, span_id, time, bool_or(told) AS has_input, bool_or(answered) AS has_output FROM (
        SELECT trace_id, span_id, time, input_chars IS NOT NULL AS told, output_chars IS NOT NULL AS answered FROM base.features
        UNION ALL
        SELECT trace_id, span_id, time, input_messages IS NOT NULL, output_messages IS NOT NULL
        FROM base.content WHERE origin = 'log')
    GROUP BY trace_id, span_id, time)"""

VOICES = f"""
    WITH dropped AS (SELECT DISTINCT trace_id, span_id FROM base.events WHERE part = 'dropped'),
    calls AS (
        SELECT s.*, s.error_type IS NULL AND s.status IS DISTINCT FROM 'error' AS fine, coalesce(s.flags, '') AS notes,
               (s.trace_id, s.span_id) IN (SELECT (trace_id, span_id) FROM dropped) AS mute
        FROM base.spans s
        WHERE s.received_at >= $start AND s.received_at < $end AND ($app IS NULL OR s.app = $app) AND s.kind IN ('llm', 'embedding'))
    SELECT c.app, c.dialect, c.scope, {VERSIONS.format("c.scope_version")} AS versions, {VERSIONS.format("c.sdk")} AS sdks,
           {VERSIONS.format("coalesce(c.response_model, c.request_model)")} AS models,
           max(c.received_at) AS last_seen, count(*) AS n_calls, count(*) FILTER (NOT c.fine) AS n_failed,
           count(*) FILTER (c.kind = 'llm') AS n_chats, count(*) FILTER (c.kind = 'llm' AND c.fine) AS n_answered,
           count(*) FILTER (c.kind = 'llm' AND t.has_input) AS n_inputs,
           count(*) FILTER (c.kind = 'llm' AND c.fine AND (t.has_output OR c.finish_reason LIKE '%tool%')) AS n_outputs,
           count(*) FILTER (c.fine AND coalesce(c.input_tokens, c.output_tokens) IS NOT NULL) AS n_tokens,
           count(*) FILTER (c.fine AND c.response_id IS NOT NULL) AS n_response_ids,
           count(*) FILTER (c.fine AND c.cost_usd IS NOT NULL) AS n_costs,
           count(*) FILTER (c.cost_source = 'list') AS n_list_costs,
           round(sum(coalesce(c.sampling_weight, 1)))::BIGINT AS n_standing,
           count(c.session_id) AS n_sessions, count(c.user_id) AS n_users, count(coalesce(c.variant, c.prompt_version)) AS n_arms,
           count(*) FILTER (c.usage_source = 'estimated') AS n_estimated, count(*) FILTER (c.stream AND c.fine) AS n_streams,
           count(*) FILTER (c.stream AND c.fine AND c.output_tokens IS NULL) AS n_blind_streams,
           count(*) FILTER (c.kind = 'llm' AND t.has_input IS NOT TRUE
                            AND (c.mute OR c.notes LIKE '%by_rule:input_messages%')) AS n_ruled_inputs,
           count(*) FILTER (c.kind = 'llm' AND c.fine AND t.has_output IS NOT TRUE
                            AND (c.mute OR c.notes LIKE '%by_rule:output_messages%')) AS n_ruled_outputs,
           count(*) FILTER (c.user_id IS NULL AND c.notes LIKE '%by_rule:user_id%') AS n_ruled_users,
           count(*) FILTER (c.session_id IS NULL AND c.notes LIKE '%by_rule:session_id%') AS n_ruled_sessions
    FROM calls c LEFT JOIN {TEXTS} t ON t.trace_id = c.trace_id AND t.span_id = c.span_id AND t.time = c.time
    GROUP BY c.app, c.dialect, c.scope ORDER BY n_calls DESC, c.scope"""

LAGS = """
    SELECT s.app, quantile_cont(epoch_us(s.received_at - s.time) / 1e6 - coalesce(s.duration_ms, 0) / 1e3, 0.1)
               FILTER (coalesce(s.flags, '') NOT LIKE '%time_%') AS lag_low_s,
           quantile_cont(epoch_us(s.received_at - s.time) / 1e6 - coalesce(s.duration_ms, 0) / 1e3, 0.5)
               FILTER (coalesce(s.flags, '') NOT LIKE '%time_%') AS lag_median_s,
           quantile_cont(epoch_us(s.received_at - s.time) / 1e6 - coalesce(s.duration_ms, 0) / 1e3, 0.9)
               FILTER (coalesce(s.flags, '') NOT LIKE '%time_%') AS lag_high_s
    FROM base.spans s GROUP BY s.app"""

VIOLATIONS = f"""
    SELECT g.unit_id AS trace_id, g.rule_id, g.reason, g.grader, t.time, t.app, t.user_id, t.n_calls
    FROM {last_words("g.verdict = $verdict")} g JOIN base.turns t ON t.trace_id = g.unit_id
    ORDER BY t.time DESC, g.unit_id, g.rule_id"""

LISTED = "SELECT t.* FROM base.turns t ORDER BY {} LIMIT 50"

SCRAMBLED = """
    UPDATE base.spans SET flags = CASE seq % 7 WHEN 0 THEN 'by_rule:input_messages,time_unknown' WHEN 1 THEN 'by_rule:output_messages'
            WHEN 2 THEN 'by_rule:user_id,by_rule:session_id' WHEN 3 THEN 'repeats:x' END,
        user_id = CASE WHEN seq % 5 > 0 THEN user_id END, session_id = CASE WHEN seq % 3 > 0 THEN session_id END,
        stream = seq % 2 = 0, finish_reason = CASE seq % 4 WHEN 0 THEN 'tool_calls' WHEN 1 THEN 'stop' END,
        output_tokens = CASE WHEN seq % 11 > 0 THEN output_tokens END, input_tokens = CASE WHEN seq % 13 > 0 THEN input_tokens END,
        response_id = CASE WHEN seq % 2 = 0 THEN span_id END, cost_usd = CASE WHEN seq % 3 = 0 THEN 0.1 END,
        cost_source = CASE WHEN seq % 3 = 0 THEN 'list' END, usage_source = CASE WHEN seq % 6 = 0 THEN 'estimated' END,
        sdk = 'sdk ' || seq % 9, scope = CASE WHEN seq % 2 = 0 THEN 'lumen' END, scope_version = seq % 3,
        kind = CASE WHEN kind = 'llm' AND seq % 8 = 0 THEN 'embedding' ELSE kind END,
        sampling_weight = CASE WHEN seq % 4 = 0 THEN 3.0 END, variant = NULL,
        prompt_version = CASE WHEN seq % 3 = 1 THEN 'v3' END, status = CASE WHEN seq % 17 = 0 THEN 'error' ELSE status END
    FROM (SELECT trace_id AS trace, ('0x' || right(trace_id, 8))::BIGINT AS seq FROM base.turns) WHERE trace_id = trace"""
"""Every note, gap and kind that is asked about, on some calls."""

GAPS = (
    SCRAMBLED,
    "UPDATE base.features SET input_chars = NULL WHERE ends_with(trace_id, '3')",
    "UPDATE base.features SET output_chars = NULL WHERE ends_with(trace_id, '4')",
    "DELETE FROM base.features WHERE right(trace_id, 1) IN ('5', '6')",
    """UPDATE base.content SET origin = 'log', output_messages = NULL
       WHERE input_messages IS NOT NULL AND right(trace_id, 1) IN ('5', '7')""",
    """INSERT INTO base.events (key, trace_id, span_id, time, part)
       SELECT trace_id || n, trace_id, span_id, time, 'dropped' FROM base.spans, range(2) AS twice(n)
       WHERE kind = 'llm' AND right(trace_id, 2) IN ('06', '13', '26')""",
    """INSERT INTO base.grades (unit_id, time, rule_id, verdict, reason, grader, graded_at, standing)
       SELECT unit_id, time, rule_id, CASE verdict WHEN 'violates' THEN 'complies' ELSE 'violates' END, 'again', 'human:ana',
              graded_at, CASE WHEN ends_with(unit_id, '1') THEN 1 END FROM base.grades WHERE right(unit_id, 1) IN ('1', '2')""",
)


@pytest.fixture(scope="module")
def house() -> Iterator[GeneratedStore]:
    made = generated_store(N_TURNS, sentences=1, hostile=True)
    with made.store.transaction() as txn:
        for statement in GAPS:
            txn.execute(statement)
    yield made
    made.store.close()


def plainly(house: GeneratedStore, sql: str, **values: Any) -> list[dict[str, Any]]:
    return house.store.read(sql, used(sql, values)).to_pylist()


def by_place(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(map(repr, rows))


@pytest.mark.parametrize("days", [14, 3])
def test_voices_are_counted_as_call_by_call(house: GeneratedStore, days: int) -> None:
    start, end = house.now - timedelta(days=days), house.now
    rows = house.page("source_voices", {"start": f"{start}", "end": f"{end}"}).to_pylist()
    wanted = plainly(house, VOICES, start=start, end=end, app=None)
    assert len(wanted) > 3
    for name in ("n_ruled_inputs", "n_ruled_outputs", "n_ruled_users", "n_blind_streams", "n_failed", "n_list_costs"):
        assert sum(row[name] for row in wanted) > 0, name
    columns = list(wanted[0])
    assert by_place([{name: row[name] for name in columns} for row in rows]) == by_place(wanted)


def test_lags_are_those_of_three_questions(house: GeneratedStore) -> None:
    rows = house.page("source_spans", {}).to_pylist()
    told = {row["app"]: (row["lag_low_s"], row["lag_median_s"], row["lag_high_s"]) for row in rows}
    assert told == {row["app"]: tuple(row.values())[1:] for row in plainly(house, LAGS)}


@pytest.mark.parametrize("verdict", ["violates", "complies"])
def test_violations_page_by_page_are_all_last_words(house: GeneratedStore, verdict: str) -> None:
    wanted = plainly(house, VIOLATIONS, verdict=verdict)
    found: list[dict[str, Any]] = []
    after = ""
    while page := house.page("violations", {"verdict": verdict, "limit": "37", "after": after}).to_pylist():
        found += page
        after = page[-1]["cursor"]
        assert page[0]["n_found"] == len(wanted)
    assert any(row["reason"] == "again" for row in wanted)
    assert [{name: row[name] for name in wanted[0]} for row in found] == wanted


@pytest.mark.parametrize(
    ("sort", "order"),
    [("time", "t.time DESC, t.trace_id"), ("duration_ms", "t.duration_ms DESC, t.time DESC, t.trace_id")],
)
def test_a_page_of_turns_is_the_first_of_all(house: GeneratedStore, sort: str, order: str) -> None:
    wanted = plainly(house, LISTED.format(order))
    rows = house.page("traces", {"sort": sort}).to_pylist()
    assert [{name: row[name] for name in wanted[0]} for row in rows] == wanted


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_the_newest_violations_are_those_of_the_whole_time(house: GeneratedStore, limit: int) -> None:
    start, end = house.now - timedelta(days=14), house.now
    plain: dict[tuple[str | None, str], list[str]] = {}
    for row in plainly(house, VIOLATIONS, verdict="violates"):
        plain.setdefault((row["app"], row["rule_id"]), []).append(row["trace_id"])
    assert min(map(len, plain.values())) < 4 < max(map(len, plain.values())), "rare ones lie outside the last day"
    wanted = {stream: units[:limit] for stream, units in plain.items()}
    for since in (start - timedelta(days=1), start, end - timedelta(days=1), end - timedelta(minutes=1), end):
        streams = dict.fromkeys((*plain, ("nobody", "NO-RULE")), since)
        assert violating_units(house.store, streams, start, end, limit) == wanted
    odd = {stream: (start, end)[number % 2] for number, stream in enumerate(plain)}
    assert violating_units(house.store, odd, start, end, limit) == wanted
    assert violating_units(house.store, {}, start, end, limit) == {}
