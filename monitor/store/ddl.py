"""Tables. Schema `base` is ours and may change; the views in `main` (`monitor.store.views`) are what users rely on.

No keys and no indexes: a bounded anti-join keeps rows unique (see `monitor.store.load`), and DuckDB's known corruption
bugs all sit around indexes. Text has tables of its own, zstd-compressed by the DDL, since the automatic choice never is.
"""

from __future__ import annotations

from typing import Final

from monitor.model.dimensions import NAMES
from monitor.model.rows import TABLES, Columns
from monitor.store.decision_tables import COMPARISONS, ESTIMATES, FINDINGS, JUDGE_DRAWS, TRACKERS
from monitor.store.views import MACROS, VIEWS

SQL_TYPES: Final = {
    "str": "VARCHAR",
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "time": "TIMESTAMP",
    "text": "VARCHAR USING COMPRESSION zstd",
}

TURNS: Final[Columns] = {
    "trace_id": "str",
    "seq": "int",  # order of finishing; what "new since the last cycle" means. A trace finished again keeps its number
    "time": "time",
    "duration_ms": "float",
    **dict.fromkeys(NAMES, "str"),
    "system_hash": "str",  # of the system prompt of the first call: which instructions, without their text
    "input_span_id": "str",  # whose content holds what the user said
    "output_span_id": "str",  # whose content holds what the user saw
    "n_calls": "int",
    "n_tools": "int",
    "n_failed_tools": "int",
    "finish_reason": "str",  # of the last call
    "input_tokens": "int",
    "output_tokens": "int",
    "cost_usd": "float",
    "error_type": "str",
    "finished_at": "time",
    "sampling_weight": "float",  # how many turns it stands for, where its sender samples and says so; NULL: one
    "session_turns": "int",  # of a turn with which a session ended: how many it had; NULL: of others, or it goes on
}

WHOLES: Final[Columns] = {
    **dict.fromkeys(("trace_id", "session_id", "app"), "str"),
    **dict.fromkeys(("time", "ended", "finished_at"), "time"),
    "again": "bool",  # it had been finished before, and something of it came late
}
"""Turns whose trace, or session, may still grow: rows leave once both were quiet for long enough to be graded as a whole."""

DIMENSION_VALUES: Final[Columns] = {"app": "str", "name": "str", "value": "str", "since": "time"}
"""The first values of a dimension of an app, so many as it may have; all others go by one name."""

ARRIVALS: Final[Columns] = {"trace_id": "str", "time": "time", "received_at": "time", "has_root": "bool"}
"""Traces with rows that arrived since they were last finished. Small: rows leave when the trace is finished."""

LEDGER: Final[Columns] = {
    "day": "time",
    "source": "str",
    "received": "int",
    "stored": "int",
    "duplicate": "int",
    "refused": "int",
    "reason": "str",
}

SAMPLES: Final[Columns] = {
    "unit_id": "str",
    "time": "time",
    "plan": "str",
    "stratum": "str",
    "inclusion_probability": "float",
    "drawn_at": "time",
    "reason": "str",
}

GRADES: Final[Columns] = {
    "unit_id": "str",
    "time": "time",
    "rule_id": "str",
    "verdict": "str",
    "score": "float",
    "reason": "str",
    "grader": "str",
    "grader_version": "str",
    "policy": "str",
    "policy_version": "str",
    "policy_hash": "str",
    "graded_at": "time",
    "plan": "str",  # the sampling plan that picked the unit for this grade; NULL: somebody chose it
    "inclusion_probability": "float",  # with which that plan picked it
    "found_from": "int",  # where in the output that what was found begins, and ends; NULL: nowhere, or nobody knows
    "found_to": "int",
    "standing": "int",  # what `monitor.store.precedence` says; NULL: a rule
    "unit": "str",  # turn | trace | session; NULL: turn
    "oversampled": "bool",  # as in `JUDGE_DRAWS`; NULL: nothing was drawn for it
    "proposed": "str",  # what a judge says that may only propose (its verdict is not_graded); NULL: of all others
}

