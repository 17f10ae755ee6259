"""What judges say, fed to streams: to those of the rules they decide, and, of known items, to those of the judges themselves.

It comes after its turn, so it has an order of its own, that of its coming.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from monitor.blaming import blamed_again, with_blame
from monitor.clock import naive_utc
from monitor.config.durations import parse_duration
from monitor.drift import Feeding, decide_drift
from monitor.drift.judges import watch_words
from monitor.graders.cascade import graders_of
from monitor.judges.versions import hash_of
from monitor.model.values import stable_id
from monitor.steps import TOLD_FOR, House, data_time, looked, rules_of_judges
from monitor.store import outcomes
from monitor.store.judged import forget_known, late_metrics, leave_behind, parts, said_of_known
from monitor.surroundings import with_traffic


def track_judged(house: House, _: Any = None) -> int:
    """Feed the streams of judges, then those of rules that they decide, with what they said since; return how many changes were found."""
    if not house.settings.judges:
        return 0
    words = said_of_known(house.store)
    found = 0 if words.is_empty() else _watch(house, words)
    return found + sum(_feed(house, part) for part in parts(house.store))


def _watch(house: House, words: pl.DataFrame) -> int:
    """Hold judges against what they said of known items before; what could not be told of earlier changes may be now."""
    now = house.clock.now()
    watched = watch_words(outcomes.tracker_states(house.store), words, house.settings.drift, now)
    with house.store.transaction() as txn:
        outcomes.save_trackers(txn, watched.states, now)
        outcomes.add_findings(txn, watched.findings)
        forget_known(txn)
    again = blamed_again(house)
    if again:
        with house.store.transaction() as txn:
            outcomes.say_again(txn, again)
    return len(watched.findings)


def _feed(house: House, part: str | None) -> int:
    """Feed all streams, or the one that could not be fed before."""
    metrics = late_metrics(house.store, [policy.hash for policy in house.policies], part)
    if metrics.is_empty():
        with house.store.transaction() as txn:
            leave_behind(txn, part, [])
        return 0
    at = data_time(house, metrics)
    feeding = Feeding(
        held=[one for one in parts(house.store) if one is not None],
        only=part,
        graded_by=graders_and_judges(house),
        accepted=outcomes.accepted_findings(house.store),
        titles=house.titles,
        changes=outcomes.told_changes(house.store, naive_utc(at - TOLD_FOR)),
    )
    states = outcomes.tracker_states(house.store)
    outcome = decide_drift(states, metrics, house.settings.drift, at, guard=house.guard, feeding=feeding)
    told = with_traffic(outcome.findings, house.store, looked(house))
    findings = [with_blame(house, finding) for finding in told]
    with house.store.transaction() as txn:
        outcomes.save_trackers(txn, outcome.states, at)
        outcomes.add_findings(txn, findings)
        outcomes.move_findings(txn, outcome, at, at - parse_duration(house.settings.drift.expires))
        leave_behind(txn, part, outcome.behind)
    return len(findings)


def graders_and_judges(house: House) -> Callable[[str, str], str]:
    """Return which version of graders and judges makes a metric of an app: under another judge a stream starts anew."""
    graders, judges = graders_of(house.policies), house.settings.judges
    asked = rules_of_judges(house)

    def version(metric: str, app: str) -> str:
        names = asked.get(metric.partition(":")[2], frozenset())
        return stable_id(graders(metric, app), *(hash_of(judges[name]) for name in sorted(names)))

    return version
