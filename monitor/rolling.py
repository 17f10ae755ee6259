"""Rates of the last four weeks of rules that judges decide: people label a few answers a day, and a window of a day has too few to correct a judge.

It is one number as of now, read again once a minute while somebody asks for it, which costs as much as judges were asked about; the published
windows and what alerts go by are others. Not for seeing when something changed: that is what drift is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from monitor.clock import Clock, naive_utc
from monitor.config.schema import Settings
from monitor.estimates import estimate_told
from monitor.judges.versions import rules_asking
from monitor.minute_cache import MinuteCache
from monitor.model.dimensions import NAMES
from monitor.model.values import Estimate
from monitor.policy.schema import Policy, units_of_rules
from monitor.recent import known_plans, turns_of
from monitor.stats.erring import Errors
from monitor.store.graded import graded_units
from monitor.store.opening import Store
from monitor.store.reads import Reader
from monitor.verdict_columns import told
from monitor.weighing import weighted

WEEKS: Final = timedelta(days=28)


class FourWeeks:
    """The rates of a house, kept for a minute; calls may come from any thread."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self.store, self.clock, self.settings = store, clock, settings
        self._kept = MinuteCache[list[Estimate]](clock)

    def now(self, policies: Sequence[Policy], errors: Errors | None) -> list[Estimate]:
        """Return the rates under `policies`, at most a minute old; `errors` as `rolling_rates` takes them."""
        return self._kept.now(
            lambda: rolling_rates(self.store, policies, self.settings, self.clock.now(), errors),
            [policy.hash for policy in policies],
        )


def rolling_rates(
    reader: Reader, policies: Sequence[Policy], settings: Settings, now: datetime, errors: Errors | None
) -> list[Estimate]:
    """Return the rate of each rule that a connected judge is asked about and app over the four weeks before `now`; none without judges.

    `errors`: how often the people err whose labels correct it, None where nothing tells of it.
    """
    rules = sorted(rules_asking(policies, settings.judges))
    if not rules:
        return []
    whole = replace(settings.estimates, window="28d", segments=())
    end = naive_utc(now)
    start = end - WEEKS
    plans = known_plans(reader)
    needed = {"app", "user_id", "session_id", *(plan.column for _, plan in plans)} & {*NAMES}
    said = told(weighted(graded_units(reader, start, end, rules, sorted(needed)), plans), [])
    counted = turns_of(reader, whole, start, end, ending=end)
    return estimate_told(said, counted, whole, ending=now, about=units_of_rules(policies), errors=errors)
