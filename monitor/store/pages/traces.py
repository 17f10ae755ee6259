"""Reads of the Traces page: the list with its filters, the neighbours in it, and everything of one trace.

Ids are picked first; text is joined only for the picked rows. A search in the text is the one exception, and is asked for.
"""

from __future__ import annotations

from typing import Final

from monitor.model.dimensions import DIMENSIONS
from monitor.store.pages.last_words import VERDICTS, last_words
from monitor.store.pages.search import TextSearch
from monitor.store.pages.shapes import (
    IN_SCOPE,
    IN_SEGMENT,
    PAGE,
    SCOPE,
    SEGMENT,
    SHOWN,
    Lent,
    PageRead,
    Param,
    Picked,
    whole,
)

SORTS: Final = ("time", "duration_ms", "cost_usd", "input_tokens", "output_tokens", "n_calls", "n_tools")

PICKED: Final = tuple(dict.fromkeys(d.name for d in DIMENSIONS if d.name not in SCOPE and not d.people))
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

_OF_VERDICT: Final = "($rule IS NULL OR g.rule_id = $rule) AND g.verdict = coalesce($verdict, 'violates')"
_RULED: Final = Lent("ruled", f"SELECT unit_id FROM {last_words(_OF_VERDICT)}", ("rule", "verdict"))

_UNSEARCHED: Final = f"""{IN_SCOPE}
    AND {" AND ".join(f"(${name} IS NULL OR t.{name} = ${name})" for name in PICKED)}
    AND ($user IS NULL OR list_contains($user::VARCHAR[], t.user_id))
    AND ($session IS NULL OR list_contains($session::VARCHAR[], t.session_id))
    AND (NOT $errors OR t.error_type IS NOT NULL)
    AND ($min_ms = 0 OR t.duration_ms >= $min_ms)
    AND (($rule IS NULL AND $verdict IS NULL) OR t.trace_id IN (SELECT unit_id FROM ruled))"""

_FILTERED: Final = f"""{_UNSEARCHED}
    AND ($text IS NULL OR (t.trace_id IN (SELECT trace_id FROM hits)
                           AND ($searched_from IS NULL OR t.time >= $searched_from)))"""

_VALUE: Final = (
    "CASE $sort " + " ".join(f"WHEN '{name}' THEN t.{name}::DOUBLE" for name in SORTS if name != "time") + " END"
)
"""Every column one may sort by is a number, so one expression serves them all; by time it is constant."""

_DOWN: Final = "(CASE WHEN $ascending THEN 1 ELSE -1 END)"
_PLACE: Final = (f"coalesce({_VALUE} * {_DOWN}, 'infinity'::DOUBLE)", f"(epoch_us(t.time) * {_DOWN})", "t.trace_id")
"""Where a turn stands in the list: three values that only rise, so that the next page is what is greater than the last row."""

_ORDER: Final = f"{_PLACE[0]}, CASE WHEN $ascending THEN t.time END, t.time DESC, t.trace_id"
"""The same as an order that the store can follow without computing it."""

AFTER: Final = (
    "split_part($after, ' ', 1)::DOUBLE",
    "split_part($after, ' ', 2)::BIGINT",
    "regexp_extract($after, '^\\S+ \\S+ (.*)$', 1, 's')",
)
"""The three values of a cursor: `value place trace_id`, in which only the last may have spaces."""

_BEHIND: Final = f"""($after IS NULL OR {_PLACE[0]} > {AFTER[0]} OR ({_PLACE[0]} = {AFTER[0]}
    AND ({_PLACE[1]} > {AFTER[1]} OR ({_PLACE[1]} = {AFTER[1]} AND {_PLACE[2]} > {AFTER[2]}))))"""

_NEXT: Final = whole(f"SELECT t.rowid FROM base.turns t WHERE {_FILTERED} AND {_BEHIND} ORDER BY {{0}} LIMIT $limit")

_PAGE_OF_LIST: Final = f"""
    SELECT t.*, f.n_found, concat_ws(' ', {", ".join(_PLACE)}) AS cursor, $searched_from::TIMESTAMP AS searched_from
    FROM ({SHOWN}) t, found f ORDER BY {_ORDER}"""

_IN_REACH: Final = f"SELECT t.trace_id, t.time FROM base.turns t WHERE t.time >= $start AND t.time < $end AND ($sort <> 'time' OR $ascending OR {_BEHIND})"
"""Newest first the search goes on behind the last row; in another order it is the same search for every page."""

