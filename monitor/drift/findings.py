"""From alarms to findings: one finding a metric, app and change, named by the segment that carries it, never paged twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from monitor.clock import aware_utc
from monitor.drift.alarm import Alarm
from monitor.drift.batch import ALL, Batch, Name
from monitor.drift.cause import NOTHING, carrier, coinciding
from monitor.drift.change import Change, of_alarm, part_of, seen_from
from monitor.drift.finding_sentences import reason_of
from monitor.drift.points import instant
from monitor.drift.reference import of_values
from monitor.drift.state import KnownChange, Stream
from monitor.measures import Titles
from monitor.model.values import Finding, ToldChange, stable_id

EXAMPLES: Final = 3
REMEMBERED: Final = 3
"""Changes remembered per metric and app, so that a slower segment does not report one again."""


@dataclass(frozen=True)
class MetricCase:
    """All streams of one metric of one app in a batch, by segment, and the alarms they raised."""

    metric: str
    app: str
    streams: Mapping[str, Stream]
    alarms: Mapping[str, Sequence[Alarm]]
    batch: Batch
    columns: Sequence[str]
    budget: str
    now: datetime
    told: Sequence[ToldChange]
    titles: Titles


@dataclass(frozen=True)
class Reports:
    """The changes that are known by metric and app (earlier ones too), the findings of this batch, and by what each stream was told."""

    known: dict[str, list[KnownChange]]
    findings: list[Finding]
    told: dict[Name, Finding | str] = field(default_factory=dict)


def report_alarms(case: MetricCase, reports: Reports) -> None:
    """Add to `reports` the findings of a case: alarms of one change are one finding, those of a known change add none."""
    key = f"{case.metric}\x1f{case.app}"
    earlier = [KnownChange(r.low, r.at, list(r.segments), r.finding) for r in reports.known.get(key, [])]
    fresh: list[tuple[KnownChange, dict[str, Change]]] = []
    for segment, alarm in _in_order(case.alarms):
        known = next((r for r in [*earlier, *(r for r, _ in fresh)] if _same(r, segment, alarm)), None)
        change = of_alarm(segment, alarm)
        if known is None:
            fresh.append((KnownChange(alarm.since_low, alarm.at, [segment]), {segment: change}))
            continue
        known.segments.append(segment)
        reports.told[Name(case.metric, case.app, segment)] = known.finding
        cluster = next((changes for r, changes in fresh if r is known), None)
        if cluster is not None:
            cluster[segment] = change
    for known, changes in fresh:
        finding = _finding(case, changes)
        known.finding = finding.id
        reports.findings.append(finding)
        reports.told.update({Name(case.metric, case.app, segment): finding for segment in changes})
    reports.known[key] = [*earlier, *(r for r, _ in fresh)][-REMEMBERED:]


def _in_order(alarms: Mapping[str, Sequence[Alarm]]) -> Iterator[tuple[str, Alarm]]:
    raised = [(segment, alarm) for segment, several in alarms.items() for alarm in several]
    yield from sorted(raised, key=lambda pair: (pair[1].at, pair[0] != ALL, pair[0]))


def _same(known: KnownChange, segment: str, alarm: Alarm) -> bool:
    """An alarm of a stream that has not spoken of that change, which may have begun while it was noticed elsewhere."""
    return segment not in known.segments and alarm.since_low <= known.at and known.low <= alarm.at


def _finding(case: MetricCase, changes: Mapping[str, Change]) -> Finding:
    lead = changes.get(ALL) or max(changes.values(), key=lambda change: change.e_value)
    views = {**_views(case, lead), **changes}
    carriers = (_carrier(case, lead, views, column) for column in case.columns)
    segment = next((segment for segment in carriers if segment is not None), None)
    shown = lead if segment is None else views[segment]
    low, high = shown.interval
    return Finding(
        id=stable_id(case.metric, case.app, shown.segment, shown.since),
        kind="drift",
        metric=case.metric,
        app=case.app,
        segment=shown.segment,
        detected_at=aware_utc(case.now),
        since=instant(shown.since),
        since_low=instant(shown.since_low),
        since_high=instant(shown.since_high),
        reference_value=shown.reference_value,
        current_value=shown.current_value,
        change=shown.current_value - shown.reference_value,
        change_low=low,
        change_high=high,
        e_value=shown.e_value,
        budget=case.budget,
        cause=coinciding(shown, case.told) or NOTHING,
        reason=reason_of(
            case.metric, case.app, shown, case.titles, [segment for segment in changes if segment != shown.segment]
        ),
        examples=_examples(case, shown),
    )


def _views(case: MetricCase, lead: Change) -> dict[str, Change]:
    """The change as every stream of the case sees it, alarmed or not."""
    seen = {segment: seen_from(lead, segment, stream) for segment, stream in case.streams.items()}
    return {segment: change for segment, change in seen.items() if change is not None}


def _carrier(case: MetricCase, lead: Change, views: Mapping[str, Change], column: str) -> str | None:
    """The segment that carries the change among the values of one column; None where fewer than two of them are watched."""
    segments = [segment for segment in views if segment.startswith(f"{column}=")]
    parts = [part_of(lead, views[segment], case.streams[segment].seen) for segment in segments]
    return carrier(parts) if len(parts) > 1 else None


def _examples(case: MetricCase, change: Change) -> tuple[str, ...]:
    """Units since the start that show the change most, newest first among equals."""
    name = Name(case.metric, case.app, change.segment)
    rows = case.batch.rows(name)
    rows = rows[case.batch.time[rows] >= change.since]
    moved = of_values(change.reference, case.batch.columns[case.metric][rows])[:, change.onset.function]
    order = np.lexsort((-case.batch.time[rows], -change.onset.direction * moved))
    return tuple(case.batch.units[rows[i]] for i in order[:EXAMPLES])
