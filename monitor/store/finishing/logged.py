"""Texts that came in logs: put them beside the span they belong to, once.

Some instrumentations send a message a log record, some one record a call, some both the record and the span. A span's own
texts win; a record only fills what the span does not say. What was used is emptied in `base.events`, where the row
stays as the memory that this record has been seen.
"""

from __future__ import annotations

from typing import Any

import msgspec

from monitor.store.opening import Transaction

FIELDS = ("system_text", "input_messages", "output_messages")


def assemble_logged(txn: Transaction, bounds: str) -> None:
    """Turn the message records of the settled traces into content rows of their spans."""
    # Records of one call often share one time stamp: the order in which they came decides.
    records = txn.read(
        f"""
        SELECT e.key, e.part, e.body, s.trace_id, s.span_id, s.time
        FROM (SELECT *, rowid AS came FROM base.events WHERE {bounds}) e
        JOIN temp.touched s ON s.trace_id = e.trace_id AND s.span_id = e.span_id
        WHERE e.body IS NOT NULL AND e.part IN ('system', 'input', 'output', 'details')
        ORDER BY e.time, e.came"""
    ).to_pylist()
    if not records:
        return
    by_span: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in records:
        by_span.setdefault((record["trace_id"], record["span_id"]), []).append(record)
    stored = _stored(txn, bounds, by_span)
    _replace(txn, bounds, [_combined(key, rows, stored.get(key)) for key, rows in by_span.items() if _speaks(rows)])
    _tell_reasons(txn, bounds, by_span)
    txn.execute(
        f"UPDATE base.events SET body = NULL WHERE {bounds} AND list_contains(?, key)", [[r["key"] for r in records]]
    )


def _speaks(records: list[dict[str, Any]]) -> bool:
    """Tell records with content from those that only say why the model stopped."""
    return any(record["part"] == "details" or msgspec.json.decode(record["body"])["parts"] for record in records)


def _tell_reasons(txn: Transaction, bounds: str, spans: dict[tuple[str, str], list[dict[str, Any]]]) -> None:
    """Fill the finish reason of calls that tell it in a log only; the first choice counts."""
    told = {}
    for key, records in spans.items():
        outputs = [msgspec.json.decode(record["body"]) for record in records if record["part"] == "output"]
        reason = next((one["finish_reason"] for one in outputs if one.get("finish_reason")), None)
        if reason is not None:
            told["".join(key)] = reason
    if told:
        txn.execute(
            f"""
            UPDATE base.spans SET finish_reason = list_extract(?, list_position(?, trace_id || span_id))
            WHERE finish_reason IS NULL AND {bounds} AND list_contains(?, trace_id || span_id)""",
            [list(told.values()), list(told), list(told)],
        )


def _stored(txn: Transaction, bounds: str, spans: dict[tuple[str, str], Any]) -> dict[tuple[str, str], dict[str, Any]]:
    rows = txn.read(
        f"SELECT * FROM base.content WHERE {bounds} AND list_contains(?, trace_id)", [sorted({t for t, _ in spans})]
    ).to_pylist()
    return {(row["trace_id"], row["span_id"]): row for row in rows}


def _combined(key: tuple[str, str], records: list[dict[str, Any]], stored: dict[str, Any] | None) -> dict[str, Any]:
    trace_id, span_id = key
    row = stored or {"trace_id": trace_id, "span_id": span_id, "time": records[0]["time"], "origin": "log"}
    return {**row, **_told(records, row)}


def _told(records: list[dict[str, Any]], row: dict[str, Any]) -> dict[str, str | None]:
    """What the records add to `row`: fields a span filled stay; lists that logs filled grow."""
    grows = row["origin"] == "log"
    texts = {name: row.get(name) for name in FIELDS}
    lists: dict[str, list[Any]] = {
        name: msgspec.json.decode(texts[name] or "[]") if grows else [] for name in FIELDS[1:]
    }
    system = [texts["system_text"]] if texts["system_text"] else []
    for record in records:
        body = msgspec.json.decode(record["body"])
        if record["part"] == "details":
            system += [body["system_text"]] if body.get("system_text") and not system else []
            for name in FIELDS[1:]:
                lists[name] = lists[name] or _messages(body.get(name))
        elif record["part"] == "system":
            system += [text for text in _texts(body) if text not in system]
        else:
            lists[f"{record['part']}_messages"] += [body] if body["parts"] else []
    logged = {name: msgspec.json.encode(items).decode() if items else None for name, items in lists.items()}
    told = {"system_text": "\n".join(system) or None, **logged}
    return {name: (value if grows else texts[name] or value) for name, value in told.items()}


def _messages(value: Any) -> list[Any]:
    return list(msgspec.json.decode(value)) if isinstance(value, str) else list(value or [])


def _texts(message: dict[str, Any]) -> list[str]:
    return [part["content"] for part in message.get("parts", []) if part.get("type") == "text" and part.get("content")]


def _replace(txn: Transaction, bounds: str, rows: list[dict[str, Any]]) -> None:
    spans = [f"{row['trace_id']}{row['span_id']}" for row in rows]
    txn.execute(f"DELETE FROM base.content WHERE {bounds} AND list_contains(?, trace_id || span_id)", [spans])
    txn.insert("content", rows)