JUDGE_CALLS: Final[Columns] = {
    "time": "time",  # of the call, not of the turn
    "rule_id": "str",
    "unit_id": "str",
    "unit": "str",
    "judge": "str",
    "state": "str",  # ok | cached | retried | refused | budget | error
    "tokens": "int",
    "cost_usd": "float",  # NULL: nobody knows the price
    "latency_ms": "float",
    "reason": "str",
    "verdict": "str",  # NULL: none came of it
    "score": "float",
    "found_from": "int",
    "found_to": "int",
    "key": "str",  # what a repeat of the question has in common with it
    "words": "text",  # the judge's own, about the text it judged
    "known": "str",  # of a known item its label, violates | complies; NULL: an answer of production
    "variant": "str",  # of a known item the form in which it was asked (`monitor.judges.probes`); NULL: as it is
}
"""Every question to a judge, as a trace of its own beside production."""

JUDGED: Final[Columns] = {
    "unit_id": "str",
    "time": "time",  # of the turn, of a known item of the call
    "rule_id": "str",
    "judge": "str",
    "verdict": "str",
    "known": "str",  # of a known item its label
    "version": "str",  # hash of the policy; of a known item that of the judge and its known items
    "part": "str",  # the one stream that has yet to be fed with it; NULL: all
}
"""What judges said and no stream was fed with yet."""

ROLLUP: Final[Columns] = {
    "hour": "time",
    "app": "str",
    "environment": "str",
    "model": "str",
    "n_turns": "int",
    "n_errors": "int",
    "n_calls": "int",
    "input_tokens": "int",
    "output_tokens": "int",
    "cost_usd": "float",
    "duration_ms_sum": "float",
    "duration_hist": "str",  # JSON list of counts over monitor.store.finishing.rollup.BOUNDS_MS
}

ARM_UNITS: Final[Columns] = {
    "app": "str",  # "": of turns without one
    "experiment": "str",
    "arm": "str",
    "metric": "str",
    "unit": "str",  # user, else session, else trace: what was randomised
    "n": "int",
    "total": "float",
    "first": "time",  # of its first and last turn in the arm; NULL: of before times were kept
    "last": "time",
    "past_n": "int",  # the same of the four weeks before it came; NULL: not looked up yet
    "past_total": "float",
}
"""Per unit sums of each metric: what an A/B readout needs, so that its cost does not grow with the traffic."""

EXPOSED: Final[Columns] = {
    "trace_id": "str",
    "time": "time",
    "own_experiment": "str",
    "experiment": "str",
    "variant": "str",
}
"""Turns whose arm came from an exposure, so that it can be taken back when an earlier exposure arrives."""

REREADS: Final[Columns] = {"experiment": "str"}
"""Experiments whose turns changed arms after they were compared: the cycle sums them up again."""

PLANS: Final[Columns] = {"since": "int", "plan": "str"}
"""Sampling plans as JSON (`monitor.sampling.Plan`), each from a turn number on: what makes the chance of any turn known later."""

BEHIND: Final[Columns] = {
    "step": "str",
    "part": "str",  # a stream, or a rule
    "after": "int",  # turns with after < seq <= upto, or scores heard in that range
    "upto": "int",
}
"""What single parts of a step missed because they failed, while the step went on: they catch up once they can."""

STALE: Final[Columns] = {"time": "time"}
"""Times of turns that got a verdict after their rates were published: the cycle estimates those windows again."""

SIDE_BY_SIDE: Final[Columns] = {"experiment": "str", "value": "str"}
"""Values of prompt version, model, release or system prompt that run at the same time: arms that nobody declared."""

MARKS: Final[Columns] = {"step": "str", "seq": "int", "time": "time", "note": "str"}
"""How far each step of the cycle has come."""

