"""Traces and sessions graded as wholes, once they are complete; what came late to a turn that was graded already is graded again.

Nothing is graded while it may still grow. What grows all the same, since a span was later than everybody waits for, is graded
anew: of a trace the newest word stands, and what was said of a session that went on is taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import polars as pl

from monitor.asking import Graded, grade_and_draw
from monitor.clock import naive_utc
from monitor.config.durations import parse_duration
from monitor.graders.cascade import GRADES
from monitor.model.values import Unit
from monitor.steps import House, drawn
from monitor.store import outcomes, reads, verdicts
from monitor.store.behind import Missed, note_missed
from monitor.store.opening import Transaction
from monitor.store.turns import sampled_at
from monitor.store.ungraded import arms_of, said_last
from monitor.store.units import units_of
from monitor.store.wholes import (
    Patience,
    complete_traces,
    end_sessions,
    ended_sessions,
    take_sessions,
    take_traces,
    waiting,
)

PIECE: Final = 500
"""Wholes that are graded in one go."""

STEP: Final = "grade"
"""The step that a rule that failed here catches up with."""


def grade_wholes(house: House, _: Any = None) -> int:
    """Grade the traces and sessions that are complete by now; return how many verdicts were new."""
    now, units = naive_utc(house.clock.now()), house.settings.units
    patience = Patience(parse_duration(units.trace_quiet), parse_duration(units.session_silence))
    done = 0
    traces, sessions = waiting(house.store, now, patience)
    seen = reads.marks(house.store).get("grade", (0, None))[0] if traces or sessions else 0
    if traces:
        for part in complete_traces(house.store, now, patience, seen).iter_slices(PIECE):
            if not house.stopping():
                done += _grade_traces(house, part, now - patience.trace)
        _, sessions = waiting(house.store, now, patience)  # a session may have waited for its last trace
    if sessions:
        for part in ended_sessions(house.store, now, patience, seen).iter_slices(PIECE):
            if not house.stopping():
                done += _grade_sessions(house, part)
    return done


def _grade_traces(house: House, traces: pl.DataFrame, quiet_since: datetime) -> int:
    parts = (_grades(house, traces, {"trace"}), _grades(house, traces.filter(pl.col("again")), {"turn"}))
    said = Graded(
        pl.concat([part.grades for part in parts], how="diagonal"),
        [draw for part in parts for draw in part.draws],
        frozenset().union(*(part.broken for part in parts)),
    )
    with house.store.transaction() as txn:
        take_traces(txn, traces, quiet_since)
        return _keep(txn, said, traces)


def _grade_sessions(house: House, sessions: pl.DataFrame) -> int:
    """What ended is told first, since sessions are read by it; they wait until their verdicts are written, should this be killed."""
    with house.store.transaction() as txn:
        end_sessions(txn, sessions)
    said = _grades(house, sessions, {"session"})
    with house.store.transaction() as txn:
        take_sessions(txn, sessions)
        return _keep(txn, said, sessions)


def _grades(house: House, rows: pl.DataFrame, units: set[Unit]) -> Graded:
    """Return what the rules that are about `units` say of those that go by the turns `rows` (seq, time) and that a plan picked."""
    asked = [policy.about(units) for policy in house.policies if policy.units & units]
    if not asked or rows.is_empty():
        return Graded(pl.DataFrame(schema=GRADES), [], frozenset())
    picked = sampled_at(house.store, rows["seq"].to_list(), rows["time"].min())  # type: ignore[arg-type]  # a time column has times
    turns = drawn(house, picked)
    wholes = units_of(house.store, turns, asked, growing=frozenset())
    return grade_and_draw(house, asked, wholes, naive_utc(house.clock.now()), first=False)


def _keep(txn: Transaction, said: Graded, rows: pl.DataFrame) -> int:
    """Write what is new; rates and arms follow. A rule that broke catches up later."""
    same = ["unit_id", "rule_id", "verdict", "reason"]
    new = said.grades.join(said_last(txn, said.grades["unit_id"].to_list()), on=same, how="anti")
    if not new.is_empty():
        verdicts.add_verdicts(txn, new)
        said.keep_draws(txn)
        outcomes.ask_rereads(txn, arms_of(txn, new["unit_id"].unique().to_list()))
    seqs: Sequence[int] = rows["seq"].to_list()
    note_missed(txn, [Missed(STEP, rule, min(seqs) - 1, max(seqs)) for rule in sorted(said.broken)])
    return new.height
