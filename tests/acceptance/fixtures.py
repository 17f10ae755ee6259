"""Captured bodies through the collector's own path into a real store; what the applications really did beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from collectors.batch import Batch
from collectors.decode import BadBody, decode_logs, decode_traces, propagate
from collectors.doors.bodies import unpacked
from collectors.frames import to_tables
from monitor.spool_writer import SpoolWriter
from monitor.store.opening import Store
from tests.support.settled import settled_store
from tests.support.shared import FIXTURES

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RECEIVED_US = int(NOW.timestamp() * 1_000_000)


@cache
def cases() -> dict[str, dict[str, Any]]:
    """Every captured case by "source/case"; none where the fixtures are not on this machine."""
    index = FIXTURES / "index.json"
    if not index.exists():
        return {}
    return {f"{case['source']}/{case['case']}": case for case in json.loads(index.read_text())["cases"]}


def detail(case: dict[str, Any]) -> dict[str, Any]:
    """What the application did, call by call."""
    found: dict[str, Any] = json.loads((FIXTURES / case["expected_detail"]).read_text())
    return found


@contextmanager
def stored(case: dict[str, Any], folder: Path) -> Iterator[Store]:
    """A store into which the bodies of `case` went one by one, as they came."""
    with told_together({"": case}, folder) as (store, _):
        yield store


@contextmanager
def told_together(told: dict[str, dict[str, Any]], folder: Path) -> Iterator[tuple[Store, dict[str, str]]]:
    """A store into which the bodies of all cases went, and the case that each trace belongs to."""
    case_of: dict[str, str] = {}
    writer = SpoolWriter(folder / "spool")
    for name, case in told.items():
        for request in case["requests"]:
            if request["signal"] in {"traces", "logs"}:
                batch = _decoded(request)
                case_of |= dict.fromkeys(_traces(batch), name)
                writer.append(to_tables(batch, None))
                writer.sync()
    writer.close()
    with settled_store(folder, NOW) as store:
        yield store, case_of


def _traces(batch: Batch) -> set[str]:
    columns = batch.columns()
    return {trace for table in ("spans", "scores") for trace in columns[table]["trace_id"] if trace}


def _decoded(request: dict[str, Any]) -> Batch:
    raw = (FIXTURES / request["file"]).read_bytes()
    batch = Batch()
    try:
        body = unpacked(raw, request.get("content_encoding") or "identity", 32_000_000)
        decode = decode_traces if request["signal"] == "traces" else decode_logs
        decode(body, "json" if "json" in (request["content_type"] or "") else "protobuf", batch, RECEIVED_US)
    except BadBody:
        return Batch()
    propagate(batch)
    return batch
