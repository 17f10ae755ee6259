"""The cards of the judges of a house as of now, and which of them may decide: read again once a minute while judges are at work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from monitor.clock import Clock, naive_utc
from monitor.config.schema import JudgeSettings
from monitor.judges.card import Card, Cards, cards, changed_since
from monitor.judges.gates import guarded, shut
from monitor.judges.versions import judges_in
from monitor.minute_cache import MinuteCache
from monitor.policy.schema import BoundRule, Policy
from monitor.recent import known_plans
from monitor.store.cards import at_work, pairs
from monitor.store.known import last_changes
from monitor.store.opening import Store
from monitor.weighing import weighted

REACH: Final = timedelta(days=90)
"""Answers that are older certify nobody: models, users and questions were others."""


class CardFile:
    """The cards of a house, whose `panels` are by name their members, kept for a minute; calls may come from any thread."""

    def __init__(self, store: Store, clock: Clock, panels: Mapping[str, Sequence[str]]) -> None:
        self.store, self.clock, self.panels = store, clock, panels
        self._kept = MinuteCache[Cards](clock)

    def now(self) -> Cards:
        """Return the cards by what they are of, at most a minute old."""
        return self._kept.now(self.read)

    def read(self) -> Cards:
        """Return the cards as the labels that there are make them; what judges and people have not labelled yet has an empty one."""
        since = naive_utc(self.clock.now() - REACH)
        changed = self._changed()
        blank = [
            Card(*key, last_at=last, changed_at=changed_since(began, changed.get(key[1])), works_in=frozenset(apps))
            for key, began, last, apps in at_work(self.store, since)
        ]
        work = {card.key: card.works_in for card in blank}
        labelled = cards(_probable(self.store, since), changed)
        full = (replace(card, works_in=work.get(card.key, frozenset())) for card in labelled)
        return {card.key: card for card in (*blank, *full)}

    def _changed(self) -> dict[str, datetime]:
        """When each judge was found to have changed last; a panel changes with its members."""
        alone = last_changes(self.store)
        found = {
            panel: [alone[one] for one in (panel, *members) if one in alone] for panel, members in self.panels.items()
        }
        return alone | {panel: max(times) for panel, times in found.items() if times}


def _probable(store: Store, since: datetime) -> pl.DataFrame:
    """Return what judges and people said of the same answers with the probability that both were asked."""
    return weighted(pairs(store, since), known_plans(store)).with_columns(
        probability=pl.col("inclusion_probability") * pl.col("asked_probability")
    )


VEILED: Final = "its numbers are of answers of applications that you may not see"


def told_cards(
    found: Cards, policies: Sequence[Policy], judges: Mapping[str, JudgeSettings], apps: frozenset[str] | None = None
) -> list[dict[str, Any]]:
    """Return the cards of rules in force as plain values, an empty one where a judge has none yet: newest versions first.

    `decides` says whether the judge does, `why` why not; `demands` is what its rule asks of it. `apps` are those that whoever asks may
    see, None all: a card of others is not told, and of one that is of others too it is told whether the judge decides, and no number (`veiled`).
    """
    told = []
    for policy, rule, judge in _asked(policies, judges):
        if apps is not None and not any(policy.grades(app) for app in apps):
            continue
        mine = [card for card in found.values() if (card.rule, card.judge) == (rule.id, judge) and _touches(card, apps)]
        mine.sort(key=lambda card: (card.last_at or datetime.min, card.n_violate + card.n_comply), reverse=True)  # noqa: DTZ901 the store keeps naive UTC
        newest = mine[0].version if mine else ""
        for card in mine or [Card(rule.id, judge, "", "")]:
            about = {"title": rule.text.title, "policy": policy.id, "current": card.version == newest}
            told.append(_seen(card, rule, apps) | about)
    return told


def _touches(card: Card, apps: frozenset[str] | None) -> bool:
    return apps is None or not (card.apps | card.works_in).isdisjoint(apps)


def _seen(card: Card, rule: BoundRule, apps: frozenset[str] | None) -> dict[str, Any]:
    """A card and what follows from it, as it is told to who may see `apps`."""
    why = shut(rule.text.decision, card)
    veiled = apps is not None and not card.apps <= apps
    stands = {"demands": _demands(rule), "decides": not why, "why": VEILED if why and veiled else why, "veiled": veiled}
    return (card.veiled() if veiled else card).told() | stands


def _demands(rule: BoundRule) -> dict[str, float]:
    decision = rule.text.decision
    asked = {"min_recall": decision.min_recall, "max_false_alarm": decision.max_false_alarm}
    return {name: bound for name, bound in asked.items() if bound is not None} if guarded(decision) else {}


def _asked(policies: Sequence[Policy], judges: Mapping[str, JudgeSettings]) -> Iterator[tuple[Policy, BoundRule, str]]:
    """Yield each rule in force with each judge or panel that it asks."""
    for policy in policies:
        for rule in policy.rules:
            named = {name for grader in judges_in(rule) for name in (grader.judge, grader.escalate_to)}
            yield from ((policy, rule, name) for name in sorted(str(one) for one in named & judges.keys()))
