"""The anchors of all streams in one batch: which are held against their alarms, which are let go, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from monitor.drift.alarm import Alarm
from monitor.drift.anchors import anchored, lived, settle
from monitor.drift.batch import Name
from monitor.drift.change import Change
from monitor.drift.finding_sentences import per_day, risen_sentence
from monitor.drift.points import DAY_MS, Points, day_words
from monitor.drift.rises import Asked, Rise, answered, asked, natural, newest, since_anchor
from monitor.drift.state import Anchor, Stream
from monitor.drift.stored_states import key_of
from monitor.drift.together import Fed
from monitor.measures import Titles
from monitor.model.values import Finding


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
    _at_once: set[Name] = field(default_factory=set)

    def settle(self, name: Name, fed: Fed, alarms: list[Alarm]) -> list[Alarm]:
        """Return the alarms of a stream, after it was `fed`, that tell something new."""
        key = key_of(name)
        known = self.known.get(key)
        if known is None or self._rests(known):
            if known is not None and (alarms or known.at < self.expired):
                del self.known[key]
            return self._of_one_batch(name, fed, alarms) if len(alarms) > 1 else alarms
        anchor = lived(known, fed.points)
        settled = settle(fed.stream, alarms, anchor, fed.settings)
        self._back += settled.returned
        if settled.anchor is None:
            del self.known[key]
            return settled.alarms
        self.known[key] = self._risen(name, fed.stream, settled.anchor, settled.rise)
        return settled.alarms

    def _of_one_batch(self, name: Name, fed: Fed, alarms: list[Alarm]) -> list[Alarm]:
        """Of several alarms in one batch, as history has it that is taken in at once, hold the later ones against what the first one left."""
        first, *later = alarms
        settled = settle(fed.stream, later, anchored(None, first, "", lead=False), fed.settings)
        if settled.anchor is None and not settled.alarms:
            self._at_once.add(name)
        return [first, *settled.alarms]

    def _risen(self, name: Name, stream: Stream, anchor: Anchor, again: Alarm | None) -> Anchor:
        """Say how far a change has come that goes on, where it alarmed `again`, and where it no longer does."""
        answer = asked(anchor)
        if not anchor.lead or (again is None and answer is None):
            return anchor
        after = anchor if answer is None else answered(anchor, answer)
        if again is None and not after.going and not anchor.going:
            return after
        recent = newest(stream) if again is None else again.points.cut(again.onset.best)
        if recent is None:
            return anchor
        self.rises.append(_rise(name, recent, anchor, answer, self.titles))
        return after

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
                if name in self._at_once:
                    self._back.append(id_)
                    continue
                self.known[key_of(name)] = anchored(self.known.get(key_of(name)), raised[-1], id_, lead=lead)

    def returned(self) -> list[str]:
        """Return the findings whose change is gone from every stream that showed it."""
        held = {finding for anchor in self.known.values() for finding in anchor.findings}
        return [finding for finding in dict.fromkeys(self._back) if finding not in held]

    def _rests(self, anchor: Anchor) -> bool:
        return anchor.at < self.expired or all(finding in self.accepted for finding in anchor.findings)


def _rise(name: Name, recent: Points, anchor: Anchor, answer: Asked | None, titles: Titles) -> Rise:
    """What the finding of an anchor says now: from the anchor to here, since it began, and how that went on."""
    change = since_anchor(name.segment, anchor, recent)
    low, high = change.interval
    words, beside = _went_on(change, anchor, answer)
    return Rise(
        finding=anchor.lead,
        current_value=change.current_value,
        change=change.current_value - change.reference_value,
        change_low=low,
        change_high=high,
        sentence=risen_sentence(name.metric, name.app, change, words, titles),
        beside=beside,
    )


def _went_on(change: Change, anchor: Anchor, answer: Asked | None) -> tuple[str, str]:
    """How a change went on, in words, and how that is known."""
    if answer is not None and answer.slope is not None and answer.going:
        slope = natural(anchor, change, answer.slope)
        return f"it goes on, by {per_day(change, slope.per_day)}", (
            f"{per_day(change, slope.per_day)}, standard error {per_day(change, slope.error).lstrip('+')}"
        )
    stopped = answer is not None and anchor.going
    return (f"it went on until {day_words(anchor.told * DAY_MS)}" if stopped else "it went further"), ""
