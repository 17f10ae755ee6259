"""One small body per dialect, of our own making, through the collector into the store: what must come out, and once.

The bodies follow the SDKs' sources and documents, so that versions nobody captured are held too. Every dialect file has one.
"""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.batch import Batch
from collectors.decode import decode_logs, decode_traces, propagate
from collectors.dialects.table import shipped
from collectors.frames import to_tables
from monitor.clock import FakeClock
from monitor.spool_writer import SpoolWriter
from monitor.store.finishing.finish import finish
from monitor.store.load import pump
from monitor.store.opening import Store
from tests.acceptance.fixtures import NOW, RECEIVED_US

GOLDEN = Path(__file__).parent.parent / "golden" / "dialects"
FILES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(GOLDEN.glob("*.json"))}
VIEWS = ("calls", "tool_calls", "turns", "retrievals")

Row = dict[str, Any]


def batches(golden: Row, *, one_by_one: bool) -> list[Batch]:
    """The spans and logs of a file as they may come: together, or each in a body of its own."""
    found = []
    for body in _bodies(golden, one_by_one=one_by_one):
        batch = Batch()
        decode = decode_logs if "resourceLogs" in body else decode_traces
        decode(json.dumps(body).encode(), "json", batch, RECEIVED_US)
        propagate(batch)
        found.append(batch)
    return found


def _bodies(golden: Row, *, one_by_one: bool) -> list[Row]:
    whole = [golden[name] for name in ("traces", "logs") if name in golden]
    if not one_by_one:
        return whole
    parts = (("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords"))
    return [
        {outer: [block | {middle: [scoped | {inner: [item]}]}]}
        for body in whole
        for outer, middle, inner in parts
        for block in body.get(outer, ())
        for scoped in block[middle]
        for item in scoped[inner]
    ]


def stored(found: list[Batch], folder: Path, *, finish_each: bool = False) -> dict[str, list[Row]]:
    """What the views say once `found` has come in this order."""
    store = Store.open(folder, clock=FakeClock(NOW))
    for batch in found:
        writer = SpoolWriter(folder / "spool")
        writer.append(to_tables(batch, None))
        writer.close()
        if finish_each:
            _settle(store, folder)
    _settle(store, folder)
    rows = {view: store.read(f"SELECT * FROM {view} ORDER BY time").to_pylist() for view in VIEWS}
    store.close()
    return rows


def _settle(store: Store, folder: Path) -> None:
    pump(store, folder / "spool")
    finish(store, NOW, timedelta(0), timedelta(0), flush=True)


def picked(rows: list[Row], wanted: list[Row]) -> list[Row]:
    """The columns that `wanted` names, row by row; a row too many or too few stays visible."""
    pairs = itertools.zip_longest(rows, wanted)
    return [{name: row.get(name) for name in want or row} if row is not None else {} for row, want in pairs]


@pytest.mark.parametrize("name", FILES)
def test_what_a_dialect_says_is_understood(name: str, tmp_path: Path) -> None:
    found = stored(batches(FILES[name], one_by_one=False), tmp_path)
    for view, wanted in FILES[name]["expected"].items():
        assert picked(found[view], wanted) == wanted, view


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", sorted(set(FILES) - {"langfuse"}))  # facts beside a call are found within a batch only
def test_and_counted_once_in_any_split_and_order(name: str, backwards: bool, tmp_path: Path) -> None:
    single = batches(FILES[name], one_by_one=True)
    found = stored((single[::-1] if backwards else single) * 2, tmp_path, finish_each=True)
    for view, wanted in FILES[name]["expected"].items():
        assert picked(found[view], wanted) == wanted, view


HELD_BY_REPORTS = {
    "azure-ai",
    "claude-code",
    "cloudflare",
    "codex",
    "gemini-cli",
    "livekit",
    "loongsuite",
    "mastra",
    "spring-ai",
    "vllm",
}
"""Dialects whose bodies are rows of the public reports: `test_reports` and `test_log_only` hold them to what people expect."""


def test_every_dialect_has_a_golden_body() -> None:
    spoken = {one.dialect for one in shipped()} - {"common"}
    held = {
        row["dialect"]
        for file in FILES.values()
        for rows in file["expected"].values()
        for row in rows
        if "dialect" in row
    }
    assert held | HELD_BY_REPORTS == spoken
