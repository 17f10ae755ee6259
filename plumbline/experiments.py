"""What the agent answers about experiments that have not begun."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from monitor.clock import naive_utc
from monitor.config.schema import ExperimentSettings
from monitor.errors import Forbidden
from monitor.experiments.planning import DAYS, LEAST, Design, Plan, plan
from monitor.measures import Titles, called
from monitor.store.opening import Store
from monitor.store.unit_days import compared, unit_days
from monitor.wording import counted, percent
from plumbline.api.call import Actor
from plumbline.api.experiment_questions import ExperimentPlan


def experiment_plan(
    store: Store, settings: ExperimentSettings, asked: ExperimentPlan, now: datetime, actor: Actor, titles: Titles
) -> dict[str, Any]:
    """Return the plan as plain values with one sentence, which calls rules by their `titles`. Raises `Forbidden` where the actor may not see the app."""
    if actor.apps is not None and asked.app not in actor.apps:
        raise Forbidden("name one of your own applications (--app)")
    until = naive_utc(now)
    since = until - timedelta(days=DAYS)
    comparisons = compared(store, asked.app, since) * (asked.arms - 1)
    design = Design(asked.smallest, settings.alpha, asked.arms, asked.share, comparisons)
    found = plan(unit_days(store, asked.app, asked.metric, since, until), design)
    numbers = {} if found is None else asdict(found)
    return {
        **numbers,
        "comparisons": comparisons,
        "sentence": _sentence(asked, called(asked.metric, titles), found, comparisons),
    }


def _sentence(asked: ExperimentPlan, name: str, found: Plan | None, comparisons: int) -> str:
    if found is None:
        return (
            f"Nothing can be said: fewer than {LEAST} users of {asked.app} have a value in the last {DAYS} days: {name}"
        )
    shown = _difference(asked)
    now = f"{name} is {percent(found.value, 1) if _is_share(asked.metric) else f'{found.value:.4g}'} now"
    if found.days is None:
        return f"More than a year for {shown}: {found.users:,} users would come until then and are too few; {now}"
    return (
        f"About {counted(found.days, 'day')} for {shown}: {found.users:,} users in {asked.arms} arms; {now}; told eight times out of ten, "
        f"whenever one looks, with the error shared by {counted(comparisons, 'comparison')}"
    )


def _difference(asked: ExperimentPlan) -> str:
    if _is_share(asked.metric):
        points = 100 * asked.smallest
        return f"{points:g} point{'' if points == 1 else 's'}"
    return f"a difference of {asked.smallest:g}"


def _is_share(metric: str) -> bool:
    return metric.startswith(("rule:", "error"))
