"""Whether alerts were worth their messages: what people said on closing them, by rule, with an interval."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

import pyarrow as pa

from alerts.outgoing import Outgoing
from monitor.state import Transaction, alerts
from monitor.stats.intervals import wilson

_COLUMNS: Final[dict[str, pa.DataType]] = {
    "rule_id": pa.string(),
    "title": pa.string(),
    "n_alerts": pa.int64(),
    "n_useful": pa.int64(),
    "n_not_useful": pa.int64(),
    "false_rate": pa.float64(),
    "low": pa.float64(),
    "high": pa.float64(),
}
SCHEMA: Final = pa.schema(_COLUMNS)


def worth_rows(txn: Transaction, outgoing: Outgoing) -> list[dict[str, Any]]:
    """Return, by rule, how many alerts there were, how many of them people called useful or not, and the share of false ones.

    The last word about an episode counts. The share is of those that somebody said something about; without any it is unknown.
    """
    said: dict[tuple[str, int], tuple[str, bool]] = {}
    for row in alerts.opinions(txn):
        useful = json.loads(row["numbers"]).get("useful")
        if useful is not None:
            said[row["fingerprint"], row["episode"]] = row["rule_id"], useful
    told = Counter(said.values())
    episodes = Counter(row["rule_id"] for row in alerts.all_alerts(txn) if row["state"] in {"firing", "resolved"})
    rows = [_row(rule, n, told[rule, True], told[rule, False], outgoing) for rule, n in episodes.items()]
    return sorted(rows, key=lambda row: (-row["n_not_useful"], -row["n_alerts"], row["rule_id"]))


def _row(rule_id: str, n: int, useful: int, false: int, outgoing: Outgoing) -> dict[str, Any]:
    rule, said = outgoing.rule(rule_id), useful + false
    low, high = wilson(false, said) if said else (None, None)
    return {
        "rule_id": rule_id,
        "title": rule.title if rule else rule_id,
        "n_alerts": n,
        "n_useful": useful,
        "n_not_useful": false,
        "false_rate": false / said if said else None,
        "low": low,
        "high": high,
    }
