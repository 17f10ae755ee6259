"""How often judges can be asked about answers: what their budgets hold, spread over strata where it tells most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import product
from typing import Final

from monitor.config.schema import Settings
from monitor.graders.grader import Connected
from monitor.judge_draws import BANDS, OTHER, UNSEEN, AskingRates, Stratum, dimension_of
from monitor.judges.allocation import StratumCounts, allocated, calls_for
from monitor.judges.versions import rules_asking
from monitor.planning import BOTH
from monitor.policy.schema import Policy
from monitor.store import judge_draws, pace
from monitor.store.reads import Reader

NOBODY: Final = StratumCounts(0)

Strata = Mapping[Stratum, StratumCounts]


def affordable(reader: Reader, policies: Sequence[Policy], settings: Settings, day: datetime) -> dict[str, AskingRates]:
    """Return how often judges may be asked about the answers of each stratum, by rule, for budgets to suffice; by the day before `day`.

    Rules that judges can keep up with are not there; nor are those of a judge that may not be asked at all, which is told, and what
    `sampling.rules` names, which counts first.
    """
    asked = rules_asking(policies, settings.judges) if settings.judges else {}
    asked = {rule: judges for rule, judges in asked.items() if rule not in settings.sampling.rules}
    if not asked:
        return {}
    answers, calls = pace.turns_a_day(reader, day), calls_for(asked, settings.judges)
    texts = Connected(settings.judges.keys(), frozenset(settings.judge_texts.apps))
    told = _told(reader, [*asked], day)
    found: dict[str, AskingRates] = {}
    for rule in asked:
        held = [policy for policy in policies if any(one.id == rule for one in policy.rules)]
        apps = [app for app in answers if texts.may_leave(app) and any(policy.grades(app) for policy in held)]
        apps = [app for app in apps if f"{app}{BOTH}{rule}" not in settings.sampling.rules]
        split = any(dimension_of(policy) for policy in held)
        waited = {app: _waited(told.get(rule, {}), app) or answers[app] for app in apps}
        if 1 <= calls[rule] < sum(waited.values()):
            strata = dict(_strata(told.get(rule, {}), waited, split=split))
            found[rule] = AskingRates({one: rate for one, rate in allocated(calls[rule], strata).items() if rate < 1})
    return found


def _told(reader: Reader, rules: Sequence[str], day: datetime) -> dict[str, dict[Stratum, StratumCounts]]:
    """What strata there were, by rule."""
    found: dict[str, dict[Stratum, StratumCounts]] = {}
    for rule, app, value, band, answers, bad, judged in judge_draws.strata(reader, rules, day).iter_rows():
        found.setdefault(rule, {})[Stratum(app, value, band)] = StratumCounts(answers, bad, judged)
    return found


def _waited(told: Strata, app: str) -> float:
    return sum(one.answers for stratum, one in told.items() if stratum.app == app)


def _strata(told: Strata, waited: Mapping[str, float], *, split: bool) -> Iterator[tuple[Stratum, StratumCounts]]:
    """Yield the strata of some applications: those that there were, and what may come beside them, by the share it is taken to have."""
    for app, answers in waited.items():
        mine = {stratum: one for stratum, one in told.items() if stratum.app == app}
        fresh = not any(one.answers for one in mine.values())
        values = {stratum.value for stratum in mine} | {OTHER if split else ""}
        for value, (band, share) in product(sorted(values), BANDS.items()):
            one = mine.get(Stratum(app, value, band), NOBODY)
            taken = (share if fresh else UNSEEN) * answers / len(values)
            yield Stratum(app, value, band), one if one.answers else replace(one, answers=taken)
