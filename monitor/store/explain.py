"""Why: the stored reasons of one finding or one trace, as lines a person reads top to bottom."""

from __future__ import annotations

import json
from typing import Any

from monitor.store.opening import Store
from monitor.wording import bare_minute, bare_second, minute


def explain_finding(store: Store, finding_id: str) -> list[str]:
    """Return the lines of a finding, or none when there is no such finding."""
    rows = store.read("SELECT * FROM base.findings WHERE id = ?", [finding_id]).to_pylist()
    return _finding(store, rows[0]) if rows else []


def _finding(store: Store, row: dict[str, Any]) -> list[str]:
    return [
        f"finding {row['id']} ({row['origin']}): {row['metric']} of {row['app']}, segment {row['segment']}",
        row["reason"],
        f"since {minute(row['since'])} (between {bare_minute(row['since_low'])} and {bare_minute(row['since_high'])})",
        f"detected {minute(row['detected_at'])}",
        f"likely cause: {row['cause']}",
        f"evidence: e-value {row['e_value']:.3g}; budget: {row['budget']}",
        f"examples: {_examples(store, json.loads(row['examples'] or '[]'))}",
    ]


def _examples(store: Store, ids: list[str]) -> str:
    """Name the examples; a finding outlives them."""
    there = store.read("SELECT DISTINCT trace_id AS id FROM base.spans WHERE list_contains(?, trace_id)", [ids])
    kept = set(there["id"].to_pylist())
    return ", ".join(name if name in kept else f"{name} (no longer kept)" for name in ids) or "none"


def explain_unit(store: Store, trace_id: str, draws: list[str], ungraded: list[dict[str, str]]) -> list[str]:
    """Return why a trace was sampled (or not), and every verdict on it with its reason; none for an unknown trace.

    `draws` and `ungraded` say what the sampling plans drew, and which rules have no verdict.
    """
    spans = store.read(
        "SELECT count(*) AS n, min(time) AS time, max(app) AS app FROM base.spans WHERE trace_id = ?", [trace_id]
    ).to_pylist()[0]
    if not spans["n"]:
        return _gone(store, trace_id)
    turns = store.read("SELECT * FROM base.turns WHERE trace_id = ?", [trace_id]).to_pylist()
    lines = [f"trace {trace_id}: {spans['n']} spans of {spans['app']} from {bare_second(spans['time'])} UTC"]
    if not turns:
        return [*lines, "no turn: the trace is not finished yet, or holds no call of a model, tool or agent"]
    left_out = [f"{one['rule_id']}: no verdict, {one['why']}" for one in ungraded]
    return [*lines, *_sampling(store, trace_id, draws), *_verdicts(store, trace_id), *left_out]


def _gone(store: Store, trace_id: str) -> list[str]:
    """What is still known of a trace that is not there: which findings it was an example of."""
    told = store.read(
        "SELECT id FROM base.findings WHERE contains(examples, ?) ORDER BY id", [json.dumps(trace_id)]
    ).to_pylist()
    return [f"trace {trace_id}: no longer kept; it was an example of finding {row['id']}" for row in told]


def _sampling(store: Store, trace_id: str, draws: list[str]) -> list[str]:
    rows = store.read("SELECT * FROM base.samples WHERE unit_id = ?", [trace_id]).to_pylist()
    if not rows:
        return draws or [
            "not sampled: its seeded draw lay above the sampling rate, or the next cycle has yet to see it"
        ]
    sampled = [f"sampled: {row['reason']} (inclusion probability {row['inclusion_probability']:g})" for row in rows]
    return [*sampled, *draws]


def _verdicts(store: Store, trace_id: str) -> list[str]:
    rows = store.read(
        "SELECT * FROM base.grades WHERE unit_id = ? ORDER BY verdict DESC, rule_id", [trace_id]
    ).to_pylist()
    return [
        f"{row['rule_id']}: {row['verdict']} by {row['grader']} ({row['policy']} {row['policy_version']}): {row['reason']}"
        for row in rows
    ]
