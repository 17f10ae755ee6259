"""Exposures: which user was shown which arm of which experiment, and when; a table out of an experimentation tool.

LaunchDarkly, PostHog, Statsig, GrowthBook and home-made tools all keep such a table; `--map` names its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from collectors.batch import Batch
from collectors.importers.ids import digest
from collectors.importers.instants import microseconds
from collectors.importers.readers import ImportItem, renamed
from collectors.importers.record import Added, BadRecord, Origin, first

KEYS: Final = {
    "user": "user_id",
    "user_id": "user_id",
    "experiment": "experiment",
    "variant": "variant",
    "time": "time of the exposure",
}
SOURCE: Final = "exposures"
"""The ledger's name for what was uploaded."""


def looks(record: Mapping[str, Any]) -> bool:
    """Tell an exposure: who, what and which, and nothing that was said."""
    keys = record.keys()
    return bool({"user", "user_id"} & keys) and {"experiment", "variant"} <= keys and not {"input", "output"} & keys


def add(batch: Batch, item: ImportItem, origin: Origin) -> Added:
    """Append one exposure. Raises `BadRecord` when it does not say who, what, which and when."""
    record = renamed(item.record, origin.names)
    user = first(record.get("user"), record.get("user_id"))
    said = {"user": user, "experiment": first(record.get("experiment")), "variant": first(record.get("variant"))}
    for name, value in said.items():
        if value is None:
            raise BadRecord(f"`{name}` is missing")
    time = _time(record.get("time"))
    batch.add(
        "exposures",
        key=digest(*map(str, said.values()), str(time))[:32],
        time=time,
        received_at=origin.received_us,
        user_id=user,
        experiment=said["experiment"],
        variant=said["variant"],
        source=SOURCE,
    )
    return Added(1)


def _time(value: Any) -> int:
    """An exposure without a time cannot be joined: it might have been after the turn."""
    try:
        found = microseconds(value)
    except (ValueError, OverflowError):
        found = None
    if found is None or found <= 0:
        raise BadRecord(f"`time` {str(value)[:40]!r} is neither ISO 8601 nor seconds since 1970")
    return found
