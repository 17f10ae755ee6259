"""What streams are fed with beside the measures of turns: how a turn ended, what it took, what nobody could judge, what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from monitor.store.measured import ENDINGS, columns
from monitor.store.message_texts import answer_text, user_text
from monitor.store.precedence import BY_MACHINE
from monitor.store.reads import NEW_TURNS, Reader, Window

HEARD: Final = 1_000
"""Turns of one window whose texts are read for their language; of more, so many are drawn."""

_ALIAS: Final = r"(^.*/)|([-@:](\d{4}-?\d{2}-?\d{2}|\d{8}|latest)$)"


def endings(reader: Reader, within: Window) -> pl.DataFrame:
    """Return unit_id and, of each new turn, `steps`, `tool_calls`, `tool_error`, `cut_off`, and kinds: finish_reason and model.

    A model is named without its provider and date, so that an alias and what it stands for are one.
    """
    return reader.frame(
        f"""
        SELECT t.trace_id AS unit_id, {columns(ENDINGS)}, t.finish_reason AS "kind:finish_reason",
               regexp_replace(t.model, '{_ALIAS}', '', 'g') AS "kind:model"
        FROM base.turns t WHERE {NEW_TURNS}""",
        within.params,
    )


def undecided(reader: Reader, within: Window, policies: Sequence[str] | None = None) -> pl.DataFrame:
    """Return unit_id, metric and value a rule that looked at a new turn: 1 where it had no answer, 0 where it had one."""
    return reader.frame(
        f"""
        SELECT g.unit_id, 'undecided:' || g.rule_id AS metric,
               min((g.verdict IN ('cannot_judge', 'not_graded'))::DOUBLE) AS value
        FROM base.grades g JOIN base.turns t ON t.trace_id = g.unit_id
        WHERE g.time >= ? AND {BY_MACHINE} AND {NEW_TURNS}
          AND (?::VARCHAR[] IS NULL OR list_contains(?::VARCHAR[], g.policy_hash))
        GROUP BY ALL""",
        [within.start, *within.params, policies, policies],
    )


def beginnings(reader: Reader, within: Window, letters: int) -> pl.DataFrame:
    """Return unit_id and the first `letters` of what was said and answered, of at most `HEARD` new turns."""
    rows = reader.rows(
        f"""
        WITH picked AS (SELECT t.* FROM base.turns t WHERE {NEW_TURNS} ORDER BY hash(t.trace_id) LIMIT {HEARD})
        SELECT p.trace_id, i.input_value, i.input_messages, o.output_value, o.output_messages FROM picked p
        LEFT JOIN (SELECT * FROM base.content WHERE time >= ?) i ON i.trace_id = p.trace_id AND i.span_id = p.input_span_id
        LEFT JOIN (SELECT * FROM base.content WHERE time >= ?) o ON o.trace_id = p.trace_id AND o.span_id = p.output_span_id""",
        [*within.params, within.start, within.start],
    )
    texts = [
        (unit, user_text(asked) if said is None else said, answer_text(told) if answer is None else answer)
        for unit, said, asked, answer, told in rows
    ]
    cut = [(unit, *(text and text[:letters] for text in both)) for unit, *both in texts]
    return pl.DataFrame(cut, dict.fromkeys(("unit_id", "input_text", "output_text"), pl.String), orient="row")