UNKNOWN_KEYS: Final[Columns] = {
    "day": "time",  # of receipt
    "source": "str",
    "dialect": "str",
    "key": "str",  # positions of flattened lists as N; "(more)" stands for all beyond the first few hundred
    "n": "int",  # spans that carried it
}
"""What we did not understand: GenAI-looking attribute keys that no rule names, counted once per stored span."""

POSITIONS: Final[Columns] = {
    "family": "str",
    "segment": "int",
    "byte": "int",
    "stored": "int",  # rows that came through this family, ever
    "duplicate": "int",
    "late": "int",  # rows refused on loading: too old to be kept, or erased
}
"""How far each spool family is loaded, and what came of it; written in the transaction that loads it."""

TOMBSTONES: Final[Columns] = {"kind": "str", "hash": "str", "until": "time"}
"""Keyed hashes of what was erased: rows that come late are refused. `until` bounds users and sessions: they may go on."""

ERASING: Final[Columns] = {"kind": "str", "id": "str"}
"""What an unfinished erasure still has to find in files; empty when none is going on."""

ERASURES: Final[Columns] = {
    "id": "int",
    "kind": "str",  # user | session | trace | app | late: rows of an erased trace that came before it was known as one
    "asked_at": "time",
    "finished_at": "time",  # NULL while the files are still being rewritten
    "removed": "str",  # JSON: rows per table
}
"""That something was erased, never what."""

RETENTIONS: Final[Columns] = {
    "id": "int",
    "started_at": "time",
    "finished_at": "time",  # NULL while rows are still being removed
    "content_before": "time",  # texts of before this went; NULL: kept for ever
    "spans_before": "time",
    "rollups_before": "time",
    "removed": "str",  # JSON: rows per table; "TABLE (texts)" counts rows that stayed without their texts
    "rewritten_at": "time",  # when the files were rewritten, so that it left the bytes too; NULL while that is due
}
"""What retention removed: a row a run that removed something."""

HEARD_SCORES: Final[Columns] = {
    **TABLES["scores"],
    "heard": "int",  # in which order scores came to have a turn; NULL: none has been finished yet
}

BASE: Final[dict[str, Columns]] = TABLES | {
    "scores": HEARD_SCORES,
    "turns": TURNS,
    "arrivals": ARRIVALS,
    "wholes": WHOLES,
    "dimension_values": DIMENSION_VALUES,
    "ledger": LEDGER,
    "samples": SAMPLES,
    "judge_draws": JUDGE_DRAWS,
    "grades": GRADES,
    "judge_calls": JUDGE_CALLS,
    "judged": JUDGED,
    "estimates": ESTIMATES,
    "findings": FINDINGS,
    "comparisons": COMPARISONS,
    "trackers": TRACKERS,
    "rollup": ROLLUP,
    "arm_units": ARM_UNITS,
    "exposed": EXPOSED,
    "rereads": REREADS,
    "stale": STALE,
    "plans": PLANS,
    "behind": BEHIND,
    "marks": MARKS,
    "side_by_side": SIDE_BY_SIDE,
    "unknown_keys": UNKNOWN_KEYS,
    "positions": POSITIONS,
    "tombstones": TOMBSTONES,
    "erasing": ERASING,
    "erasures": ERASURES,
    "retentions": RETENTIONS,
}


def create_statements() -> list[str]:
    """Return the DDL of an empty store, in order."""
    tables = [
        f"CREATE TABLE IF NOT EXISTS base.{name} ({', '.join(f'{c} {SQL_TYPES[t]}' for c, t in columns.items())})"
        for name, columns in BASE.items()
    ]
    views = [f"CREATE OR REPLACE VIEW main.{name} AS {body}" for name, body in VIEWS.items()]
    return ["CREATE SCHEMA IF NOT EXISTS base", *tables, *MACROS, *views]
