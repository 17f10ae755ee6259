"""The detector on judges themselves: what each says of known items, as streams of their own under the same false-alarm budget.

`judge:hits` is how often a judge finds a violation that is known to be one, `judge:false_alarms` how often it finds one where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec
import numpy as np
import polars as pl

from monitor.clock import aware_utc
from monitor.config.schema import DriftSettings
from monitor.drift.batch import ALL, Name
from monitor.drift.calendar import NO_WEEK
from monitor.drift.change import Change, of_alarm
from monitor.drift.decide import tracker_settings
from monitor.drift.finding_sentences import HOW
from monitor.drift.kinds import budget_shares
from monitor.drift.points import instant, single
from monitor.drift.state import Stream, read_stream, write_state
from monitor.drift.stored_states import MEMORY, name_of
from monitor.drift.tracker import TrackerSettings, of_version, stages, track
from monitor.judges.canary import FIRST, REFERENCE
from monitor.model.dimensions import CAUSES
from monitor.model.values import Finding, stable_id
from monitor.store.known import JUDGE
from monitor.wording import bare_minute, minute, percent

HITS: Final = "judge:hits"
FALSE_ALARMS: Final = "judge:false_alarms"
METRICS: Final = {"violates": HITS, "complies": FALSE_ALARMS}
"""Of known items of a label, what is watched."""

WHAT: Final = {HITS: "of known violations", FALSE_ALARMS: "of answers known to keep the rule"}

CAUSE: Final = "the judge "
"""What a cause begins with that is a judge."""

_NOBODY: Final = (None,) * (len(CAUSES) + 1)


def app_of(judge: str) -> str:
    """Return under what name a judge stands where applications do."""
    return f"{JUDGE}{judge}"


def key_of(judge: str, metric: str) -> str:
    """Return the key of a stream of a judge."""
    return msgspec.json.encode(Name(metric, app_of(judge), ALL)).decode()


def cause_of(judge: str) -> str:
    """Return the cause that a judge is."""
    return f"{CAUSE}{judge} changed"


@dataclass(frozen=True)
class WatchedWords:
    """What came of words on known items: states of streams that moved, and findings."""

    states: dict[str, str]
    findings: list[Finding]


def watch_words(states: Mapping[str, str], words: pl.DataFrame, settings: DriftSettings, now: datetime) -> WatchedWords:
    """Feed `words` (judge, known, version, time, bad; in order of time) to the streams of their judges and return what came of it.

    A stream of another version, that of the judge and the items, starts anew. `states` are those of all streams of the house, which
    share the budget.
    """
    watching = settings_of_judges(settings, states)
    after: dict[str, str] = {}
    findings: list[Finding] = []
    for (judge, label, version), part in words.group_by("judge", "known", "version", maintain_order=True):
        name, metric = str(judge), METRICS[str(label)]
        key = key_of(name, metric)
        stream = read_stream(after.get(key, states.get(key))) or Stream()
        of_version(stream, str(version))
        time = part["time"].cast(pl.Datetime("ms")).cast(pl.Int64).to_numpy()
        points = single(time, part["bad"].to_numpy(), np.zeros(len(part), dtype=np.int64))
        alarms = track(metric, stream, points, [_NOBODY], watching)
        findings += [_finding(name, metric, of_alarm(ALL, alarm), settings, now) for alarm in alarms]
        after[key] = write_state(stream)
    return WatchedWords(after, findings)


def settings_of_judges(settings: DriftSettings, states: Mapping[str, str]) -> TrackerSettings:
    """Return how a stream of a judge is watched: a judge knows no week, and nothing of its change is too small to matter."""
    metrics = [name_of(key).metric for key in states if key != MEMORY] + list(METRICS.values())
    share, _ = budget_shares(metrics)
    return replace(
        tracker_settings(settings), stages=stages(FIRST, REFERENCE), rate_floor=0.0, zone=NO_WEEK, share=share
    )


def _finding(judge: str, metric: str, change: Change, settings: DriftSettings, now: datetime) -> Finding:
    low, high = change.interval
    since = instant(change.since)
    begun = [instant(at) for at in (change.since_low, change.since_high)]
    return Finding(
        id=stable_id(metric, app_of(judge), ALL, change.since),
        kind="drift",
        metric=metric,
        app=app_of(judge),
        segment=ALL,
        detected_at=aware_utc(now),
        since=since,
        since_low=begun[0],
        since_high=begun[1],
        reference_value=change.reference_value,
        current_value=change.current_value,
        change=change.current_value - change.reference_value,
        change_low=low,
        change_high=high,
        e_value=change.e_value,
        budget=f"{settings.budget.alarms:g} a {settings.budget.per}, with all other streams",
        cause=cause_of(judge),
        reason=(
            f"The judge {judge} changed: it says of {percent(change.current_value)} {WHAT[metric]} that they violate, before of "
            f"{percent(change.reference_value)}, since {minute(since)}, {int(change.weights.sum())} known items asked since. "
            f"Under rules that demand something of it, it only proposes until people have checked enough of what it says now{HOW}"
            f"begun between {bare_minute(begun[0])} and {bare_minute(begun[1])}, e-value {change.e_value:.2g}"
        ),
        examples=(),
    )
