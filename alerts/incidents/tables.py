"""Incidents as they are read with SQL: the public tables `incidents` and `incident_events`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from alerts.incidents.book import status
from monitor.clock import naive_utc
from monitor.state import ControlState, incidents
from monitor.state.public import PublicTables, of_rows

_TIME: Final = pa.timestamp("us")

_INCIDENTS: Final[dict[str, pa.DataType]] = {
    "number": pa.int64(),
    "title": pa.string(),
    "status": pa.string(),
    "severity": pa.string(),
    "playbook": pa.string(),
    "owner": pa.string(),
    "opened_at": _TIME,
    "opened_by": pa.string(),
    "closed_at": _TIME,
    "closed_by": pa.string(),
    "review": pa.string(),
    "n_users": pa.int64(),
    "n_turns": pa.int64(),
}

_EVENTS: Final[dict[str, pa.DataType]] = {
    "incident": pa.int64(),
    "at": _TIME,
    "person": pa.string(),
    "kind": pa.string(),
    "text": pa.string(),
}

SCHEMAS: Final = {"incidents": pa.schema(_INCIDENTS), "incident_events": pa.schema(_EVENTS)}


def incident_tables(state: ControlState) -> PublicTables:
    """Return both tables."""

    def listed() -> list[dict[str, Any]]:
        with state.transaction() as txn:
            return [_plain({**row, "status": status(row)}) for row in incidents.listed(txn)]

    def events() -> list[dict[str, Any]]:
        with state.transaction() as txn:
            return [_plain(row) for row in incidents.events(txn)]

    rows = {"incidents": listed, "incident_events": events}
    return PublicTables({name: of_rows(SCHEMAS[name], made) for name, made in rows.items()})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: naive_utc(value) if isinstance(value, datetime) else value for name, value in row.items()}
