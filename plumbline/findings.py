"""What the agent answers about findings as people ask for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from monitor.clock import naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import DriftSettings
from monitor.drift.ledger import ledger
from monitor.store import outcomes, reads
from monitor.store.opening import Store
from plumbline.api.call import Actor


def drift_ledger(store: Store, settings: DriftSettings, now: datetime, actor: Actor) -> dict[str, Any]:
    """Return the ledger of the false-alarm budget; who may see some apps only is told of their streams."""
    since = naive_utc(now - parse_duration(settings.budget.per))
    raised = reads.recent_findings(store, since)
    told = ledger(outcomes.tracker_states(store), settings, raised.filter(raised["origin"] == "live").height, now)
    streams = [line for line in told["streams"] if actor.apps is None or line["app"] in actor.apps]
    return told | {"streams": streams}
