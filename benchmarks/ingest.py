"""How fast spans become durable and visible, against a floor measured in the same run on the same bodies.

The floor is what no design on this stack can beat on one core: parse the bodies with upb, append the same rows to DuckDB.
The run is the real thing: collectors and the agent as processes, OTLP over HTTP, redaction and features on.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.house import running
from benchmarks.sending import send
from benchmarks.traffic import bodies, spans_of

HOUR_NS = 3_600_000_000_000
CLIENTS = 8


def measure(batch: int, n_spans: int, collectors: int, *, redaction: bool = True) -> dict[str, object]:
    """Run one batch size and return its figures."""
    work = list(bodies(max(1, n_spans // batch), batch, seed=batch, start_ns=time.time_ns() - HOUR_NS))
    total = len(work) * spans_of(batch)
    settings = "" if redaction else "collector: {redaction: {enabled: false}}\n"
    with running(collectors, settings) as run:
        begun = time.perf_counter()
        sent = send(run.endpoints, work, CLIENTS)
        while run.visible() < total:
            time.sleep(0.05)
        visible = time.perf_counter() - begun
        peak = run.peak_mb()
        run.stop()
        stored = (run.data_dir / "plumbline.duckdb").stat().st_size
        floor = floor_seconds(work, run.data_dir)
    return {
        "batch": batch,
        "collectors": collectors,
        "redaction": "on" if redaction else "off",
        "spans": total,
        "acked/s": round(total / sent.seconds),
        "visible/s": round(total / visible),
        "floor/s": round(total / floor),
        "of floor": round(floor / visible, 2),
        "ack p50 ms": round(quantile(sent.latencies, 0.5), 1),
        "ack p99 ms": round(quantile(sent.latencies, 0.99), 1),
        "503s": sent.retries,
        "peak MB": peak,
        "bytes/span": round(stored / total),
    }


def floor_seconds(work: Sequence[bytes], data_dir: Path) -> float:
    """Return the time to parse `work` with upb and to append to an empty DuckDB the very rows the agent stored."""
    begun = time.perf_counter()
    for body in work:
        ExportTraceServiceRequest.FromString(body)
    parsed = time.perf_counter() - begun
    tables = _stored_rows(data_dir)
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(f"{folder}/floor.duckdb") as store:
        store.execute("SET checkpoint_threshold = '256MB'")
        for name, table in tables.items():
            store.register("rows", table.to_arrow())
            store.execute(f"CREATE TABLE {name} AS FROM rows LIMIT 0")
            store.unregister("rows")
        begun = time.perf_counter()
        for name, table in tables.items():
            for part in table.iter_slices(2_048):
                store.register("rows", part.to_arrow())
                store.execute(f"INSERT INTO {name} FROM rows")
                store.unregister("rows")
        return parsed + time.perf_counter() - begun


def _stored_rows(data_dir: Path) -> dict[str, pl.DataFrame]:
    """The rows themselves, read back from a closed store."""
    with duckdb.connect(str(data_dir / "plumbline.duckdb"), read_only=True) as store:
        return {
            name: pl.DataFrame(store.sql(f"SELECT * FROM base.{name}").to_arrow_table())
            for name in ("spans", "content", "features")
        }


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile of seconds, in milliseconds."""
    return float(np.quantile(values, share) * 1000)
