"""The canary: known items asked among the other questions to a judge, so often that a judge that changes is noticed in time.

How often follows from how soon that is to be, and is bounded by a part of the judge's calls; where the bound is what counts, the time it
then takes is told. A judge that is asked nothing else is not asked about known items either: there is nothing that it could spoil.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, TypeVar

import polars as pl

from monitor.clock import Clock, naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import CanarySettings, JudgeSettings
from monitor.graders.grader import Connected
from monitor.judges.check import Check
from monitor.judges.known import LABELS, KnownItem, KnownSet, Label, known_set, shared
from monitor.judges.naming import NEVER
from monitor.judges.probes import VARIANTS, Variant, bias, drawn, varied
from monitor.judges.versions import graders_of_rate, members_of, rules_asking
from monitor.model.values import Turn
from monitor.policy.schema import Policy
from monitor.stats.budget import alarm_threshold, band_z, outputs_to_notice
from monitor.store import known as stored
from monitor.store.opening import Store
from monitor.store.turns import turns_at

T = TypeVar("T")

NOTICED: Final = 0.1
"""How much of what it found before a judge may miss, or find without reason, before it has to be noticed."""

REFERENCE: Final = 2_000
"""Words on known items of a label that a judge is held against, once there are so many."""

FIRST: Final = 60
"""Words on known items of a label from which on it is watched."""

STAGES: Final = 7

AGAIN: Final = timedelta(minutes=10)
LATELY: Final = timedelta(days=7)
"""What a judge says of known items is told of so many days."""

BACK: Final = timedelta(days=60)
"""Known items that people settled are of the last days, so many."""

USUAL: Final[Mapping[Label, float]] = {"violates": 0.9, "complies": 0.1}
"""How often a judge says `violates` of items of a label, as long as nobody knows."""


@dataclass(frozen=True)
class Dial:
    """The false-alarm budget that the canary shares: so many alarms in a period, over so many streams."""

    alarms: float
    period: timedelta

    def threshold(self, a_day: float, streams: int) -> float:
        """Return the evidence that a stream of so many words a day needs."""
        return alarm_threshold(a_day * (self.period / timedelta(days=1)), streams, self.alarms)


@dataclass(frozen=True)
class Plan:
    """How many known items a judge is asked about: `odds` a question of production, `a_day` of each label, noticed `within` days."""

    odds: float
    a_day: Mapping[Label, float]
    within: float


NOTHING: Final = Plan(0.0, {}, math.inf)


def plan(
    settings: CanarySettings,
    labels: Sequence[Label],
    usual: Mapping[Label, float],
    pace: float,
    dial: Dial,
    streams: int,
) -> Plan:
    """Return how often known items of `labels` are asked, of a judge that gets `pace` questions of production a day."""
    if settings.notice_within == NEVER or not labels or not settings.at_most:
        return NOTHING
    days = parse_duration(settings.notice_within) / timedelta(days=1)
    need = {label: _need(label, usual[label], days, dial, streams) for label in labels}
    wanted = sum(need.values()) / days
    most = settings.at_most / (1 - settings.at_most)
    odds = min(most, wanted / pace) if pace else most
    asked = odds * pace if pace else wanted
    a_day = {label: asked * of / sum(need.values()) for label, of in need.items()}
    return Plan(odds, a_day, days * max(1.0, wanted / asked) if asked else math.inf)


def _need(label: Label, usual: float, days: float, dial: Dial, streams: int) -> float:
    """How many words it takes to notice in so many days; more words a day need more evidence each, which settles at once."""
    moved = max(0.01, usual - NOTICED) if label == "violates" else min(0.99, usual + NOTICED)
    z, need = band_z(streams, 1, STAGES), 1000.0
    for _ in range(3):
        need = outputs_to_notice(usual, moved, REFERENCE, dial.threshold(need / days, streams), z)
    return need


@dataclass
class Canary:
    """The canaries of all judges of a house. One thread draws; what is told may be asked from any other."""

    store: Store
    clock: Clock
    judges: Mapping[str, JudgeSettings]
    texts: Connected
    dial: Dial
    chance: Random
    sets: dict[str, KnownSet] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    _credit: dict[str, float] = field(default_factory=dict)
    _probed: dict[str, Counter[tuple[Variant, str]]] = field(default_factory=dict)
    _looked: tuple[Any, ...] = ()
    _ways: frozenset[str] = frozenset()  # whom rules in force ask: judges and panels

    def draw(self, asked: Mapping[str, int], policies: Sequence[Policy]) -> list[Check]:
        """Return the known items to ask beside so many questions of production, by judge or panel."""
        self.look(policies)
        picked: list[tuple[str, KnownItem]] = []
        for name, n in self._watched(asked).items():
            if name in self.plans:
                due = self._credit.get(name, 0.0) + n * self.plans[name].odds
                whole, self._credit[name] = int(due), due % 1
                picked += [(name, self._pick(name)) for _ in range(whole)]
        return self._read(picked)

    def _watched(self, asked: Mapping[str, int]) -> Counter[str]:
        """By whom known items are drawn for so many questions: a panel that has none leaves each of its members to be watched alone."""
        found: Counter[str] = Counter()
        for name, n in asked.items():
            for one in self._watchers(name):
                found[one] += n
        return found

    def _watchers(self, name: str) -> tuple[str, ...]:
        return (name,) if self.plans.get(name, NOTHING).odds else members_of(name, self.judges)

    def _real(self, name: str) -> Plan:
        """How often a judge is asked about known items at the least, by whatever way its questions come."""
        own = self.plans[name]
        ways = [
            one
            for way in self._ways
            if name in members_of(way, self.judges) or name == way
            for one in self._watchers(way)
        ]
        mine = [self.plans[one] for one in ways if one == name or self.judges[one].panel]
        return min(mine, key=lambda made: made.odds, default=own)

    def mixed(self, items: Sequence[T], checks: Sequence[Check]) -> list[T | Check]:
        """Return `items` in their order, with `checks` anywhere among them."""
        mixed: list[T | Check] = list(items)
        for check in checks:
            mixed.insert(self.chance.randint(0, len(mixed)), check)
        return mixed

    def told(self, name: str) -> dict[str, Any] | None:
        """Return the canary of a judge as plain values: its items, how often they are asked, what it says of them; None: it has none."""
        if name not in self.plans or not self.sets[name].items:
            return None
        now, made = naive_utc(self.clock.now()), self._real(name)
        since = max(now - LATELY, stored.last_changes(self.store).get(name, now - LATELY))
        said = stored.words(self.store, name, since)
        calls, usd = stored.spent(self.store, name, now.replace(hour=0, minute=0, second=0, microsecond=0))
        changed = stored.last_change(self.store, name)
        return {
            "items": {label: sum(one.label == label for one in self.sets[name].items) for label in LABELS},
            "said": {label: _counted(said, label) for label in LABELS},
            "said_since": since.isoformat() if since > now - LATELY else None,
            "first": FIRST,
            "share": made.odds / (1 + made.odds),
            "within_days": made.within if math.isfinite(made.within) else None,
            "wanted": self._asked_for(name).notice_within,
            "calls": None if self.judges[name].panel else calls,  # those of a panel are its members'
            "usd": usd,
            "changed_at": changed[0].isoformat() if changed else None,
            "changed": changed[1] if changed else "",
            "bias": self._bias(name),
        }

    def look(self, policies: Sequence[Policy]) -> None:
        """Look which items are known and how often they are asked, where that is long ago or policies changed."""
        now, hashes = self.clock.now(), [policy.hash for policy in policies]
        if self._looked and self._looked[1] == hashes and now - self._looked[0] < AGAIN:
            return
        self._looked = (now, hashes)
        self._ways = frozenset().union(
            *(graders_of_rate(rule, self.judges) for policy in policies for rule in policy.rules)
        )
        living = {name for name, one in self.judges.items() if not one.panel and one.transport != "recorded"}
        meant = [name for name in self.judges if living.issuperset(members_of(name, self.judges))]
        asking = rules_asking(policies, self.judges).items()
        rules = sorted(rule for rule, names in asking if not names.isdisjoint(meant))
        settled = stored.settled(self.store, rules, naive_utc(now - BACK))
        settled = settled.filter([self.texts.may_leave(app) for app in settled["app"]])
        streams = int(self.store.frame("SELECT count(*) AS n FROM base.trackers")["n"][0]) + len(LABELS)
        for name in meant:
            self.sets[name] = known_set(name, self.judges, policies, settled)
        for name in meant:
            self.sets[name] = shared(self.sets[name], [self.sets[one] for one in members_of(name, self.judges)])
            self.plans[name] = self._plan(name, streams, now)
            forms = stored.forms(self.store, name, self.sets[name].version)
            self._probed[name] = Counter({key: n for key, (_, n) in forms.items() if key[0] is not None})  # type: ignore[misc]  # a form

    def _plan(self, name: str, streams: int, now: datetime) -> Plan:
        said = stored.words(self.store, name, naive_utc(now - BACK))
        counts = {label: said.filter(said["known"] == label)["bad"] for label in LABELS}
        usual = {label: (USUAL[label] * 20 + float(bad.sum())) / (20 + len(bad)) for label, bad in counts.items()}
        labels = [label for label in LABELS if self.sets[name].of(label)]
        pace = min(stored.pace(self.store, one, naive_utc(now)) for one in members_of(name, self.judges))
        return plan(self._asked_for(name), labels, usual, pace, self.dial, streams)

    def _asked_for(self, name: str) -> CanarySettings:
        """The canary that is asked for; of a panel the strictest that its members allow, none where one of them has none."""
        members = [self.judges[one].canary for one in members_of(name, self.judges)]
        spans = [one.notice_within for one in members]
        within = NEVER if NEVER in spans else min(spans, key=parse_duration)
        return CanarySettings(within, min(one.at_most for one in members))

    def _pick(self, name: str) -> KnownItem:
        """One known item: a label by what it needs, a rule, an item, each by lot, so that what is usual stays what it is."""
        a_day = self.plans[name].a_day
        [label] = self.chance.choices(list(a_day), list(a_day.values()))
        rules = self.sets[name].of(label)
        return self.chance.choice(rules[self.chance.choice(list(rules))])

    def _read(self, picked: Sequence[tuple[str, KnownItem]]) -> list[Check]:
        """Read the answers that are turns; one that is gone is not asked about."""
        turns = [one for _, one in picked if one.turn is None]
        since = min((one.time for one in turns if one.time), default=None)
        read = turns_at(self.store, [one.seq for one in turns], since) if since else []
        texts = {turn.unit_id: turn for turn in read}
        found = ((name, one, one.turn or texts.get(one.unit_id)) for name, one in picked)
        return [self._check(name, one, turn) for name, one, turn in found if turn is not None and turn.output_text]

    def _check(self, name: str, known: KnownItem, turn: Turn) -> Check:
        """The question about a known item, now and then in another form."""
        variant = drawn(self._probed[name], known.label, self.chance)
        item, members = known.item(turn), members_of(name, self.judges)
        versions = {one: self.sets[one].version for one in (name, *members)}
        if variant is None:
            return Check(name, members, known, item, versions)
        self._probed[name][variant, known.label] += 1
        return Check(name, members, known, varied(item, variant), versions, variant)

    def _bias(self, name: str) -> dict[str, dict[str, Any] | None]:
        """By form and label, how the judge moves."""
        forms = stored.forms(self.store, name, self.sets[name].version)
        return {
            f"{variant} {label}": bias(forms.get((None, label), (0, 0)), forms.get((variant, label), (0, 0)))
            for variant in VARIANTS
            for label in LABELS
        }


def _counted(said: pl.DataFrame, label: Label) -> dict[str, int]:
    """Of known items of a label, how many the judge called violations, of how many."""
    bad = said.filter(pl.col("known") == label)["bad"]
    return {"bad": int(bad.sum()), "n": len(bad)}
