"""What was changed lately, as a timeline outside shows it: what people and deploy scripts told, and what findings noticed besides."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from monitor.clock import naive_utc
from monitor.drift.noticed import is_told, noticed
from monitor.model.values import ChangeEvent
from monitor.steps import House
from monitor.store import outcomes
from monitor.store.opening import Store

LATELY: Final = timedelta(hours=72)
"""How old a change may be that is still worth a line on somebody's timeline; as long as messages are tried."""


def change_events(store: Store, now: datetime) -> list[ChangeEvent]:
    """Return the changes of the last three days, each once, oldest first."""
    since = naive_utc(now - LATELY)
    told = outcomes.told_events(store, since)
    seen = [event for finding in outcomes.findings_since(store, since) for event in noticed(finding)]
    fresh = {event.key: event for event in reversed(seen) if event.time > now - LATELY}
    untold = [event for event in fresh.values() if not any(is_told(event, one) for one in told)]
    return sorted([*told, *untold], key=lambda event: event.time)


def tell_changes(house: House, _: None = None) -> int:
    """Tell the receivers that ask for them what changed; return how many messages that owes."""
    return house.alerting.tell_changes(partial(change_events, house.store)) if house.alerting else 0
