"""What judges have to do with the store: which answers wait for them, what was asked before, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl

from monitor.model.values import WAITS_FOR_JUDGE
from monitor.store import outcomes, verdicts
from monitor.store.judge_draws import oversampled
from monitor.store.judged import to_feed
from monitor.store.known import last_changes
from monitor.store.opening import Transaction
from monitor.store.precedence import JUDGE
from monitor.store.reads import Reader
from monitor.store.ungraded import arms_of

EXAMPLE: Final = "example:"
"""What the id of a known item begins with that is an example of a policy, and no turn."""


@dataclass(frozen=True)
class Said:
    """What came back from judges: calls, verdicts on answers, and what was said of known items, as rows."""

    calls: Sequence[Mapping[str, Any]]
    grades: Sequence[Mapping[str, Any]]
    known: Sequence[Mapping[str, Any]] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.calls or self.grades or self.known)


_WAITING: Final = f"""
    WITH asked AS (
        SELECT * FROM base.grades WHERE time >= ? AND verdict = 'not_graded' AND starts_with(reason, '{WAITS_FOR_JUDGE}')
        QUALIFY row_number() OVER (PARTITION BY unit_id, rule_id, unit ORDER BY graded_at DESC) = 1),
    open_ones AS (
        SELECT a.* FROM asked a ANTI JOIN (SELECT * FROM base.grades WHERE time >= ? AND standing = {JUDGE}) j
        ON j.unit_id = a.unit_id AND j.rule_id = a.rule_id AND coalesce(j.unit, 'turn') = coalesce(a.unit, 'turn')
           AND j.graded_at >= a.graded_at)"""


def waiting(reader: Reader, since: datetime, most: int, without: Sequence[str] = ()) -> pl.DataFrame:
    """Return unit_id, rule_id, unit, seq, time, app, graded_at and tried of answers since `since` that wait for a judge, but for rules `without`.

    Those come first that were asked about least often (`tried`), then in an order that nobody chose: under a budget a part of
    them is judged, and which part must not hang on what they say.
    """
    return reader.frame(
        f"""{_WAITING},
        calls AS (SELECT unit_id, rule_id, count(*) AS n FROM base.judge_calls WHERE state IN ('error', 'retried') AND known IS NULL AND time >= ? GROUP BY ALL)
        SELECT o.unit_id, o.rule_id, coalesce(o.unit, 'turn') AS unit, t.seq, t.time, coalesce(t.app, '') AS app, o.graded_at, coalesce(c.n, 0) AS tried
        FROM open_ones o JOIN base.turns t ON t.trace_id = o.unit_id LEFT JOIN calls c ON c.unit_id = o.unit_id AND c.rule_id = o.rule_id
        WHERE NOT list_contains(?::VARCHAR[], o.rule_id) ORDER BY tried, hash(o.unit_id), o.rule_id LIMIT ?""",
        [since, since, since, list(without), most],
    )


def queued(reader: Reader, since: datetime) -> pl.DataFrame:
    """Return rule_id, judge, n and oldest (when it was graded otherwise) of what waits, by rule and judge."""
    return reader.frame(
        f"""{_WAITING}
        SELECT rule_id, replace(reason, '{WAITS_FOR_JUDGE}', '') AS judge, count(*) AS n, min(graded_at) AS oldest FROM open_ones GROUP BY ALL""",
        [since, since],
    )


def known(reader: Reader, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what came of questions that were asked before, by key: verdict, score, reason, place, words.

    What a judge said before it was found to have changed is not what it would say now. A panel makes no calls of its own: where one was
    found to have changed, nobody knows by which member, and nothing of before counts, whoever said it.
    """
    sure = _sure_since(reader)
    rows = reader.frame(
        """SELECT key, judge, verdict, score, reason, found_from, found_to, words FROM base.judge_calls
           LEFT JOIN (SELECT unnest($judges::VARCHAR[]) AS judge, unnest($times::TIMESTAMP[]) AS changed_at) USING (judge)
           WHERE list_contains($keys, key) AND state = 'ok' AND known IS NULL AND verdict IS NOT NULL AND (changed_at IS NULL OR time >= changed_at)
           QUALIFY row_number() OVER (PARTITION BY key ORDER BY time DESC) = 1""",
        {"keys": list(keys), "judges": [*sure], "times": [*sure.values()]},
    )
    return {row["key"]: row for row in rows.iter_rows(named=True)}


def _sure_since(reader: Reader) -> dict[str, datetime]:
    """Since when what a judge said holds, of those that changed, or that may be of a panel that did."""
    changed = last_changes(reader)
    if not changed:
        return {}
    callers = reader.frame("SELECT DISTINCT judge FROM base.judge_calls WHERE state = 'ok'")["judge"].to_list()
    panels = [at for name, at in changed.items() if name not in callers]
    times = {name: [*panels, *([changed[name]] if name in changed else [])] for name in callers}
    return {name: max(mine) for name, mine in times.items() if mine}


def changes(reader: Reader) -> int:
    """Return a number that changes when verdicts come or go."""
    return int(reader.frame("SELECT coalesce(max(rowid), 0) + count(*) AS n FROM base.grades")["n"][0])


def keep(txn: Transaction, said: Said) -> int:
    """Write calls and what came of them, of turns that are still there; rates, arms and streams follow. Returns how many verdicts."""
    units = sorted({row["unit_id"] for row in (*said.calls, *said.grades, *said.known)})
    there = set(txn.frame("SELECT trace_id FROM base.turns WHERE list_contains(?, trace_id)", [units])["trace_id"])
    there |= {unit for unit in units if unit.startswith(EXAMPLE)}
    txn.insert("judge_calls", [call for call in said.calls if call["unit_id"] in there])
    beyond = oversampled(txn, units)
    kept = [
        {**grade, "standing": JUDGE, "oversampled": (grade["unit_id"], grade["rule_id"]) in beyond}
        for grade in said.grades
        if grade["unit_id"] in there
    ]
    txn.insert("judged", [row for row in said.known if row["unit_id"] in there])
    if kept:
        verdicts.add_verdicts(txn, kept)
        # a proposal moves no stream, and streams take answers as they come
        decided = [grade for grade in kept if grade.get("proposed") is None and not grade["oversampled"]]
        txn.insert("judged", [to_feed(grade) for grade in decided])
        outcomes.ask_rereads(txn, arms_of(txn, sorted({grade["unit_id"] for grade in kept})))
    return len(kept)
