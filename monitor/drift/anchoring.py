"""The anchors of all streams in one batch: which are held against their alarms, which are let go, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from monitor.drift.alarm import Alarm
from monitor.drift.anchors import anchored, settle
from monitor.drift.batch import Name
from monitor.drift.change import DAY_MS, Change, of_alarm
from monitor.drift.finding_sentences import reason_of
from monitor.drift.state import Anchor, Stream
from monitor.drift.stored_states import key_of
from monitor.drift.tracker import TrackerSettings
from monitor.measures import Titles
from monitor.model.values import Finding


@dataclass(frozen=True)
class Rise:
    """How far a change has come that goes on: what its finding says from now on."""

    finding: str
    current_value: float
    change: float
    change_low: float
    change_high: float
    reason: str


@dataclass
class Anchors:
    """Anchors by stream, changed as a batch is gone through.

    Those of findings that were `accepted` rest: they neither return nor rise, and the next change replaces them. Those of changes
    found before `expired` (milliseconds) are let go.
    """

    known: dict[str, Anchor]
    accepted: Collection[str]
    expired: int
    titles: Titles
    rises: list[Rise] = field(default_factory=list)
    _back: list[str] = field(default_factory=list)

    def settle(self, name: Name, stream: Stream, alarms: list[Alarm], settings: TrackerSettings) -> list[Alarm]:
        """Return the alarms of a stream that tell something new."""
        key = key_of(name)
        anchor = self.known.get(key)
        if anchor is None or self._rests(anchor):
            if anchor is not None and (alarms or anchor.at < self.expired):
                del self.known[key]
            return alarms
        settled = settle(stream, alarms, anchor, settings)
        self._back += settled.returned
        if settled.anchor is None:
            del self.known[key]
        else:
            self.known[key] = settled.anchor
        if settled.rise is not None and anchor.lead:
            self.rises.append(_rise(name, settled.rise, anchor, self.titles))
        return settled.alarms

    def forget(self, name: Name) -> None:
        """Let go of the anchor of a stream that other graders make now: the two cannot be compared."""
        self.known.pop(key_of(name), None)

    def keep(self, alarms: Mapping[Name, list[Alarm]], told: Mapping[Name, Finding | str]) -> None:
        """Anchor the streams whose alarms were told."""
        for name, raised in alarms.items():
            finding = told.get(name)
            if raised and finding:
                id_, lead = (
                    (finding, False) if isinstance(finding, str) else (finding.id, finding.segment == name.segment)
                )
                self.known[key_of(name)] = anchored(self.known.get(key_of(name)), raised[-1], id_, lead=lead)

    def returned(self) -> list[str]:
        """Return the findings whose change is gone from every stream that showed it."""
        held = {finding for anchor in self.known.values() for finding in anchor.findings}
        return [finding for finding in dict.fromkeys(self._back) if finding not in held]

    def _rests(self, anchor: Anchor) -> bool:
        return anchor.at < self.expired or all(finding in self.accepted for finding in anchor.findings)


def _rise(name: Name, alarm: Alarm, anchor: Anchor, titles: Titles) -> Rise:
    """What the finding of an anchor says now: from the anchor to here, since it began, and how fast that is."""
    change = _from_anchor(of_alarm(name.segment, alarm), anchor)
    days = max(1.0, (alarm.at - anchor.since) / DAY_MS)
    low, high = change.interval
    return Rise(
        finding=anchor.lead,
        current_value=change.current_value,
        change=change.current_value - change.reference_value,
        change_low=low,
        change_high=high,
        reason=reason_of(
            name.metric, name.app, replace(change, slow=False), titles, went_on=f"it went on, {_a_day(change, days)}"
        ),
    )


def _a_day(change: Change, days: float) -> str:
    moved = (change.current_value - change.reference_value) / days
    return f"by {100 * moved:+.3g} points a day" if change.is_rate else f"by {moved:+.3g} a day"


def _from_anchor(change: Change, anchor: Anchor) -> Change:
    """What moved since the anchor. When that began is what its finding said, not when the rise went on."""
    began = anchor.since
    return replace(change, reference=anchor.reference, since=began, since_low=began, since_high=began)