_SEARCH: Final = TextSearch(_IN_REACH, f"{_IN_REACH} AND {_UNSEARCHED}")
_LISTED: Final = FILTERS | PAGE | {"sort": Param("choice", "time", SORTS), "ascending": Param("flag", False)}

TRACE: Final = {"trace_id": Param("text", "")}

READS: Final[dict[str, PageRead]] = {
    "traces": PageRead(
        _PAGE_OF_LIST,
        _LISTED,
        "one row a turn that passes the filters; n_found is how many there are over all pages, cursor where the next page "
        "begins; of a search in texts, only what is not older than searched_from was looked at (NULL: all)",
        stages=(
            _RULED,
            _SEARCH,
            Lent("found", f"SELECT count(*) AS n_found FROM base.turns t WHERE {_FILTERED}"),
            Picked(_NEXT.format(_ORDER), _NEXT.format("t.time DESC, t.trace_id")),
        ),
    ),
    "search_reach": PageRead(
        "SELECT $searched_from::TIMESTAMP AS searched_from",
        _LISTED,
        "one row: how far back a search in texts would look for the same page; NULL is all there is",
        stages=(_RULED, _SEARCH),
    ),
    "neighbours": PageRead(
        f"""
        WITH here AS (SELECT time, trace_id FROM base.turns WHERE trace_id = $trace_id LIMIT 1),
        kept AS (SELECT t.trace_id, t.time FROM base.turns t WHERE {_FILTERED})
        SELECT (SELECT k.trace_id FROM kept k, here h
                WHERE k.time < h.time OR (k.time = h.time AND k.trace_id < h.trace_id)
                ORDER BY k.time DESC, k.trace_id DESC LIMIT 1) AS older,
               (SELECT k.trace_id FROM kept k, here h
                WHERE k.time > h.time OR (k.time = h.time AND k.trace_id > h.trace_id)
                ORDER BY k.time, k.trace_id LIMIT 1) AS newer""",
        FILTERS | TRACE,
        "one row: the next older and the next newer turn that pass the filters; words are searched in the turns around",
        stages=(
            _RULED,
            TextSearch(
                f"SELECT t.trace_id, t.time FROM base.turns t WHERE {IN_SCOPE}",
                f"SELECT t.trace_id, t.time FROM base.turns t WHERE {_UNSEARCHED}",
                "abs(epoch_us(time) - (SELECT epoch_us(max(time)) FROM base.turns WHERE trace_id = $trace_id))",
                paged=False,
            ),
        ),
    ),
    "turns_by_id": PageRead(
        f"{SHOWN} ORDER BY p.time",
        {"ids": Param("text", "")},
        "the turns of up to 50 comma-joined trace ids",
        stages=(
            Picked(
                "SELECT t.* FROM base.turns t WHERE t.trace_id IN (SELECT unnest(string_split($ids, ',')) LIMIT 50)"
            ),
        ),
    ),
    "turns_before": PageRead(
        f"{SHOWN} ORDER BY p.time DESC",
        SEGMENT | {"app": Param("text"), "before": Param("time", SCOPE["end"].default), "limit": PAGE["limit"]},
        "the newest turns of a segment before an instant",
        stages=(
            Picked(
                whole(
                    f"""SELECT t.rowid FROM base.turns t WHERE t.time < $before AND ($app IS NULL OR t.app = $app)
                        AND {IN_SEGMENT} ORDER BY t.time DESC LIMIT $limit"""
                )
            ),
        ),
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
        SELECT g.rule_id, g.verdict, g.score, g.reason, g.grader, g.grader_version, g.policy, g.policy_version, g.graded_at,
               g.found_from, g.found_to
        FROM base.grades g WHERE g.unit_id = $trace_id ORDER BY g.rule_id, g.graded_at DESC""",
        TRACE,
        "every verdict on a turn",
    ),
    "trace_judge_calls": PageRead(
        """
        SELECT c.time, c.rule_id, c.judge, c.state, c.tokens, c.cost_usd, c.latency_ms, c.reason, c.verdict, c.score, c.words
        FROM base.judge_calls c WHERE c.unit_id = $trace_id ORDER BY c.rule_id, c.time DESC LIMIT 200""",
        TRACE,
        "every question to a judge about a turn",
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
