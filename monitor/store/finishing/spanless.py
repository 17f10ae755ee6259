"""Calls that only a log record tells: where the span of a record never comes, the record is the call.

The row has the flag `from_log` and the key of its record as its id. When the span comes after all, the row leaves again, and the
texts join the span as those of any record do.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from monitor.store.finishing.settled import take_spans
from monitor.store.opening import Transaction

MARK: Final = "from_log"
OF_EVENT: Final = ("trace_id", "time", "received_at", "name", "app", "environment", "user_id", "session_id", "source")
TEXTS: Final = ("system_text", "input_messages", "output_messages")

_TOLD: Final = """
    SELECT e.*, s.span_id IS NOT NULL AS has_span, k.span_id IS NOT NULL AS stands_in
    FROM (SELECT * FROM base.events WHERE {bounds} AND part IN ('details', 'dropped')
            AND contains(body, '"facts"') AND json_valid(body)) e
    SEMI JOIN temp.settled t ON t.trace_id = e.trace_id
    LEFT JOIN temp.touched s ON s.trace_id = e.trace_id AND s.span_id = e.span_id
    LEFT JOIN temp.touched k ON k.trace_id = e.trace_id AND k.span_id = e.key"""


def stand_in(txn: Transaction, bounds: str) -> None:
    """Write the calls of records whose span is not there, and take back those whose span has come."""
    records = txn.read(_TOLD.format(bounds=bounds)).to_pylist()
    came = [record["key"] for record in records if record["has_span"] and record["stands_in"]]
    alone = [record for record in records if not record["has_span"] and not record["stands_in"]]
    told = [(record, body) for record in alone if (body := msgspec.json.decode(record["body"])).get("facts")]
    for table in ("spans", "content", "features") if came else ():
        txn.execute(f"DELETE FROM base.{table} WHERE {bounds} AND list_contains(?, span_id)", [came])
    if told:
        txn.insert("spans", [_span(record, body["facts"]) for record, body in told])
        txn.insert(
            "content", [_content(record, body) for record, body in told if any(body.get(name) for name in TEXTS)]
        )
    if told or came:
        take_spans(txn, bounds)


def _span(record: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    own = {name: record[name] for name in OF_EVENT}
    failed = "error_type" in facts
    status = "error" if failed else "unset"
    return {**facts, **own, "span_id": record["key"], "kind": "llm", "status": status, "flags": MARK}


def _content(record: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    said = {name: body.get(name) for name in TEXTS}
    texts = {
        name: value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in said.items()
    }
    return {"trace_id": record["trace_id"], "span_id": record["key"], "time": record["time"], "origin": "log", **texts}
