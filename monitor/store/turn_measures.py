"""What was measured of new turns, and what machines said of them: read once for all steps that are fed with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from monitor.model import dimensions
from monitor.store.measured import ENDINGS, ERROR, NUMBERS, columns
from monitor.store.precedence import AS_THEY_CAME, BY_MACHINE
from monitor.store.reads import NEW_TURNS, Reader, Window, widen

_ALIAS: Final = r"(^.*/)|([-@:](\d{4}-?\d{2}-?\d{2}|\d{8}|latest)$)"
"""What a model is named without: its provider and its date, so that an alias and what it stands for are one."""

_DIMENSIONS: Final = ("unit_id", "time", *dimensions.NAMES)
_ENDINGS: Final = (*ENDINGS, "kind:finish_reason", "kind:model")

_TURNS: Final = f"""
    SELECT t.trace_id AS unit_id, t.time, {", ".join(f"t.{name}" for name in dimensions.NAMES)},
           {columns({**NUMBERS, **ERROR, **ENDINGS})},
           t.finish_reason AS "kind:finish_reason", regexp_replace(t.model, '{_ALIAS}', '', 'g') AS "kind:model"
    FROM base.turns t
    LEFT JOIN (SELECT * FROM base.features WHERE time >= ?) f ON f.trace_id = t.trace_id AND f.span_id = t.output_span_id
    WHERE {NEW_TURNS} ORDER BY t.time, t.trace_id"""

_WORDS: Final = f"""
    SELECT g.unit_id, g.rule_id, g.policy_hash,
           max((g.verdict = 'violates')::DOUBLE)
               FILTER (g.verdict IN ('violates', 'complies') AND {AS_THEY_CAME}) AS violates,
           min((g.verdict IN ('cannot_judge', 'not_graded'))::DOUBLE) AS undecided
    FROM base.grades g JOIN base.turns t ON t.trace_id = g.unit_id
    WHERE g.time >= ? AND {BY_MACHINE} AND {NEW_TURNS} GROUP BY ALL"""


@dataclass(frozen=True)
class TurnMeasures:
    """New turns, a row each, and what machines said of them, a row a turn, rule and policy.

    What people say never enters, since they look at some turns only, and at those late.
    """

    turns: pl.DataFrame
    words: pl.DataFrame

    def metrics(self, policies: Sequence[str] | None = None) -> pl.DataFrame:
        """Return one row a turn: its dimensions and metrics, NULL where unknown.

        Metrics are `output_chars`, `duration_ms`, `output_tokens`, `cost_usd`, `error`, and `rule:<id>` per rule that a machine
        graded. With `policies` (hashes) no verdict of any other policy counts.
        """
        return widen(self.turns.select(*_DIMENSIONS, *NUMBERS, *ERROR), self._said("violates", "rule:", policies))

    @property
    def endings(self) -> pl.DataFrame:
        """unit_id and, of each turn, how it ended and what it took: `steps`, `tool_calls`, `tool_error`, `cut_off`, and kinds of finish_reason and model."""
        return self.turns.select("unit_id", *_ENDINGS)

    def undecided(self, policies: Sequence[str] | None = None) -> pl.DataFrame:
        """Return unit_id, metric and value a rule that looked at a turn: 1 where it had no answer, 0 where it had one."""
        return self._said("undecided", "undecided:", policies)

    def _said(self, column: str, prefix: str, policies: Sequence[str] | None) -> pl.DataFrame:
        heard = self.words if policies is None else self.words.filter(pl.col("policy_hash").is_in(policies))
        named = heard.select("unit_id", metric=prefix + pl.col("rule_id"), value=column).drop_nulls()
        twice = named.select("unit_id", "metric").is_duplicated().any()
        return named.group_by("unit_id", "metric").agg(_worst(column)) if twice else named


def _worst(column: str) -> pl.Expr:
    """Of several policies: one that found a violation is right, and one that had an answer has one."""
    return pl.col("value").max() if column == "violates" else pl.col("value").min()


def turn_measures(reader: Reader, within: Window) -> TurnMeasures:
    """Return what was measured of the new turns."""
    params = [within.start, *within.params]
    return TurnMeasures(reader.frame(_TURNS, params), reader.frame(_WORDS, params))


def turn_metrics(reader: Reader, within: Window, policies: Sequence[str] | None = None) -> pl.DataFrame:
    """Return `TurnMeasures.metrics` of the new turns."""
    return turn_measures(reader, within).metrics(policies)


@dataclass
class LastMeasured:
    """The measures that were read last: streams and arms are fed with the same turns, one after the other. Not for several threads at once."""

    window: Window | None = None
    state: object = None
    found: TurnMeasures | None = None

    def of(self, reader: Reader, within: Window) -> TurnMeasures:
        """Return what `turn_measures` does, read anew where anything was written since that it is read from."""
        state = reader.state(("turns", "features", "grades"))
        if self.found is None or (within, state) != (self.window, self.state):
            self.window, self.state, self.found = within, state, turn_measures(reader, within)
        return self.found
