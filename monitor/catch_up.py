"""Parts that failed while their step went on, once they work again: each is given what it missed, in the order it missed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import polars as pl

from monitor.asking import grade_and_draw
from monitor.clock import naive_utc
from monitor.config.durations import parse_duration
from monitor.drift import Feeding, decide_drift, part_of, whole_metric
from monitor.graders.cascade import graders_of
from monitor.grading import RULE
from monitor.steps import TOLD_FOR, House, data_time, drift_metrics, graded_turns, looked
from monitor.store import outcomes, reads, verdicts
from monitor.store.behind import Missed, forget_missed, missed, note_missed
from monitor.streams import LASTING
from monitor.surroundings import with_traffic

DRIFT: Final = "drift"
"""The step that feeds streams with turns."""


def catch_up(house: House, _: Any = None) -> int:
    """Give every part that is behind and may be tried what it missed; one that fails again waits. Returns how many got on.

    Rules first: what they grade now is what streams have yet to see.
    """
    if not missed(house.store):
        return 0
    return _give(house, _grade, lambda row: row.step == "grade") + _give(house, _track, lambda row: row.step != "grade")


def _give(house: House, give: Callable[[House, Missed], bool], wanted: Callable[[Missed], bool]) -> int:
    stuck: set[str] = set()
    done = 0
    for row in filter(wanted, missed(house.store)):
        if house.stopping():
            break
        if row.part in stuck or not _may_try(house, row):
            continue
        if give(house, row):
            done += 1
        else:
            stuck.add(row.part)
    return done


def _may_try(house: House, row: Missed) -> bool:
    names = [f"{RULE}{row.part}", f"graders of {RULE}{row.part}"] if row.step == "grade" else [part_of(row.part)]
    return house.health is None or all(house.health.may_try(name) for name in names)


def _grade(house: House, row: Missed) -> bool:
    """Grade what a rule missed; rates, streams and arms that have gone on without it follow."""
    window = reads.window(house.store, row.after, row.upto or 0)
    turns = graded_turns(house, window) if window else []
    one = [replace(policy, rules=tuple(r for r in policy.rules if r.id == row.part)) for policy in house.policies]
    said = grade_and_draw(house, one, turns, window.end if window else None, first=False)
    if said.broken:
        return False
    seen = min(row.upto or 0, reads.marks(house.store).get(DRIFT, (0, None))[0])
    with house.store.transaction() as txn:
        verdicts.add_verdicts(txn, said.grades)
        said.keep_draws(txn)
        outcomes.ask_rereads(txn, reads.experiments_of(txn, window) if window else [])
        if seen > (row.after):
            note_missed(txn, [Missed(DRIFT, whole_metric(f"rule:{row.part}"), row.after, seen)])
        forget_missed(txn, row)
    return True


def _track(house: House, row: Missed) -> bool:
    """Feed a stream what it missed."""
    metrics = _missed_metrics(house, row)
    if metrics is None or metrics.is_empty():  # it was erased, or is too old to be kept
        with house.store.transaction() as txn:
            forget_missed(txn, row)
        return True
    at = data_time(house, metrics)
    feeding = Feeding(
        only=row.part,
        graded_by=graders_of(house.policies),
        lasting=LASTING,
        accepted=outcomes.accepted_findings(house.store),
        titles=house.titles,
        changes=outcomes.told_changes(house.store, naive_utc(at - TOLD_FOR)),
    )
    states = outcomes.tracker_states(house.store)
    outcome = decide_drift(states, metrics, house.settings.drift, at, guard=house.guard, feeding=feeding)
    if outcome.behind:
        return False
    findings = with_traffic(outcome.findings, house.store, looked(house))
    with house.store.transaction() as txn:
        outcomes.save_trackers(txn, outcome.states, at)
        outcomes.add_findings(txn, findings)
        outcomes.move_findings(txn, outcome, at, at - parse_duration(house.settings.drift.expires))
        forget_missed(txn, row)
    return True


def _missed_metrics(house: House, row: Missed) -> pl.DataFrame | None:
    if row.step != DRIFT:
        return reads.new_scores(house.store, row.after, row.upto or 0)
    window = reads.window(house.store, row.after, row.upto or 0)
    return drift_metrics(house, window) if window else None
