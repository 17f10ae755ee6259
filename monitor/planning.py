"""The plans by which new turns are sampled: by app, by rule, and by what is new."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from msgspec.structs import replace

from monitor.config.schema import SamplingSettings
from monitor.sampling import OTHERS, Plan, Rates, plan_of

CHANGES: Final = ("model", "prompt_version", "release")
"""Columns of turns whose new values are a change."""

ANY: Final = ""
"""Stands for every app that is not named."""

BOTH: Final = "/"
"""Stands between app and rule where a rate is that of one rule in one app."""


@dataclass(frozen=True)
class Eagerness:
    """How eagerly a policy wants one of its rules asked: `weight` times as often as the rate of an app says, of `apps` (none: of all)."""

    rule: str
    weight: float
    apps: Sequence[str] = ()

    def of(self, rule: str, app: str) -> bool:
        """Return whether it is said of this rule in this app."""
        return self.rule == rule and (not self.apps or app in self.apps)


def plans_of(
    settings: SamplingSettings,
    a_day: Mapping[str, int],
    fresh: Mapping[str, Sequence[str]],
    eager: Sequence[Eagerness] = (),
) -> list[Plan]:
    """Return the plans by which new turns are sampled: by app and rule, and by what is new, of which every rule is asked.

    `a_day` says how many turns each app had in the last day, `fresh` which values of `CHANGES` are new. A quota raises the rate of an app to
    a half, a quarter and so on that is enough for it, so that the plan changes when traffic doubles, not with every turn.
    """
    raised = {app: _enough(settings.quota / n) for app, n in a_day.items() if n > 0 and settings.quota > 0}
    named = dict(settings.strata)
    rates = named | {app: max(rate, named.get(app, settings.rate)) for app, rate in raised.items()}
    plans = [_by_rule(replace(plan_of(settings), rates=rates), _Wishes(settings.rules, raised, eager))]
    if settings.changed > 0:
        for number, column in enumerate(CHANGES, 1):
            new = dict.fromkeys(sorted(fresh.get(column, ())), settings.changed)
            plans.append(Plan(f"new {column}:{settings.seed}", settings.seed + number, 0.0, new, column=column))
    return plans


def _enough(share: float) -> float:
    """Return 1, or the smallest of 1/2, 1/4 ... that is at least `share`."""
    return min(1.0, 2.0 ** math.ceil(math.log2(share)))


@dataclass(frozen=True)
class _Wishes:
    """What is wanted of single rules: rates of their own (by rule, or by app and rule), quotas of apps, and weights."""

    rates: Mapping[str, float]
    quotas: Mapping[str, float]
    eager: Sequence[Eagerness]

    @property
    def rules(self) -> list[str]:
        """The rules of which anything is said, by name."""
        named = {name.rpartition(BOTH)[2] for name in self.rates}
        return sorted(named | {one.rule for one in self.eager if one.weight != 1})

    @property
    def apps(self) -> set[str]:
        """The apps that are named."""
        named = {name.rpartition(BOTH)[0] for name in self.rates if BOTH in name}
        return named | {app for one in self.eager if one.weight != 1 for app in one.apps}

    def rate(self, usual: Rates, rule: str, app: str) -> float:
        """Return how often a rule is asked in an app whose turns are picked at the `usual` rates; a quota holds for every rule."""
        own = self.rates.get(f"{app}{BOTH}{rule}", self.rates.get(rule))
        if own is not None:
            return max(own, self.quotas.get(app, 0.0))
        weights = [one.weight for one in self.eager if one.of(rule, app)]
        return min(1.0, usual.of(app) * max(weights, default=1.0))


def _by_rule(plan: Plan, wishes: _Wishes) -> Plan:
    """Return `plan` with the rates of single rules; turns are picked as often as the most eager of them asks for."""
    apps = sorted(wishes.apps | plan.rates.keys())
    usual = Rates(plan.rate, plan.rates)
    asked = {rule: _rates(apps, partial(wishes.rate, usual, rule)) for rule in wishes.rules}
    most = _rates(apps, lambda app: max(rates.of(app) for rates in [usual, *asked.values()]))
    own = {rule: rates for rule, rates in asked.items() if any(rates.of(app) != usual.of(app) for app in [ANY, *apps])}
    if all(most.of(app) == usual.of(app) for app in [ANY, *apps]):
        return replace(plan, rules=own)
    return replace(plan, rate=most.rate, rates=most.rates, rules={OTHERS: usual} | own)


def _rates(apps: Sequence[str], rate: Callable[[str], float]) -> Rates:
    """Return the rates of `apps`, and of all others, as far as those differ."""
    whole = rate(ANY)
    return Rates(whole, {app: rate(app) for app in apps if rate(app) != whole})
