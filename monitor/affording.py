"""How often rules that judges decide can be asked: what their budgets hold, spread over applications where it tells most."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from monitor.config.schema import Settings
from monitor.graders.grader import Connected
from monitor.judges.allocation import Stratum, allocated, calls_for
from monitor.judges.versions import rules_asking
from monitor.planning import BOTH
from monitor.policy.schema import Policy
from monitor.store import pace
from monitor.store.reads import Reader


def affordable(reader: Reader, policies: Sequence[Policy], settings: Settings, day: datetime) -> dict[str, float]:
    """Return how often rules that judges decide may be asked in each app, by app/rule, for budgets to suffice; by the day before `day`.

    Rules that judges can keep up with are not there; nor are those of a judge that may not be asked at all, which is told.
    """
    asked = rules_asking(policies, settings.judges) if settings.judges else {}
    if not asked:
        return {}
    answers, calls = pace.turns_a_day(reader, day), calls_for(asked, settings.judges)
    short = [rule for rule in asked if 1 <= calls[rule] < sum(answers.values())]
    said = pace.days_verdicts(reader, short, day) if short else {}
    texts = Connected(settings.judges.keys(), frozenset(settings.judge_texts.apps))
    found: dict[str, float] = {}
    for rule in short:
        held = [policy for policy in policies if any(one.id == rule for one in policy.rules)]
        apps = [app for app in answers if texts.may_leave(app) and any(policy.grades(app) for policy in held)]
        strata = {app: Stratum(answers[app], *said.get((rule, app), (0, 0))) for app in apps}
        found |= {f"{app}{BOTH}{rule}": rate for app, rate in allocated(calls[rule], strata).items() if rate < 1}
    return found
